"""What other weights would have done: which leads change bucket, and how well each set of weights found the good ones.

Figures over tables of leads; where the scores and outcomes come from is not known here. With pandas, so never imported
on the hot path.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import pandas as pd

BUCKETS = ("low", "standard", "hot")
OUTCOMES = ("contacted", "appointment", "won")
COLUMNS = ("lead_id", "old_score", "old_bucket", "new_score", "new_bucket", *OUTCOMES)
DECILES = 10


@dataclass(frozen=True, kw_only=True)
class Backtest:
    """The comparison of the weights in force (old) with others (new), on the same leads."""

    leads: int
    changed: pd.DataFrame  # the leads whose bucket changes: lead_id, old_score, old_bucket, new_score, new_bucket
    bucket_changes: pd.DataFrame  # leads by old bucket (rows) and new bucket (columns)
    hot_quality: pd.DataFrame  # one row per weights and outcome: hot, reached, precision, recall
    lift: pd.DataFrame  # one row per decile of the score, highest first: old, new; 1.0 is the average of all leads
    lift_outcome: str


def compare_weights(rows: Iterable[dict[str, Any]], *, lift_outcome: str = "appointment") -> Backtest:
    """Compare both scores of leads with what became of them. `rows` have the keys of `COLUMNS`."""
    leads = pd.DataFrame(rows, columns=list(COLUMNS))
    changed = leads[leads["old_bucket"] != leads["new_bucket"]]
    return Backtest(
        leads=len(leads),
        changed=changed[["lead_id", "old_score", "old_bucket", "new_score", "new_bucket"]].reset_index(drop=True),
        bucket_changes=_count_changes(leads),
        hot_quality=pd.DataFrame(
            [_judge_hot(leads, weights, outcome) for weights in ("old", "new") for outcome in OUTCOMES]
        ),
        lift=pd.DataFrame({weights: _lift(leads, weights, lift_outcome) for weights in ("old", "new")}),
        lift_outcome=lift_outcome,
    )


def _count_changes(leads: pd.DataFrame) -> pd.DataFrame:
    counted = pd.crosstab(leads["old_bucket"], leads["new_bucket"])
    return counted.reindex(index=list(BUCKETS), columns=list(BUCKETS), fill_value=0).astype(int)


def _judge_hot(leads: pd.DataFrame, weights: str, outcome: str) -> dict[str, Any]:
    """Precision: the share of hot leads that got there. Recall: the share of those who got there that was hot."""
    hot = leads[f"{weights}_bucket"] == "hot"
    reached = leads[outcome].astype(bool)
    both = int((hot & reached).sum())
    return {
        "weights": weights,
        "outcome": outcome,
        "hot": int(hot.sum()),
        "reached": int(reached.sum()),
        "precision": both / int(hot.sum()) if hot.any() else None,
        "recall": both / int(reached.sum()) if reached.any() else None,
    }


def _lift(leads: pd.DataFrame, weights: str, outcome: str) -> pd.Series:
    """How much likelier than the average lead those of each decile get to the outcome.

    Many leads have the same score: within it every lead counts as the mean of them all, so that their order is no luck.
    """
    empty = pd.Series([None] * DECILES, index=range(1, DECILES + 1), dtype="float64", name=weights)
    reached = leads[outcome].astype(float)
    if len(leads) < DECILES or not reached.any():
        return empty
    score = leads[f"{weights}_score"]
    likely = reached.groupby(score).transform("mean")[score.sort_values(ascending=False, kind="stable").index]
    decile = pd.Series(range(len(likely)), index=likely.index) * DECILES // len(likely) + 1
    lifted: pd.Series = likely.groupby(decile).mean() / reached.mean()
    return lifted.rename(weights)
