"""The drip's weekly round: reads what came back, ends what has to end, queues the mails that are due.

When a mail is due and when a sequence ends is decided in `domain.drip`.
"""

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from leadflow_pipeline.domain.drip import move_on, zone_of_lead
from leadflow_pipeline.domain.drip_answers import MARKER, read_answer
from leadflow_pipeline.stages.effects import queue_effects
from leadflow_pipeline.stages.store import Store, StoreTransaction

OVERLAP_EVENTS = 1000
SUPPRESSING = {"bounced", "unsubscribed"}


@dataclass(frozen=True, kw_only=True)
class DripCounts:
    """What a round did; in a dry run, what it would have queued."""

    queued: int
    would_queue: int
    answers: int
    ended: int
    open: int


def run_drip_round(store: Store, *, now: datetime, time_zone: str, dry_run: bool) -> DripCounts:
    """One round. A dry run reads answers and ends sequences, and leaves those that are due as they are."""
    with store.transaction() as transaction:
        answers = read_drip_answers(transaction)
        ended = answers + transaction.execute("end_sequences_of_leads_again")
        due = 0
        today = now.astimezone(ZoneInfo(time_zone)).date()
        for sequence in transaction.rows("list_due_sequences", today=today):
            move = move_on(sequence, today, now, zone_of_lead(sequence, time_zone))
            due += move.effect is not None
            if dry_run:
                continue
            queue_effects(transaction, [move.effect] if move.effect else [])
            lead_id = sequence["lead_id"]
            transaction.execute("move_sequence", lead_id=lead_id, next_step=move.next_step, next_on=move.next_on)
            if move.end_reason:
                ended += transaction.execute("end_sequence", lead_id=lead_id, end_reason=move.end_reason)
        counts = transaction.row("count_sequences") or {"open": 0}
    return DripCounts(
        queued=0 if dry_run else due,
        would_queue=due if dry_run else 0,
        answers=answers,
        ended=ended,
        open=counts["open"],
    )


def read_drip_answers(transaction: StoreTransaction) -> int:
    """Heed the bounces, complaints and replies that came to the inbox; gives how many ended something."""
    key = bytes(transaction.value("read_link_key"))
    heeded = 0
    for row in transaction.rows("list_drip_answers", marker=MARKER, overlap=OVERLAP_EVENTS):
        answer = read_answer(bytes(row["raw"]), key)
        if answer is None:
            continue
        if answer.end_reason in SUPPRESSING:
            transaction.execute("suppress_lead", lead_id=answer.lead_id, reason=answer.end_reason)
        heeded += transaction.execute("end_sequence", lead_id=answer.lead_id, end_reason=answer.end_reason)
    transaction.execute("note_drip_reading")
    return heeded


def unsubscribe_lead(store: Store, lead_id: int) -> None:
    """Write no mail to a lead's person any more. Doing it again changes nothing."""
    with store.transaction() as transaction:
        transaction.execute("suppress_lead", lead_id=lead_id, reason="unsubscribed")
        transaction.execute("end_sequence", lead_id=lead_id, end_reason="unsubscribed")
