"""Queues effects on the outside world, in the transaction that causes them. Carrying them out is `stages/deliveries`.

The idempotency key is made from the cause alone, so that the same cause, however often it comes, is one effect.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from leadflow_pipeline.stages.store import StoreTransaction, as_json_rows


@dataclass(frozen=True, kw_only=True)
class NewEffect:
    """An effect to be queued."""

    idempotency_key: str  # kind and cause, for example sms:assigned:17
    kind: str
    lead_id: int | None = None
    agent_id: str | None = None
    payload: Mapping[str, Any] = field(default_factory=dict)  # ids and decisions, never a lead's own words
    due_at: datetime | None = None  # not before this; None: at once
    after_key: str | None = None  # the effect that has to be sent first


def queue_effects(transaction: StoreTransaction, effects: Iterable[NewEffect]) -> list[str]:
    """Queue effects; gives the keys of those that had not been queued before."""
    rows = [{**asdict(effect), "due_at": effect.due_at.isoformat() if effect.due_at else None} for effect in effects]
    if not rows:
        return []
    return [row["idempotency_key"] for row in transaction.rows("write_effects", rows=as_json_rows(rows))]
