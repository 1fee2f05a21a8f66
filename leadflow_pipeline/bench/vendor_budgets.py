"""How exactly several processes keep to one vendor budget: none over it, little of it wasted.

`python -m leadflow_pipeline.bench.vendor_budgets URL` runs the full minute on a database of that address.
"""

import multiprocessing
import sys
import time
from dataclasses import dataclass
from multiprocessing.queues import SimpleQueue
from multiprocessing.synchronize import Barrier

from leadflow_pipeline.adapters.database import Database
from leadflow_pipeline.stages.vendor_budgets import ask_vendor

VENDOR = "benchmark"


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """What all processes together were granted, and what the budget says they may."""

    granted: int
    planned: float  # calls_per_second * seconds
    allowed: float  # the same over the time that really passed, and the burst
    seconds: float


def draw_from_one_budget(url: str, *, processes: int, calls_per_second: float, burst: float, seconds: float) -> Drawn:
    """Have processes draw as fast as the budget gives; the budget `benchmark` is made anew."""
    with Database(url, pool_size=1) as database, database.transaction() as transaction:
        transaction.execute("make_budget", vendor=VENDOR, calls_per_second=calls_per_second, burst=burst)
    context = multiprocessing.get_context("forkserver")
    all_ready = context.Barrier(processes)
    results: SimpleQueue[tuple[int, float]] = context.SimpleQueue()
    work = [context.Process(target=draw_calls, args=(url, all_ready, seconds, results)) for _ in range(processes)]
    for each in work:
        each.start()
    granted, took = zip(*(results.get() for _ in work), strict=True)
    for each in work:
        each.join()
    return Drawn(
        granted=sum(granted),
        planned=calls_per_second * seconds,
        allowed=calls_per_second * max(took) + burst,
        seconds=max(took),
    )


def draw_calls(url: str, all_ready: Barrier, seconds: float, results: "SimpleQueue[tuple[int, float]]") -> None:
    """One process: draws for so many seconds once all are ready, and waits only where it is told to."""
    granted = 0
    with Database(url, pool_size=1) as database:
        ask_vendor(database, "google", calls=1)  # connects
        all_ready.wait()
        start = time.monotonic()
        while (left := start + seconds - time.monotonic()) > 0:
            permission = ask_vendor(database, VENDOR, calls=5)
            granted += permission.calls
            if not permission.calls:
                time.sleep(min(permission.wait_seconds, left))
        results.put((granted, time.monotonic() - start))


if __name__ == "__main__":
    drawn = draw_from_one_budget(sys.argv[1], processes=4, calls_per_second=50, burst=25, seconds=60)
    share = drawn.granted / drawn.planned
    sys.stdout.write(f"granted {drawn.granted} of {drawn.planned:.0f} in {drawn.seconds:.1f} s: {share:.1%}\n")
