"""When to start a run, and how many: one question to the landing table, for all sensors.

An event is asked for once; it is asked for again only when no run has claimed it within the patience.
"""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from leadflow_pipeline.stages.store import Store

# A run that was asked for claims its events within a few seconds of its start; after this it is taken for lost.
PATIENCE_SECONDS = 20
PAUSE_SECONDS = 300  # between two looks whether agents who are there can take leads again
# Nobody announces that a lease has run out; so it is looked for. Between these two, so that those who wait side by side
# do not all look at once: an announcement wakes them all.
ASK_AGAIN_SECONDS = (5.0, 15.0)


@dataclass(frozen=True, kw_only=True)
class BatchLimits:
    """How the work is cut."""

    batch_size: int  # events per run
    max_batches: int  # runs at work at the same time
    lease_seconds: int  # how long a run keeps its events before another may take them


def ask_for_batches(store: Store, limits: BatchLimits) -> int:
    """The number of runs to start now; 0 when there is nothing to do or enough is under way."""
    with store.transaction() as transaction:
        transaction.execute("wait_for_turn_to_ask")
        # An offer that has ended is due whatever else is under way: its lead has seconds left.
        ended = transaction.execute("ask_for_ended_claims", patience_seconds=PATIENCE_SECONDS)
        under_way: int = transaction.value(
            "count_batches_under_way", batch_size=limits.batch_size, patience_seconds=PATIENCE_SECONDS
        )
        if under_way >= limits.max_batches:
            return 1 if ended else 0
        batches: int = transaction.value(
            "ask_for_batches",
            batch_size=limits.batch_size,
            batches=limits.max_batches - under_way,
            patience_seconds=PATIENCE_SECONDS,
        )
        waiting = transaction.execute(
            "ask_for_waiting_leads", patience_seconds=PATIENCE_SECONDS, pause_seconds=PAUSE_SECONDS
        )
        return batches or (1 if waiting or ended else 0)


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
        listener.wait(min(left, pause, *(() if claim is None else (max(0.0, claim),))))
    return 0
