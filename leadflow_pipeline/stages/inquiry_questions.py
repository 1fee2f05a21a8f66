"""Asks a language model about inquiries whose leads already have their place, and takes its answers over.

Never in a lead's way: what is refused, slow, limited or too dear leaves the local model's verdict in force. The same
words are asked once. An answer that changes a verdict scores its leads again.
"""

import random
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Any, Protocol

from leadflow_pipeline.domain.errors import PermanentError, TransientError
from leadflow_pipeline.domain.inquiries.language_answers import LanguageAnswer, UnusableAnswer, choose_verdict
from leadflow_pipeline.domain.inquiries.masking import mask_personal_data
from leadflow_pipeline.domain.inquiries.verdicts import Verdict
from leadflow_pipeline.domain.retries import seconds_until_next_try
from leadflow_pipeline.stages.store import Store, as_json_rows

LEASE_SECONDS = 300  # longer than a call can take: then the question is due again
MOST_ATTEMPTS = 8
MOST_MALFORMED = 2
CLAIMED_AT_ONCE = 20
SECONDS_AFTER_CAP = 3600.0
SECONDS_AFTER_REFUSED_SERVICE = 1800.0


class LanguageModel(Protocol):
    """Judges a masked text; see `adapters.language_models.LanguageModelClient` for what it raises."""

    @property
    def name(self) -> str: ...

    @property
    def most_cost(self) -> Decimal: ...

    def judge(self, masked: str) -> LanguageAnswer: ...


@dataclass(frozen=True, kw_only=True)
class QuestionCounts:
    """What became of the questions that were due."""

    answered: int = 0
    refused: int = 0
    malformed: int = 0
    put_off: int = 0  # asked again later: time-out, rate limit, outage
    over_budget: int = 0
    verdicts_changed: int = 0  # leads whose verdict the answers changed
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
    store: Store,
    language_model: LanguageModel,
    *,
    daily_dollars: Decimal,
    seconds: float,
    chance: Callable[[], float] = random.random,
) -> QuestionCounts:
    """Ask what is due, for at most about `seconds`; then take over every answer that leads have not got yet.

    Raises `PermanentError` when the vendor will not serve us at all: somebody has to look at key, model or address.
    """
    deadline = time.monotonic() + seconds
    counts: Counter[str] = Counter()
    cost = Decimal(0)
    refused_service: PermanentError | None = None
    while refused_service is None and time.monotonic() < deadline:
        questions = _claim(store, language_model)
        if not questions:
            break
        for question in questions:
            outcome = _ask(store, language_model, question, daily_dollars, chance, deadline)
            counts[outcome.kind] += 1
            cost += outcome.cost
            refused_service = refused_service or outcome.refused_service
    changed = take_answers_over(store, model=language_model.name)
    if refused_service is not None:
        raise refused_service
    return QuestionCounts(**counts, verdicts_changed=changed, cost_dollars=float(cost))


def take_answers_over(store: Store, *, model: str) -> int:
    """Put answers in force for the leads with the same words, and score those leads again; gives their number."""
    with store.transaction() as transaction:
        rows = transaction.rows("list_answered_inquiries", model=model)
        if not rows:
            return 0
        transaction.execute("write_language_verdicts", model=model, rows=as_json_rows(map(_settle, rows)))
        transaction.execute("rescore_leads", lead_ids=[row["lead_id"] for row in rows])
    return len(rows)


def measure_disagreement(store: Store, *, days: int) -> Disagreement:
    """Over the leads judged by both in the last `days`."""
    with store.transaction() as transaction:
        rows = transaction.rows("count_disagreements", days=days)
    pairs = {f"{row['local_intent']} → {row['llm_intent']}": row["leads"] for row in rows if row["differs"]}
    return Disagreement(both=sum(row["leads"] for row in rows), differing=sum(pairs.values()), pairs=pairs)


@dataclass(frozen=True, kw_only=True)
class _Outcome:
    kind: str
    cost: Decimal = Decimal(0)
    refused_service: PermanentError | None = None


def _claim(store: Store, language_model: LanguageModel) -> list[Mapping[str, Any]]:
    with store.transaction() as transaction:
        return transaction.rows(
            "claim_inquiry_questions",
            model=language_model.name,
            most=CLAIMED_AT_ONCE,
            lease_seconds=LEASE_SECONDS,
            reserve=language_model.most_cost,
        )


def _ask(
    store: Store,
    language_model: LanguageModel,
    question: Mapping[str, Any],
    daily_dollars: Decimal,
    chance: Callable[[], float],
    deadline: float,
) -> _Outcome:
    """Ask one claimed question and note what came of it. No transaction is open while the model is asked."""
    if time.monotonic() > deadline:
        _put_off(store, question, reason="no time left", seconds=0.0, attempted=False)
        return _Outcome(kind="put_off")
    if not _is_affordable(store, daily_dollars):
        _put_off(store, question, reason="daily money is spent", seconds=SECONDS_AFTER_CAP, attempted=False)
        return _Outcome(kind="over_budget")
    masked = mask_personal_data(
        question["message"], [question["full_name"], question["first_name"], question["last_name"]]
    )
    try:
        answer = language_model.judge(masked)
    except UnusableAnswer as error:
        return _note_unusable(store, question, error)
    except TransientError as error:
        pause = seconds_until_next_try(question["attempts"], retry_after=error.retry_after, chance=chance())
        # A call that ran into its time-out may be on the bill: its reserve stays booked.
        cost = language_model.most_cost if error.may_have_acted else Decimal(0)
        if pause is None or question["attempts"] >= MOST_ATTEMPTS:
            _write(store, question, status="set_aside", reason="gave up", cost=cost)
        else:
            _put_off(store, question, reason="time-out, limit or outage", seconds=pause, cost=cost)
        return _Outcome(kind="put_off", cost=cost)
    except PermanentError as error:
        _put_off(
            store, question, reason="the vendor refuses to serve us", seconds=SECONDS_AFTER_REFUSED_SERVICE,
            attempted=False,
        )  # fmt: skip
        return _Outcome(kind="put_off", refused_service=error)
    said = {name: value for name, value in asdict(answer.verdict).items() if name != "model"}
    _write(store, question, status="answered", reason=None, cost=answer.cost, **said)
    return _Outcome(kind="answered", cost=answer.cost)


def _note_unusable(store: Store, question: Mapping[str, Any], error: UnusableAnswer) -> _Outcome:
    """A refusal is final; what is malformed once may be well formed the next time."""
    if error.reason == "malformed" and question["attempts"] < MOST_MALFORMED:
        _put_off(store, question, reason=error.reason, seconds=0.0, cost=error.cost)
    else:
        _write(store, question, status="set_aside", reason=error.reason, cost=error.cost)
    return _Outcome(kind=error.reason, cost=error.cost)


def _is_affordable(store: Store, daily_dollars: Decimal) -> bool:
    """Whether what was booked today, with the reserves of the calls under way, stays within the day's money."""
    with store.transaction() as transaction:
        return bool(transaction.value("sum_question_cost") <= daily_dollars)


def _put_off(
    store: Store,
    question: Mapping[str, Any],
    *,
    reason: str,
    seconds: float,
    cost: Decimal = Decimal(0),
    attempted: bool = True,
) -> None:
    with store.transaction() as transaction:
        transaction.execute(
            "put_off_question",
            text_hash=question["text_hash"],
            model=question["model"],
            reason=reason,
            seconds=seconds,
            reserve=question["reserved"],
            cost=cost,
            untried=0 if attempted else 1,
        )


def _write(
    store: Store,
    question: Mapping[str, Any],
    *,
    status: str,
    reason: str | None,
    cost: Decimal,
    intent: str | None = None,
    sentiment: str | None = None,
    readiness: int | None = None,
    confidence: float | None = None,
) -> None:
    with store.transaction() as transaction:
        transaction.execute(
            "write_question_outcome",
            text_hash=question["text_hash"],
            model=question["model"],
            status=status,
            reason=reason,
            reserve=question["reserved"],
            cost=cost,
            intent=intent,
            sentiment=sentiment,
            readiness=readiness,
            confidence=confidence,
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
