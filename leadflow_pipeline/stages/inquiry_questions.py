"""Asks a language model about inquiries whose leads already have their place, and takes its answers over.

Never in a lead's way: what is refused, slow, limited or too dear leaves the local model's verdict in force. The same
words are asked once. An answer that changes a verdict scores its leads again.
"""

import random
import time
import uuid
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Any, Protocol

from leadflow_pipeline.domain.errors import TransientError
from leadflow_pipeline.domain.inquiries.language_answers import LanguageAnswer, UnusableAnswerError, choose_verdict
from leadflow_pipeline.domain.inquiries.masking import mask_personal_data
from leadflow_pipeline.domain.inquiries.verdicts import Verdict
from leadflow_pipeline.domain.retries import seconds_until_next_try
from leadflow_pipeline.domain.vendor_budgets import CallReport, RefusedError, report_error
from leadflow_pipeline.stages.store import Store, as_json_rows
from leadflow_pipeline.stages.vendor_budgets import ask_vendor, report_calls

LEASE_SECONDS = 300  # longer than a call can take: then the question is due again
MOST_ATTEMPTS = 8
MOST_MALFORMED = 2


class LanguageModel(Protocol):
    """Judges a masked text; see `adapters.language_models.LanguageModelClient` for what it raises."""

    @property
    def name(self) -> str: ...

    @property
    def vendor(self) -> str: ...

    @property
    def most_cost(self) -> Decimal: ...

    def judge(self, masked: str) -> LanguageAnswer: ...


@dataclass(frozen=True, kw_only=True)
class QuestionCounts:
    """What became of the questions that were due."""

    answered: int = 0
    refused: int = 0
    malformed: int = 0
    put_off: int = 0  # to be asked again: time-out, rate limit, outage
    over_budget: int = 0  # 1 when the vendor's budget allowed no further call; the rest stays due
    verdicts_changed: int = 0  # leads that got a verdict of the language model
    cost_dollars: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Disagreement:
    """How often the two models differ on the intent, and where most."""

    both: int
    differing: int
    pairs: Mapping[str, int]  # "local → language model": leads

    @property
    def share(self) -> float:
        """Of the leads that both have judged."""
        return self.differing / self.both if self.both else 0.0


def has_due_questions(store: Store, *, model: str) -> bool:
    """Whether there is anything to ask or to take over."""
    with store.transaction() as transaction:
        return bool(transaction.value("has_due_questions", model=model))


def ask_language_model(
    store: Store, language_model: LanguageModel, *, seconds: float, chance: Callable[[], float] = random.random
) -> QuestionCounts:
    """Ask what is due within the vendor's budget, for at most about `seconds`; then take every new answer over.

    Raises `RefusedError` when the vendor will not serve us at all: somebody has to look at key, model or address.
    """
    deadline = time.monotonic() + seconds
    counts: Counter[str] = Counter()
    cost = Decimal(0)
    refused: RefusedError | None = None
    while refused is None and time.monotonic() < deadline and (question := _claim(store, language_model)):
        permission = ask_vendor(store, language_model.vendor, cost=language_model.most_cost)
        if not permission.calls:
            _put_off(store, question, reason=f"budget: {permission.reason}", seconds=permission.wait_seconds, untried=1)
            counts["over_budget"] = 1
            break
        try:
            answer = language_model.judge(_mask(question))
        except UnusableAnswerError as error:
            report = CallReport(succeeded=1, cost=error.cost)
            counts[error.reason] += 1
            _note_unusable(store, question, error)
        except TransientError as error:
            report = report_error(error)
            counts["put_off"] += 1
            _note_failure(store, question, error, chance())
        except RefusedError as error:
            refused, report = error, report_error(error)
            _put_off(store, question, reason="the vendor refuses to serve us", seconds=0.0, untried=1)
        else:
            report = CallReport(succeeded=1, cost=answer.cost)
            counts["answered"] += 1
            said = {name: value for name, value in asdict(answer.verdict).items() if name != "model"}
            _write(store, question, status="answered", reason=None, cost=answer.cost, **said)
        report_calls(store, permission, report)
        cost += report.cost or Decimal(0)
    changed = take_answers_over(store, model=language_model.name)
    if refused is not None:
        raise refused
    return QuestionCounts(**counts, verdicts_changed=changed, cost_dollars=float(cost))


def take_answers_over(store: Store, *, model: str) -> int:
    """Put answers in force for the leads with the same words, and score those leads again; gives their number."""
    with store.transaction() as transaction:
        rows = transaction.rows("list_answered_inquiries", model=model)
        if not rows:
            return 0
        transaction.execute("write_language_verdicts", model=model, rows=as_json_rows(map(_settle, rows)))
        lead_ids = [row["lead_id"] for row in rows]
        transaction.rows(
            "rescore_leads", lead_ids=lead_ids, batch_id=uuid.uuid4(), because="a language model read the words"
        )
    return len(rows)


def measure_disagreement(store: Store, *, days: int) -> Disagreement:
    """Over the leads judged by both in the last `days`."""
    with store.transaction() as transaction:
        rows = transaction.rows("count_disagreements", days=days)
    pairs = {f"{row['local_intent']} → {row['llm_intent']}": row["leads"] for row in rows if row["differs"]}
    return Disagreement(both=sum(row["leads"] for row in rows), differing=sum(pairs.values()), pairs=pairs)


def _claim(store: Store, language_model: LanguageModel) -> Mapping[str, Any] | None:
    """A question for this asker alone. No transaction is open while the model is asked."""
    with store.transaction() as transaction:
        return transaction.row("claim_inquiry_question", model=language_model.name, lease_seconds=LEASE_SECONDS)


def _mask(question: Mapping[str, Any]) -> str:
    return mask_personal_data(
        question["message"], [question[name] for name in ("full_name", "first_name", "last_name")]
    )


def _note_unusable(store: Store, question: Mapping[str, Any], error: UnusableAnswerError) -> None:
    """A refusal is final; what is malformed once may be well formed the next time."""
    if error.reason == "malformed" and question["attempts"] < MOST_MALFORMED:
        _put_off(store, question, reason=error.reason, seconds=0.0, cost=error.cost)
    else:
        _write(store, question, status="set_aside", reason=error.reason, cost=error.cost)


def _note_failure(store: Store, question: Mapping[str, Any], error: TransientError, chance: float) -> None:
    pause = seconds_until_next_try(question["attempts"], retry_after=error.retry_after, chance=chance)
    if pause is None or question["attempts"] >= MOST_ATTEMPTS:
        _write(store, question, status="set_aside", reason="gave up", cost=Decimal(0))
    else:
        _put_off(store, question, reason="time-out, limit or outage", seconds=pause)


def _put_off(
    store: Store,
    question: Mapping[str, Any],
    *,
    reason: str,
    seconds: float,
    cost: Decimal = Decimal(0),
    untried: int = 0,
) -> None:
    """Due again after `seconds`; `untried` takes back the attempt where nothing was asked."""
    with store.transaction() as transaction:
        transaction.execute(
            "put_off_question",
            text_hash=question["text_hash"],
            model=question["model"],
            reason=reason,
            seconds=seconds,
            cost=cost,
            untried=untried,
        )


def _write(
    store: Store, question: Mapping[str, Any], *, status: str, reason: str | None, cost: Decimal, **said: Any
) -> None:
    """Keep an answer, or that there will be none."""
    verdict = dict.fromkeys(("intent", "sentiment", "readiness", "confidence")) | said
    with store.transaction() as transaction:
        transaction.execute(
            "write_question_outcome",
            text_hash=question["text_hash"],
            model=question["model"],
            status=status,
            reason=reason,
            cost=cost,
            **verdict,
        )


def _settle(row: Mapping[str, Any]) -> dict[str, Any]:
    """The row of one lead with the verdict in force and the language model's own."""
    names = ("intent", "sentiment", "readiness", "confidence", "model")
    local = Verdict(**{name: row[f"local_{name}"] for name in names})
    language = Verdict(**{name: row[name] for name in names})
    return {
        "lead_id": row["lead_id"],
        **asdict(choose_verdict(local, language)),
        **{f"llm_{name}": value for name, value in asdict(language).items()},
    }
