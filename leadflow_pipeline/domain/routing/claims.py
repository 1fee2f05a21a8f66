"""How long a hot lead is offered to whoever is quickest, so that it has an agent in time whatever happens.

A card is posted no faster than the channel allows; the window counts from the posting. A lead that could not be
offered long enough, because too many wait or it arrived late, is not offered at all.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, kw_only=True)
class ClaimTerms:
    """The limits, in seconds."""

    window: float = 45  # how long a card is open
    latest: float = 75  # after the lead's arrival every card is closed
    least: float = 20  # a shorter offer is none
    pace: float = 1.0  # between two cards; Slack takes about one message a second per channel (grade A)


@dataclass(frozen=True, kw_only=True)
class Slot:
    """When a card may go out, and until when it has to be out."""

    post_at: datetime
    post_until: datetime


def find_slot(received_at: datetime, now: datetime, next_card_at: datetime | None, terms: ClaimTerms) -> Slot | None:
    """The next free place in the channel; None when it comes too late for an offer."""
    post_at = max(now, next_card_at or now)
    post_until = received_at + timedelta(seconds=terms.latest - terms.least)
    return Slot(post_at=post_at, post_until=post_until) if post_at <= post_until else None


def closing_time(received_at: datetime, posted_at: datetime, terms: ClaimTerms) -> datetime:
    """Until when a card that was posted then is open."""
    return min(posted_at + timedelta(seconds=terms.window), received_at + timedelta(seconds=terms.latest))
