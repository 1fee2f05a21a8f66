"""Queues what a lead's place causes in the outside world: the one call in a transaction that gives a lead its place.

What is caused is decided in `domain.lead_effects`.
"""

from collections.abc import Sequence
from datetime import datetime

from leadflow_pipeline.domain.drip import first_round
from leadflow_pipeline.domain.lead_effects import Channels, PlacedLead, effects_of_lead
from leadflow_pipeline.stages.effects import queue_effects
from leadflow_pipeline.stages.store import StoreTransaction


def queue_lead_effects(
    transaction: StoreTransaction, lead_ids: Sequence[int], channels: Channels, *, now: datetime, turn: int = 0
) -> list[str]:
    """Queue the effects of these leads' places, and enrol those that went to the drip; gives the new keys.

    The places are those that the tables show within this transaction.

    `turn` counts the places that the leads had before: 0 for their first.
    """
    if not lead_ids:
        return []
    transaction.execute("start_drip_sequences", lead_ids=list(lead_ids), first_on=first_round(now.date()))
    rows = transaction.rows("list_placed_leads", lead_ids=list(lead_ids))
    placed = (PlacedLead(**row, turn=turn) for row in rows)
    return queue_effects(transaction, (effect for each in placed for effect in effects_of_lead(each, channels, now)))
