"""When to start a run, and how many: one question to the landing table, for all sensors.

A run claims what waits when it begins. So nothing is asked for that a run will take which is already awaited.
"""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from leadflow_pipeline.domain.batch_counts import BatchCounts
from leadflow_pipeline.stages.store import Store

# A run that was asked for begins after some 0.3 s, in a spike after a few seconds. One that is later than this may be
# lost, so another is asked for in its place.
OVERDUE_SECONDS = 5
# Until then it may still come, and counts against the limit: Dagster's own launcher takes that long on a busy machine.
PATIENCE_SECONDS = 20
PAUSE_SECONDS = 300  # between two looks whether agents who are there can take leads again
# Nobody announces that a lease has run out; so it is looked for. Between these two, so that those who wait side by side
# do not all look at once: an announcement wakes them all.
ASK_AGAIN_SECONDS = (5.0, 15.0)
# In a spike something is announced hundreds of times a second. A question each time, by all who keep watch, would take
# the processors from the runs; the first lead after a pause is asked for at once.
BETWEEN_QUESTIONS_SECONDS = 0.25


@dataclass(frozen=True, kw_only=True)
class BatchLimits:
    """How the work is cut."""

    batch_size: int  # events per run
    max_batches: int  # runs at work at the same time
    lease_seconds: int  # how long a run keeps its events before another may take them


def ask_for_batches(store: Store, limits: BatchLimits) -> int:
    """The number of runs to start now; 0 when there is nothing to do or enough is under way."""
    with store.transaction() as transaction:
        transaction.execute("wait_for_turn")
        counted = transaction.row(
            "count_batches",
            batch_size=limits.batch_size,
            most=limits.max_batches,
            overdue_seconds=OVERDUE_SECONDS,
            patience_seconds=PATIENCE_SECONDS,
        )
        assert counted is not None
        batches = BatchCounts(**counted)
        ended = transaction.execute("ask_for_ended_claims", patience_seconds=PATIENCE_SECONDS)
        waiting = batches.free_places(limits.max_batches) > 0 and transaction.execute(
            "ask_for_waiting_leads", patience_seconds=PATIENCE_SECONDS, pause_seconds=PAUSE_SECONDS
        )
        runs = batches.runs_to_start(limits.max_batches, has_ended_claims=bool(ended), has_waiting_leads=bool(waiting))
        if runs:
            transaction.execute("await_runs", runs=runs, patience_seconds=PATIENCE_SECONDS)
        return runs


def seconds_to_next_claim(store: Store) -> float | None:
    """How long until an offer ends for which no run was asked yet; None when none is open."""
    with store.transaction() as transaction:
        seconds: float | None = transaction.value("read_seconds_to_next_claim")
        return seconds


class Listener(Protocol):
    """Hears when something lands or a run ends."""

    def wait(self, seconds: float) -> bool: ...


def wait_for_batches(
    store: Store,
    listener: Listener,
    limits: BatchLimits,
    *,
    seconds: float,
    is_wanted: Callable[[], bool] = lambda: True,
) -> int:
    """The number of runs to start, as soon as there is one to start within `seconds`; else 0.

    Once it is not wanted any more it asks for nothing: an answer that nobody hears would wait out the patience.
    """
    deadline = time.monotonic() + seconds
    while is_wanted():
        batches = ask_for_batches(store, limits)
        left = deadline - time.monotonic()
        if batches or left <= 0:
            return batches
        claim = seconds_to_next_claim(store)
        pause = random.uniform(*ASK_AGAIN_SECONDS)
        asked_at = time.monotonic()
        listener.wait(min(left, pause, *(() if claim is None else (max(0.0, claim),))))
        time.sleep(max(0.0, asked_at + BETWEEN_QUESTIONS_SECONDS - time.monotonic()))
    return 0
