"""What people ask of the tables: how things stand, and what happened to one lead and why."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from leadflow_pipeline.stages.store import Store

WINDOW_HOURS = 24


@dataclass(frozen=True, kw_only=True)
class Status:
    """The last 24 hours, and what is under way now. Seconds count from arrival."""

    events: int
    leads: int
    ignored: int
    quarantined: int
    assigned: int
    p50_seconds: float | None
    p95_seconds: float | None
    waiting_for_agent: int
    under_way: int
    oldest_waiting_seconds: float | None


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """A lead: where it stands, what happened to it, and what became of it, in order."""

    lead: Mapping[str, Any]
    history: Sequence[Mapping[str, Any]]
    outcomes: Sequence[Mapping[str, Any]]
    sources: Sequence[Mapping[str, Any]]  # every way by which it came


def read_status(store: Store) -> Status:
    """How things stand."""
    with store.transaction() as transaction:
        row = transaction.row("read_status", window_hours=WINDOW_HOURS)
    assert row is not None
    return Status(**row)


def explain_lead(store: Store, lead_id: int) -> Explanation | None:
    """What happened to a lead; None when there is none with this id."""
    with store.transaction() as transaction:
        lead = transaction.row("explain_lead", lead_id=lead_id)
        if lead is None:
            return None
        return Explanation(
            lead=lead,
            history=transaction.rows("list_lead_events", lead_id=lead_id),
            outcomes=transaction.rows("read_outcomes", lead_id=lead_id),
            sources=transaction.rows("list_lead_sources", lead_id=lead_id),
        )
