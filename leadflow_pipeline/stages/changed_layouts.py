"""Tells people at once that a known lead sender's mails no longer fit its rule: once a day for each cause."""

from collections.abc import Collection, Mapping
from typing import Any

from leadflow_pipeline.stages.effects import NewEffect, queue_effects
from leadflow_pipeline.stages.store import StoreTransaction, as_json_rows


def alert_changed_layouts(transaction: StoreTransaction, causes: Collection[tuple[str, str]]) -> None:
    """Queue an alert for each (source, reason), naming how many mails wait for it by now and which to look at."""
    rows = transaction.rows(
        "count_changed_layouts", rows=as_json_rows({"source": source, "reason": reason} for source, reason in causes)
    )
    queue_effects(
        transaction,
        (
            NewEffect(
                idempotency_key=f"layout:{row['source']}:{row['reason']}:{row['today']}",
                kind="ops_alert",
                payload={"text": _describe(row)},
            )
            for row in rows
        ),
    )


def _describe(row: Mapping[str, Any]) -> str:
    """One line for people; neither reasons nor ids hold a lead's words."""
    mails = f"{row['events']} mail waits" if row["events"] == 1 else f"{row['events']} mails wait"
    return (
        f"{row['source']}: {row['reason']}; {mails} in quarantine and nothing is lost. Look at events "
        f'{", ".join(map(str, row["event_ids"]))}, mend the rule (docs/mail-rules.md, "When a layout changes"), '
        "then `leadflow replay` reads them again"
    )
