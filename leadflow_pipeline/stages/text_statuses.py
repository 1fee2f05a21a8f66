"""Records what became of texts, as the carrier tells it; whoever answered STOP gets none any more."""

from leadflow_pipeline.stages.store import Store

OPTED_OUT = "21610"
LONGEST = 40


def record_text_status(store: Store, *, sid: str, status: str, error_code: str | None, to: str | None) -> None:
    """Keep the latest status of a text."""
    with store.transaction() as transaction:
        transaction.execute(
            "write_text_status",
            vendor_reference=sid[:LONGEST],
            status=status[:LONGEST],
            error_code=error_code[:LONGEST] if error_code else None,
        )
        if error_code == OPTED_OUT and to:
            transaction.execute("suppress_address", channel="sms", address=to[:LONGEST], reason="opted_out")
