"""Scores a batch by the weights in force. The formula is dbt's (`dbt_scoring/`); here it is only read and kept."""

import uuid
from dataclasses import dataclass

from leadflow_pipeline.stages.store import Store


@dataclass(frozen=True, kw_only=True)
class ScoredCounts:
    """How many leads of a batch fell into each bucket."""

    low: int
    standard: int
    hot: int


def score_leads(store: Store, *, batch_id: uuid.UUID) -> ScoredCounts:
    """Score every normalized lead of the batch, in one statement and so by one version of the weights."""
    with store.transaction() as transaction:
        found = {row["bucket"]: row["leads"] for row in transaction.rows("write_scored_leads", batch_id=batch_id)}
    return ScoredCounts(low=found.get("low", 0), standard=found.get("standard", 0), hot=found.get("hot", 0))
