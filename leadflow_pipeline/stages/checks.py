"""What the asset checks ask of the tables, one named query each."""

import uuid
from dataclasses import dataclass

from leadflow_pipeline.stages.store import Store


@dataclass(frozen=True, kw_only=True)
class QuarantinedGroup:
    """Events of a batch that wait for the same reason. The reason never holds a lead's words."""

    source: str
    reason: str
    events: int


def list_quarantined(store: Store, *, batch_id: uuid.UUID) -> list[QuarantinedGroup]:
    """What a batch could not read, the largest group first."""
    with store.transaction() as transaction:
        return [QuarantinedGroup(**row) for row in transaction.rows("count_quarantined_in_batch", batch_id=batch_id)]


def count_unplaced_leads(store: Store) -> int:
    """Leads that got lost on the way; the promise is 0."""
    with store.transaction() as transaction:
        count: int = transaction.value("count_unplaced_leads")
        return count
