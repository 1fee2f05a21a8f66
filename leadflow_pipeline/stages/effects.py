"""Queues effects on the outside world, in the transaction that causes them. Carrying them out is `stages/deliveries`.

The idempotency key is made from the cause alone, so that the same cause, however often it comes, is one effect.
"""

from collections.abc import Iterable

from leadflow_pipeline.domain.effects import NewEffect
from leadflow_pipeline.stages.store import StoreTransaction, as_json_rows

__all__ = ["NewEffect", "queue_effects"]  # whoever queues effects needs both


def queue_effects(transaction: StoreTransaction, effects: Iterable[NewEffect]) -> list[str]:
    """Queue effects; gives the keys of those that had not been queued before."""
    rows = [{**vars(effect), "due_at": effect.due_at.isoformat() if effect.due_at else None} for effect in effects]
    if not rows:
        return []
    return [row["idempotency_key"] for row in transaction.rows("write_effects", rows=as_json_rows(rows))]
