"""When to start a run, and how many: one question to the landing table, for all sensors.

An event is asked for once; it is asked for again only when no run has claimed it within the patience.
"""

import time
from dataclasses import dataclass
from typing import Protocol

from leadflow_pipeline.stages.store import Store

# A run that was asked for claims its events within a few seconds of its start; after this it is taken for lost.
PATIENCE_SECONDS = 20
# Nobody announces that a lease has run out; so it is looked for.
ASK_AGAIN_SECONDS = 5.0


@dataclass(frozen=True, kw_only=True)
class BatchLimits:
    """How the work is cut."""

    batch_size: int  # events per run
    max_batches: int  # runs at work at the same time
    lease_seconds: int  # how long a run keeps its events before another may take them


def ask_for_batches(store: Store, limits: BatchLimits) -> int:
    """The number of runs to start now; 0 when there is nothing to do or enough is under way."""
    with store.transaction() as transaction:
        under_way: int = transaction.value(
            "count_batches_under_way", batch_size=limits.batch_size, patience_seconds=PATIENCE_SECONDS
        )
        if under_way >= limits.max_batches:
            return 0
        batches: int = transaction.value(
            "ask_for_batches",
            batch_size=limits.batch_size,
            batches=limits.max_batches - under_way,
            patience_seconds=PATIENCE_SECONDS,
        )
        waiting = transaction.execute("ask_for_waiting_leads", patience_seconds=PATIENCE_SECONDS)
        return batches or (1 if waiting else 0)


class Listener(Protocol):
    """Hears when something lands or a run ends."""

    def wait(self, seconds: float) -> bool: ...


def wait_for_batches(store: Store, listener: Listener, limits: BatchLimits, *, seconds: float) -> int:
    """The number of runs to start, as soon as there is one to start within `seconds`; else 0."""
    deadline = time.monotonic() + seconds
    while True:
        batches = ask_for_batches(store, limits)
        left = deadline - time.monotonic()
        if batches or left <= 0:
            return batches
        listener.wait(min(left, ASK_AGAIN_SECONDS))
