"""Items that never end, or take their process down, cost the others nothing."""

import multiprocessing
import os
import re
import threading
import time

from leadflow_pipeline.adapters.watched_process import WatchedProcess
from leadflow_pipeline.domain.errors import StoppedError

QUICK = WatchedProcess(cpu_seconds=0.3, wall_seconds=60)


def work(item: str) -> str:
    if item == "endless":
        re.match(r"(a+)+$", "a" * 60 + "b")
    if item == "crash":
        os._exit(3)
    if item == "asleep":
        time.sleep(600)
    return item.upper()


def described(results: object) -> list[str]:
    assert isinstance(results, list)
    return [str(each) for each in results]


def test_an_item_that_never_ends_is_stopped_and_the_others_go_on() -> None:
    """A regular expression that runs away in C cannot be interrupted by any thread of its process."""
    found = list(QUICK(work, ["a", "endless", "b", "endless", "c"]))
    too_long = "took longer than 0.3 s of CPU time"
    assert described(found) == ["A", too_long, "B", too_long, "C"]
    assert isinstance(found[1], StoppedError)


def test_an_item_that_takes_its_process_down_is_named() -> None:
    """A parser in C that crashes must not take the batch with it."""
    assert described(list(QUICK(work, ["crash", "a"]))) == ["took down the process that read it", "A"]


def test_what_only_waits_is_stopped_by_the_clock() -> None:
    impatient = WatchedProcess(cpu_seconds=60, wall_seconds=0.3)
    assert described(list(impatient(work, ["asleep", "a"]))) == ["took longer than 0.3 s", "A"]


def test_it_holds_in_any_thread() -> None:
    """A signal of our own process would only be heard by its main thread; an executor may use another."""
    found: list[object] = []
    thread = threading.Thread(target=lambda: found.extend(QUICK(work, ["endless", "a"])))
    thread.start()
    thread.join()
    assert described(found) == ["took longer than 0.3 s of CPU time", "A"]


def test_whoever_stops_asking_leaves_no_process_behind() -> None:
    results = iter(QUICK(work, ["a"] * 1000))
    next(results)
    del results
    assert multiprocessing.active_children() == []


def test_nothing_comes_of_nothing() -> None:
    assert list(QUICK(work, [])) == []
