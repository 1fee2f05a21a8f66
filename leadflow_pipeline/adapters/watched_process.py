"""Works through items in a process of its own, which the kernel ends when one item takes too long.

A regular expression or parser that never comes back can be stopped by no thread of its own process. CPU time is what
counts, so that a busy machine stops nothing; the wall clock only bounds what waits. See decision 0010.
"""

import multiprocessing
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkProcess
from typing import Any, TypeVar

from leadflow_pipeline.domain.errors import StoppedError

Item = TypeVar("Item")
Result = TypeVar("Result")

# Honest mails of 10 MB take up to 1 s on a busy machine, typical ones 4 ms.
CPU_SECONDS = 5.0
WALL_SECONDS = 30.0


@dataclass(frozen=True, kw_only=True)
class WatchedProcess:
    """How long one item may take. Called like `map`; what was stopped comes out as a `StoppedError` in its place."""

    cpu_seconds: float = CPU_SECONDS
    wall_seconds: float = WALL_SECONDS

    def __call__(self, function: Callable[[Item], Result], items: Sequence[Item]) -> Iterator[Result | StoppedError]:
        """The results, in order. The function and the items go into the process by fork, the results come pickled."""
        done = 0
        while done < len(items):
            for result in self._work_through(function, items[done:]):
                done += 1
                yield result

    def _work_through(self, function: Callable[[Any], Any], items: Sequence[Any]) -> Iterator[Any]:
        """The results up to the first item that is stopped, with that."""
        reader, writer = multiprocessing.Pipe(duplex=False)
        worker = multiprocessing.get_context("fork").Process(
            target=_work, args=(function, items, writer, self.cpu_seconds), daemon=True
        )
        worker.start()
        writer.close()
        try:
            for _ in items:
                received = self._receive(reader, worker)
                yield received
                if isinstance(received, StoppedError):
                    return
        finally:
            worker.kill()
            worker.join()
            reader.close()

    def _receive(self, reader: Connection, worker: ForkProcess) -> Any:
        deadline = time.monotonic() + self.wall_seconds
        while (left := deadline - time.monotonic()) > 0:
            ready = wait([reader, worker.sentinel], left)
            if reader in ready or reader.poll():
                try:
                    return reader.recv()
                except EOFError:
                    break
            if ready:
                break
        else:
            return StoppedError(f"took longer than {self.wall_seconds:g} s")
        worker.join()
        if worker.exitcode == -signal.SIGPROF:
            return StoppedError(f"took longer than {self.cpu_seconds:g} s of CPU time")
        return StoppedError("took down the process that read it")


def _work(function: Callable[[Any], Any], items: Sequence[Any], writer: Connection, cpu_seconds: float) -> None:
    """Body of the process. It leaves the parent's connections and signal handlers alone."""
    for number in (signal.SIGPROF, signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)
    try:
        for item in items:
            signal.setitimer(signal.ITIMER_PROF, cpu_seconds)
            result = function(item)
            signal.setitimer(signal.ITIMER_PROF, 0)
            writer.send(result)
    except BrokenPipeError:
        sys.exit(0)  # nobody waits for the rest
