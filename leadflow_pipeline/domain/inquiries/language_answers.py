"""What goes to a language model and what may come back: the question, the check of the answer, the verdict in force.

The answer of a language model is a stranger's word too. Only the allowed values pass, and it can lift a lead's
readiness by one step at most over the local model's.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from leadflow_pipeline.domain.errors import PermanentError
from leadflow_pipeline.domain.inquiries.verdicts import INTENTS, READINESS, SENTIMENTS, Verdict, bound_readiness

MOST_LIFT = 1
_MILLION = Decimal(1_000_000)


@dataclass(frozen=True, kw_only=True)
class Prompt:
    """One version of the words and the schema."""

    version: str
    instructions: str
    schema: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class LanguageAnswer:
    """A language model's verdict, and what it cost in US dollars."""

    verdict: Verdict
    cost: Decimal


class UnusableAnswerError(PermanentError):
    """The model answered, but not with a verdict. `reason` is `refused` or `malformed`; `cost` in US dollars."""

    def __init__(self, reason: str, *, cost: Decimal = Decimal(0)) -> None:
        super().__init__(f"The language model's answer is of no use: {reason}.")
        self.reason = reason
        self.cost = cost


def ask_as_data(masked: str) -> str:
    """The user message: the text as the value of a JSON string, which no text can break out of."""
    return json.dumps({"inquiry": masked}, ensure_ascii=False)


def read_answer(answer: object, *, model: str, cost: Decimal) -> LanguageAnswer:
    """The verdict in an answer. Raises `UnusableAnswerError` when a field is missing, unknown or out of its values."""
    if not isinstance(answer, Mapping) or set(answer) != {"intent", "sentiment", "readiness", "confidence"}:
        raise UnusableAnswerError("malformed", cost=cost)
    confidence = answer["confidence"]
    if (
        answer["intent"] not in INTENTS
        or answer["sentiment"] not in SENTIMENTS
        or type(answer["readiness"]) is not int
        or answer["readiness"] not in READINESS
        or isinstance(confidence, bool)
        or not isinstance(confidence, int | float)
        or not 0 <= confidence <= 1
    ):
        raise UnusableAnswerError("malformed", cost=cost)
    verdict = Verdict(
        intent=answer["intent"],
        sentiment=answer["sentiment"],
        readiness=answer["readiness"],
        confidence=float(confidence),
        model=model,
    )
    return LanguageAnswer(verdict=verdict, cost=cost)


def choose_verdict(local: Verdict, language: Verdict) -> Verdict:
    """The verdict in force: the language model's, its readiness held by the intent and by the local model."""
    bounded = bound_readiness(language)
    return replace(bounded, readiness=min(bounded.readiness, local.readiness + MOST_LIFT))


def price_tokens(
    input_tokens: object, output_tokens: object, *, per_million_input: Decimal, per_million_output: Decimal
) -> Decimal:
    """US dollars for what the vendor says it read and wrote; what it does not say costs nothing here."""
    read = input_tokens if type(input_tokens) is int else 0
    written = output_tokens if type(output_tokens) is int else 0
    return (read * per_million_input + written * per_million_output) / _MILLION
