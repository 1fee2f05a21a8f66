"""Scores the leads of the past by weights that are not in force, and compares. Nothing that is in force is touched.

The formula stays dbt's: it builds its models a second time, with the other weights, in a schema that lives as long as
the comparison.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from leadflow_pipeline.domain.backtests import Backtest, compare_weights
from leadflow_pipeline.domain.errors import PermanentError
from leadflow_pipeline.stages.scoring_versions import ScoringModels, drop_side_schema, name_side_schema
from leadflow_pipeline.stages.store import Store

LEADS_AT_ONCE = 10_000


def backtest_weights(
    store: Store,
    build: ScoringModels,
    *,
    since: datetime,
    now: datetime,
    lift_outcome: str = "appointment",
    report: Callable[[int], None] = lambda _: None,
) -> Backtest:
    """Compare the weights that `build` puts into a schema with those in force, on all leads that arrived since.

    `report` is told how many leads are compared so far. Raises with dbt's report when the other weights are bad.
    """
    schema = name_side_schema("trial", now)
    try:
        build(schema)
        rows = _read_scores(store, schema, since, report)
    finally:
        drop_side_schema(store, schema)
    if not rows:
        raise PermanentError(f"No lead has arrived since {since:%Y-%m-%d}; there is nothing to compare.")
    return compare_weights(rows, lift_outcome=lift_outcome)


def _read_scores(store: Store, schema: str, since: datetime, report: Callable[[int], None]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    with store.transaction() as transaction:
        found = transaction.row("find_lead_range", since=since)
    if found is None or found["first_lead_id"] is None:
        return rows
    for first in range(found["first_lead_id"], found["last_lead_id"] + 1, LEADS_AT_ONCE):
        with store.transaction() as transaction:
            rows += [
                dict(row)
                for row in transaction.rows(
                    "compare_trial_scores",
                    schema=schema,
                    since=since,
                    first_lead_id=first,
                    last_lead_id=first + LEADS_AT_ONCE - 1,
                )
            ]
        report(len(rows))
    return rows
