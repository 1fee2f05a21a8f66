"""Lets go of what is too old, in small transactions, so that nothing waits for it.

How long a table is kept is a setting; Dagster deletes almost nothing by itself, so its runs and ticks are here too.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass

from leadflow_pipeline.stages.store import Store

MOST_AT_ONCE = 500
# Each of these queries says itself what it lets go of.
QUERIES = {
    "raw": "prune_raw",
    "outbox": "prune_outbox",
    "lead_events": "prune_lead_events",
    "alerts": "prune_alerts",
    "failed_runs": "prune_failed_runs",
    "dagster_runs": "prune_dagster_runs",
    "dagster_ticks": "prune_dagster_ticks",
}
COUNTING = ("prune_dagster_runs", "prune_dagster_ticks")


@dataclass(frozen=True, kw_only=True)
class Kept:
    """For how many days each thing is kept."""

    raw: int
    outbox: int
    lead_events: int
    alerts: int
    failed_runs: int
    dagster_runs: int
    dagster_ticks: int


def let_go(store: Store, kept: Kept, *, seconds: float) -> Mapping[str, int]:
    """Delete what is too old, for at most about `seconds`; gives how many rows of each. The rest waits for tomorrow."""
    deadline = time.monotonic() + seconds
    gone = dict.fromkeys(QUERIES, 0)
    for name, query in QUERIES.items():
        while time.monotonic() < deadline:
            with store.transaction() as transaction:
                ask = transaction.value if query in COUNTING else transaction.execute
                count = int(ask(query, days=getattr(kept, name), most=MOST_AT_ONCE))
            gone[name] += count
            if count < MOST_AT_ONCE:
                break
    return gone
