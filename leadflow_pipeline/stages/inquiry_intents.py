"""Judges what a batch's inquiries say, with the local model alone: nothing is waited for.

Where a language model is configured its questions are noted here; `stages.inquiry_questions` asks them later.
"""

import uuid
from dataclasses import dataclass
from typing import Any, Protocol

from leadflow_pipeline.domain.inquiries.facts import read_facts
from leadflow_pipeline.domain.inquiries.instructions import speaks_to_a_machine
from leadflow_pipeline.domain.inquiries.masking import hash_text, mask_personal_data
from leadflow_pipeline.domain.inquiries.verdicts import Verdict
from leadflow_pipeline.stages.store import Store, as_json_rows


class Judge(Protocol):
    """Says what a text means, at once and without fail."""

    def judge(self, text: str) -> Verdict: ...


@dataclass(frozen=True, kw_only=True)
class InquiryCounts:
    """What a batch's inquiries were found to say."""

    judged: int
    silent: int  # leads without a message
    ready_now: int
    not_leads: int
    unsure: int  # confidence below one half


def judge_inquiries(
    store: Store, *, batch_id: uuid.UUID, judge: Judge, language_model: str | None = None
) -> InquiryCounts:
    """Judge every message of the batch. `language_model` is the name of the one to be asked later, if any."""
    with store.transaction() as transaction:
        leads = transaction.rows("read_inquiries", batch_id=batch_id)
    verdicts, rows, questions = [], [], {}
    for lead in leads:
        message = lead["message"]
        if not message:
            continue
        verdict = judge.judge(message)
        verdicts.append(verdict)
        text_hash = hash_text(mask_personal_data(message, [lead["full_name"], lead["first_name"], lead["last_name"]]))
        rows.append({**describe_inquiry(message, verdict), "lead_id": lead["lead_id"], "text_hash": text_hash})
        if language_model and not speaks_to_a_machine(message):
            questions[text_hash] = {"text_hash": text_hash, "model": language_model}
    if rows:
        with store.transaction() as transaction:
            transaction.execute("write_inquiry_intents", batch_id=batch_id, rows=as_json_rows(rows))
            if questions:
                transaction.execute("write_inquiry_questions", rows=as_json_rows(questions.values()))
    return InquiryCounts(
        judged=len(rows),
        silent=len(leads) - len(rows),
        ready_now=sum(verdict.readiness == 3 for verdict in verdicts),
        not_leads=sum(verdict.intent == "not_a_lead" for verdict in verdicts),
        unsure=sum(verdict.confidence < 0.5 for verdict in verdicts),
    )


def describe_inquiry(message: str, verdict: Verdict) -> dict[str, Any]:
    """Verdict and facts by the names of the table's columns."""
    said = vars(verdict)
    return {**said, **{f"local_{name}": value for name, value in said.items()}, **vars(read_facts(message))}
