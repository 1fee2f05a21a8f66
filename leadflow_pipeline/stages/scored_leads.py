"""Scores a batch by the weights in force. The formula is dbt's (`dbt_scoring/`); here it is only read and kept."""

import uuid
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from leadflow_pipeline.stages.isolation import UNKNOWN_VERSION, work_without_culprits
from leadflow_pipeline.stages.store import Store

STAGE = "scored_leads"


@dataclass(frozen=True, kw_only=True)
class ScoredCounts:
    """How many leads of a batch fell into each bucket."""

    low: int
    standard: int
    hot: int
    quarantined: int


def score_leads(store: Store, *, batch_id: uuid.UUID, rules_version: str = UNKNOWN_VERSION) -> ScoredCounts:
    """Score every normalized lead of the batch, in one statement and so by one version of the weights.

    A lead that the formula cannot take goes into quarantine, and the others are scored without it.
    """

    def score(lead_ids: Sequence[int] | None) -> dict[str, int]:
        with store.transaction() as transaction:
            rows = transaction.rows(
                "write_scored_leads", batch_id=batch_id, lead_ids=None if lead_ids is None else list(lead_ids)
            )
        return {row["bucket"]: row["leads"] for row in rows}

    parts, quarantined = work_without_culprits(store, batch_id=batch_id, stage=STAGE, version=rules_version, work=score)
    found: Counter[str] = Counter()
    for part in parts:
        found.update(part)
    return ScoredCounts(low=found["low"], standard=found["standard"], hot=found["hot"], quarantined=quarantined)
