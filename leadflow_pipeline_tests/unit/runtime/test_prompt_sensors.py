"""The daemon's pause between two looks at the sensors: it ends with a tick, with its time, or with the daemon."""

import inspect
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import dagster as dg
import pytest
from dagster._core.remote_representation.external import RemoteSensor
from dagster._core.remote_representation.external_data import SensorSnap
from dagster._core.remote_representation.handle import RepositoryHandle
from dagster._core.test_utils import instance_for_test
from dagster._daemon import controller
from dagster._daemon import sensor as sensor_loop

from leadflow_pipeline.runtime.prompt_sensors import (
    SECONDS_TO_SECOND_LOOK,
    PromptPause,
    PromptSensorDaemon,
    announce_ends,
    is_tick_of_watch,
)
from leadflow_pipeline.runtime.run_daemon import keep_prompt_watch

LONG = 30.0  # far beyond what any of these may take


class Pauses:
    """A pause, and what ends it."""

    def __init__(self, ticks: ThreadPoolExecutor) -> None:
        self.shutdown, self.has_ended = threading.Event(), threading.Event()
        self.ticks = ticks
        announce_ends(ticks, self.has_ended, of=lambda tick, *_: tick is not time.strptime)
        self.pause = PromptPause(self.shutdown, self.has_ended)

    def seconds(self, timeout: float = LONG) -> float:
        began = time.monotonic()
        self.pause.wait(timeout)
        return time.monotonic() - began


@pytest.fixture
def pauses() -> Iterator[Pauses]:
    with ThreadPoolExecutor(4) as ticks:
        yield Pauses(ticks)


def test_without_a_tick_that_ends_the_pause_is_as_long_as_dagsters(pauses: Pauses) -> None:
    assert 0.3 <= pauses.seconds(0.3) < LONG / 2
    assert 0.1 <= pauses.seconds(0.1) < LONG / 2


def test_a_tick_that_ends_ends_the_pause_and_is_done_by_then(pauses: Pauses) -> None:
    """A look that came before the tick is done would find it under way, and pass the sensor over."""
    tick = pauses.ticks.submit(time.sleep, 0.2)
    assert pauses.seconds() < LONG / 2
    assert tick.done()


def test_a_tick_that_fails_ends_the_pause_too(pauses: Pauses) -> None:
    pauses.ticks.submit(lambda: 1 / 0)
    assert pauses.seconds() < LONG / 2


def test_a_tick_that_ended_during_the_look_is_not_missed(pauses: Pauses) -> None:
    pauses.ticks.submit(int).result()
    assert pauses.seconds() < LONG / 2


def test_there_is_a_second_look_when_a_sensor_may_begin_its_next_tick_and_no_third(pauses: Pauses) -> None:
    """Ticks of one sensor begin at least a second apart, so the first look may come too early for it."""
    pauses.ticks.submit(int).result()
    pauses.seconds()
    assert SECONDS_TO_SECOND_LOOK <= pauses.seconds() < LONG / 2
    assert pauses.seconds(3 * SECONDS_TO_SECOND_LOOK) >= 3 * SECONDS_TO_SECOND_LOOK


def test_a_tick_of_another_kind_does_not_end_the_pause(pauses: Pauses) -> None:
    pauses.ticks.submit(time.strptime, "9", "%d").result()
    assert pauses.seconds(0.3) >= 0.3


@pytest.mark.parametrize(("seconds", "is_watch"), [(1, True), (5, False), (None, False)])
def test_a_watch_is_a_sensor_that_may_tick_each_second(seconds: int | None, is_watch: bool) -> None:
    @dg.job
    def some_job() -> None:
        """Of no meaning."""

    @dg.sensor(job=some_job, minimum_interval_seconds=seconds)
    def some_sensor() -> dg.SkipReason:
        return dg.SkipReason("never runs")

    repository = dg.Definitions(sensors=[some_sensor]).get_repository_def()
    sensor = RemoteSensor(SensorSnap.from_def(some_sensor, repository), RepositoryHandle.for_test())
    assert is_tick_of_watch(print, "context", sensor) == is_watch
    assert not is_tick_of_watch(print)


def test_many_ticks_that_end_together_are_one_look(pauses: Pauses) -> None:
    for tick in [pauses.ticks.submit(int) for _ in range(4)]:
        tick.result()
    pauses.seconds()
    assert not pauses.has_ended.is_set()


def test_the_daemon_ends_in_the_middle_of_a_pause(pauses: Pauses) -> None:
    threading.Timer(0.2, pauses.shutdown.set).start()
    assert pauses.pause.wait(LONG)
    assert pauses.pause.is_set()


def test_dagster_takes_the_prompt_daemon_for_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """All three names are Dagster's own, and may be gone with its next release."""
    monkeypatch.setattr(controller, "SensorDaemon", controller.SensorDaemon)
    keep_prompt_watch()
    with instance_for_test(overrides={"sensors": {"use_threads": True, "num_workers": 2}}) as instance:
        daemon = controller.create_daemon_of_type("SENSOR", instance)
        assert isinstance(daemon, PromptSensorDaemon)
        with daemon:
            assert daemon._threadpool_executor is not None
    assert "sensor," in inspect.getsource(sensor_loop.execute_sensor_iteration).split("threadpool_executor.submit(")[1]
    assert "shutdown_event.wait(" in inspect.getsource(sensor_loop.execute_sensor_iteration_loop)
