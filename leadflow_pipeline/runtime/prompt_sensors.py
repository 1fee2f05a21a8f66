"""Dagster's sensor daemon, which looks at its sensors again at once when the tick of a watch has ended.

By itself it looks every 5 seconds, so a sensor that has just asked for a run is away for that long. A watch is one that
may tick each second; its ticks are held open for minutes (`defs/held_ticks`), so such ends are few. Other sensors wait
for the next look, as each look costs processor time.
"""

import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Executor, Future
from typing import Any

from dagster._core.remote_representation.external import RemoteSensor
from dagster._core.workspace.context import IWorkspaceProcessContext
from dagster._daemon.daemon import DaemonIterator, SensorDaemon

# Ticks that end together, as after one announcement, are looked at together.
SECONDS_TO_GATHER = 0.05
# `minimum_interval_seconds` of the sensors that are looked at again at once. None begins a tick within it of the last
# one; so there is one more look behind it.
WATCH_INTERVAL = 1
SECONDS_TO_SECOND_LOOK = 1.0
SECONDS_TO_NOTICE_SHUTDOWN = 0.5


class PromptSensorDaemon(SensorDaemon):
    """Needs `sensors.use_threads`; without threads ticks end within the look itself, and nothing is different."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        super().__init__(settings)
        self._has_ended = threading.Event()
        if self._threadpool_executor is not None:
            announce_ends(self._threadpool_executor, self._has_ended, of=is_tick_of_watch)

    def core_loop(
        self, workspace_process_context: IWorkspaceProcessContext[Any], shutdown_event: threading.Event
    ) -> DaemonIterator:
        """Dagster's own loop, whose pause ends early."""
        yield from super().core_loop(workspace_process_context, PromptPause(shutdown_event, self._has_ended))


class PromptPause(threading.Event):
    """What the loop waits for between two looks: the shutdown, or the end of a tick."""

    def __init__(self, shutdown: threading.Event, has_ended: threading.Event) -> None:
        super().__init__()
        self._shutdown = shutdown
        self._has_ended = has_ended
        self._is_second_look_due = False

    def is_set(self) -> bool:
        return self._shutdown.is_set()

    def wait(self, timeout: float | None = None) -> bool:
        """Whether to shut down; after `timeout` seconds at the latest, or as soon as a tick has ended."""
        left = float("inf") if timeout is None else timeout
        if self._is_second_look_due:
            left = min(left, SECONDS_TO_SECOND_LOOK)
        self._is_second_look_due = self._wait_for_end(left)
        return self._shutdown.is_set()

    def _wait_for_end(self, seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while not self._shutdown.is_set() and (left := deadline - time.monotonic()) > 0:
            if self._has_ended.wait(min(left, SECONDS_TO_NOTICE_SHUTDOWN)):
                time.sleep(SECONDS_TO_GATHER)
                self._has_ended.clear()
                return True
        return False


def announce_ends(executor: Executor, has_ended: threading.Event, *, of: Callable[..., bool]) -> None:
    """From now on, set `has_ended` whenever something ends that was submitted with arguments which `of` accepts."""
    submit = executor.submit

    def submit_and_announce(*args: Any, **kwargs: Any) -> Future[Any]:
        future = submit(*args, **kwargs)
        if of(*args, **kwargs):
            future.add_done_callback(lambda _: has_ended.set())
        return future

    executor.submit = submit_and_announce  # type: ignore[method-assign]


def is_tick_of_watch(*submitted: Any) -> bool:
    """Whether what the daemon submits is a tick of a watch: a function, and among its arguments the sensor."""
    return any(isinstance(each, RemoteSensor) and each.min_interval_seconds == WATCH_INTERVAL for each in submitted)
