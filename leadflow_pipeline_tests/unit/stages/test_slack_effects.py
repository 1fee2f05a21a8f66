"""The sender of cards: what it does when the channel is full, Slack fails, or nobody saw how the last attempt ended."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from leadflow_pipeline.domain.errors import PermanentError, TransientError
from leadflow_pipeline.domain.routing.claims import ClaimTerms
from leadflow_pipeline.stages.deliveries import Effect
from leadflow_pipeline.stages.slack_effects import CardSender, SlackTerms
from leadflow_pipeline_tests.unit.domain.test_slack_cards import FACTS

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


@dataclass
class Place:
    channel: str = "C1"
    ts: str = "1.1"


@dataclass
class FakeStore:
    """Answers queries from a dictionary and notes what was executed."""

    answers: dict[str, Any]
    executed: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    @contextmanager
    def transaction(self) -> Iterator["FakeStore"]:
        yield self

    def row(self, query: str, **_: Any) -> Any:
        return self.answers[query]

    def value(self, query: str, **_: Any) -> Any:
        return self.answers[query]

    def execute(self, query: str, **parameters: Any) -> int:
        self.executed.append((query, parameters))
        return 1

    def rows(self, query: str, **_: Any) -> Any:
        raise AssertionError(query)


@dataclass
class FakeChat:
    error: Exception | None = None
    found: Place | None = None
    posts: int = 0

    def post(self, *_: Any, **__: Any) -> Place:
        self.posts += 1
        if self.error:
            raise self.error
        return Place()

    def find_message(self, *_: Any, **__: Any) -> Place | None:
        return self.found


def effect(**changes: Any) -> Effect:
    fields: dict[str, Any] = {
        "outbox_id": 1,
        "idempotency_key": "slack_card:17",
        "kind": "slack_card",
        "lead_id": 17,
        "agent_id": None,
        "payload": {},
        "attempts": 1,
        "created_at": NOW,
        "may_have_acted": False,
        **changes,
    }
    return Effect(**fields)


def store(*, wait: float | None = 0.0, left: float = 50, **claim: Any) -> FakeStore:
    row: Mapping[str, Any] = {
        "status": "announced",
        "message_ts": None,
        "deadline_at": NOW + timedelta(seconds=left),
        "announced_at": NOW,
        "received_at": NOW,
        "now": NOW,
        **claim,
    }
    return FakeStore({"read_claim_to_post": row, "read_card": FACTS, "take_place_in_channel": wait})


def send(tables: FakeStore, chat: FakeChat, **changes: Any) -> tuple[str | None, list[float]]:
    slept: list[float] = []
    terms = SlackTerms(channel="hot", claims=ClaimTerms(), hides_contact=True)
    sender = CardSender(tables, chat, terms, sleep=slept.append)  # type: ignore[arg-type]
    return sender.send(effect(**changes)), slept


def test_a_card_waits_for_its_place_and_its_window_counts_from_the_posting() -> None:
    tables = store(wait=3.0)
    assert send(tables, FakeChat()) == ("1.1", [3.0])
    [(query, noted)] = tables.executed
    assert query == "note_card"
    assert noted["closes_at"] - noted["posted_at"] == timedelta(seconds=45)


@pytest.mark.parametrize("status", ["claimed", "timed_out", "withdrawn"])
def test_a_lead_that_has_found_its_place_gets_no_card(status: str) -> None:
    chat = FakeChat()
    assert send(store(status=status), chat) == (None, [])
    assert chat.posts == 0


def test_a_card_that_is_out_is_not_posted_again() -> None:
    chat = FakeChat(found=Place(ts="7.7"))
    assert send(store(message_ts="5.5"), chat)[0] == "5.5"
    assert send(store(), chat, may_have_acted=True)[0] == "7.7"
    assert chat.posts == 0


def test_while_the_channel_is_full_a_card_comes_again_and_near_its_deadline_its_lead_goes_to_the_rotation() -> None:
    tables = store(wait=None, left=30)
    with pytest.raises(TransientError):
        send(tables, FakeChat())
    assert tables.executed == []
    tables = store(wait=None, left=5)
    with pytest.raises(PermanentError):
        send(tables, FakeChat())
    assert [query for query, _ in tables.executed] == ["withdraw_claim", "announce_landing"]


@pytest.mark.parametrize(
    ("error", "raised"),
    [
        (TransientError("Slack limits chat.postMessage.", retry_after=30), PermanentError),
        (PermanentError("Slack refused chat.postMessage: is_archived."), PermanentError),
        # The card may hang there: the next attempt looks for it, so that it can be closed.
        (TransientError("Slack did not answer.", may_have_acted=True), TransientError),
    ],
)
def test_when_slack_does_not_take_a_card_its_lead_goes_to_the_rotation_at_once(
    error: Exception, raised: type[Exception]
) -> None:
    tables = store()
    with pytest.raises(raised):
        send(tables, FakeChat(error=error))
    assert [query for query, _ in tables.executed] == ["withdraw_claim", "announce_landing"]
