"""What can be said of an inquiry: the verdict, its allowed values, and the bounds that every judge is held to."""

from dataclasses import dataclass, replace
from typing import Literal, get_args

Intent = Literal[
    "buy_now", "buy_later", "sell", "rent", "invest", "tour_request", "financing", "browsing", "not_a_lead"
]
Sentiment = Literal["positive", "neutral", "negative"]

INTENTS: tuple[Intent, ...] = get_args(Intent)
SENTIMENTS: tuple[Sentiment, ...] = get_args(Sentiment)
READINESS = (0, 1, 2, 3)  # no intention; someday or curious; within months; now

# What an intent can mean at all: nobody who is only browsing is ready to sign.
READINESS_BOUNDS: dict[Intent, tuple[int, int]] = {
    "buy_now": (2, 3),
    "buy_later": (1, 2),
    "sell": (1, 3),
    "rent": (1, 3),
    "invest": (1, 3),
    "tour_request": (2, 3),
    "financing": (1, 2),
    "browsing": (0, 1),
    "not_a_lead": (0, 0),
}


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What one judge makes of one text."""

    intent: Intent
    sentiment: Sentiment
    readiness: int
    confidence: float  # of the intent, 0 to 1, calibrated where the judge is the local model
    model: str  # the judge and its version


def bound_readiness(verdict: Verdict) -> Verdict:
    """The verdict with a readiness that its intent allows."""
    low, high = READINESS_BOUNDS[verdict.intent]
    return replace(verdict, readiness=min(max(verdict.readiness, low), high))
