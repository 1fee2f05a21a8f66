"""Judges what a batch's inquiries say, with the local model alone: nothing is waited for.

Where a language model is configured its questions are noted here; `stages.inquiry_questions` asks them later.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from leadflow_pipeline.domain.inquiries.facts import read_facts
from leadflow_pipeline.domain.inquiries.instructions import speaks_to_a_machine
from leadflow_pipeline.domain.inquiries.masking import hash_text, mask_personal_data
from leadflow_pipeline.domain.inquiries.verdicts import Verdict
from leadflow_pipeline.stages.isolation import UNKNOWN_VERSION, judge_each, write_or_quarantine
from leadflow_pipeline.stages.store import Store, StoreTransaction, as_json_rows

STAGE = "inquiry_intents"


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
    quarantined: int


@dataclass(frozen=True, kw_only=True)
class JudgedInquiry:
    """What a lead's message says: its row's columns, and the question to a language model, where one is asked."""

    verdict: Verdict
    row: Mapping[str, Any]
    question: Mapping[str, Any] | None


def judge_inquiries(
    store: Store,
    *,
    batch_id: uuid.UUID,
    judge: Judge,
    language_model: str | None = None,
    rules_version: str = UNKNOWN_VERSION,
) -> InquiryCounts:
    """Judge every message of the batch. `language_model` is the name of the one to be asked later, if any."""
    with store.transaction() as transaction:
        leads = transaction.rows("read_inquiries", batch_id=batch_id)
    speaking = [lead for lead in leads if lead["message"]]

    def write(transaction: StoreTransaction, part: Sequence[tuple[int, JudgedInquiry]]) -> None:
        rows = as_json_rows({"lead_id": lead_id, **inquiry.row} for lead_id, inquiry in part)
        transaction.execute("write_inquiry_intents", batch_id=batch_id, rows=rows)
        questions = {inquiry.question["text_hash"]: inquiry.question for _, inquiry in part if inquiry.question}
        if questions:
            transaction.execute("write_inquiry_questions", rows=as_json_rows(questions.values()))

    judged, bad = judge_each(speaking, lambda lead: judge_inquiry(lead, judge, language_model), doing="judging")
    quarantined = write_or_quarantine(
        store, write, leads=judged, bad=bad, batch_id=batch_id, stage=STAGE, version=rules_version
    )
    verdicts = [inquiry.verdict for inquiry in judged.values()]
    return InquiryCounts(
        judged=len(judged),
        silent=len(leads) - len(speaking),
        ready_now=sum(verdict.readiness == 3 for verdict in verdicts),
        not_leads=sum(verdict.intent == "not_a_lead" for verdict in verdicts),
        unsure=sum(verdict.confidence < 0.5 for verdict in verdicts),
        quarantined=quarantined,
    )


def judge_inquiry(lead: Mapping[str, Any], judge: Judge, language_model: str | None) -> JudgedInquiry:
    """Judge one lead's message."""
    message = lead["message"]
    verdict = judge.judge(message)
    text_hash = hash_text(mask_personal_data(message, [lead["full_name"], lead["first_name"], lead["last_name"]]))
    is_asked = language_model is not None and not speaks_to_a_machine(message)
    return JudgedInquiry(
        verdict=verdict,
        row={**describe_inquiry(message, verdict), "text_hash": text_hash},
        question={"text_hash": text_hash, "model": language_model} if is_asked else None,
    )


def describe_inquiry(message: str, verdict: Verdict) -> dict[str, Any]:
    """Verdict and facts by the names of the table's columns."""
    said = vars(verdict)
    return {**said, **{f"local_{name}": value for name, value in said.items()}, **vars(read_facts(message))}
