"""Counts the labels that were healed in the leads of the last weeks."""

from leadflow_pipeline.domain.alias_suggestions import HealedLabel
from leadflow_pipeline.stages.store import Store


def count_healed_labels(store: Store, *, days: int) -> list[HealedLabel]:
    """Every healed label by rule and field, with how many leads and the latest three events."""
    with store.transaction() as transaction:
        rows = transaction.rows("count_healed_labels", days=days)
    return [HealedLabel(**{**row, "event_ids": tuple(row["event_ids"])}) for row in rows]
