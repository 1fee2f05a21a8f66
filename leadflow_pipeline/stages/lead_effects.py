"""Queues what a lead's place causes in the outside world: the one call in a transaction that gives a lead its place.

What is caused is decided in `domain.lead_effects`.
"""

from collections.abc import Sequence
from datetime import datetime

from leadflow_pipeline.domain.lead_effects import Channels, PlacedLead, effects_of_lead
from leadflow_pipeline.stages.effects import queue_effects
from leadflow_pipeline.stages.store import StoreTransaction


def queue_lead_effects(
    transaction: StoreTransaction, lead_ids: Sequence[int], channels: Channels, *, now: datetime, turn: int = 0
) -> list[str]:
    """Queue the effects of these leads' places, as the tables show them within this transaction; gives the new keys.

    `turn` counts the places that the leads had before: 0 for their first.
    """
    if not lead_ids:
        return []
    rows = transaction.rows("list_placed_leads", lead_ids=list(lead_ids))
    placed = (PlacedLead(**row, turn=turn) for row in rows)
    return queue_effects(transaction, (effect for each in placed for effect in effects_of_lead(each, channels, now)))
