"""Sends what goes into Slack: claim cards, their last state, and messages to agents.

A card that cannot be posted withdraws its offer, so that the lead goes to the rotation at once. What a card says
is decided in `domain.slack_cards`; facts about the person are read when something is sent.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from leadflow_pipeline.domain.errors import PermanentError, TransientError
from leadflow_pipeline.domain.routing.claims import ClaimTerms, closing_time
from leadflow_pipeline.domain.slack_cards import (
    CARD_EVENT,
    Blocks,
    closed_card,
    contact_message,
    open_card,
    opening_line,
    summarize,
)
from leadflow_pipeline.stages.assigned_leads import POOL
from leadflow_pipeline.stages.claims import describe_state
from leadflow_pipeline.stages.deliveries import Effect, Sender
from leadflow_pipeline.stages.store import Store

LONGEST_WAIT_SECONDS = 15.0  # for a place in the channel, within one delivery


class PostedMessage(Protocol):
    """Where a message is."""

    @property
    def channel(self) -> str: ...

    @property
    def ts(self) -> str: ...


class Chat(Protocol):
    """A workspace; raises `TransientError` and `PermanentError`. `adapters.slack.SlackChat` is the real one."""

    def post(
        self, channel: str, *, text: str, blocks: Blocks = ..., metadata: Mapping[str, Any] | None = None
    ) -> Any: ...

    def update(self, message: Any, *, text: str, blocks: Blocks) -> None: ...

    def post_for(self, user: str, channel: str, *, text: str, blocks: Blocks = ...) -> str: ...

    def open_conversation(self, user: str) -> str: ...

    def find_message(self, channel: str, event: str, lead_id: int, *, since: datetime) -> Any: ...


@dataclass(frozen=True, kw_only=True)
class _Place:
    """A message's place, as the tables keep it."""

    channel: str
    ts: str


@dataclass(frozen=True, kw_only=True)
class SlackTerms:
    """How this brokerage uses Slack."""

    channel: str
    claims: ClaimTerms
    hides_contact: bool


def build_slack_senders(store: Store, chat: Chat, terms: SlackTerms) -> dict[str, Sender]:
    """The senders of all kinds of effects in Slack."""
    return {
        "slack_card": CardSender(store, chat, terms),
        "slack_card_update": CardUpdateSender(store, chat, terms),
        "slack_message": MessageSender(store, chat, terms),
    }


class CardSender:
    """Posts a hot lead's card; from then on the window counts."""

    def __init__(
        self, store: Store, chat: Chat, terms: SlackTerms, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._store = store
        self._chat = chat
        self._terms = terms
        self._sleep = sleep

    def send(self, effect: Effect) -> str | None:
        lead_id = effect.lead_id
        assert lead_id is not None
        started = time.monotonic()
        claim = _read(self._store, "read_claim_to_post", lead_id)
        if claim["message_ts"]:
            return str(claim["message_ts"])
        if effect.may_have_acted and (found := self._find(lead_id, claim["announced_at"])):
            self._note(lead_id, found, claim, claim["now"])
            return str(found.ts)
        if claim["status"] != "announced":
            return None  # its lead has found its place; there is nothing left to offer
        self._wait_for_place(lead_id, claim)
        facts = _read(self._store, "read_card", lead_id)
        posted_at = claim["now"] + timedelta(seconds=time.monotonic() - started)
        posted = self._post(lead_id, facts, closing_time(claim["received_at"], posted_at, self._terms.claims))
        posted_at = claim["now"] + timedelta(seconds=time.monotonic() - started)
        self._note(lead_id, posted, claim, posted_at)
        return str(posted.ts)

    def _wait_for_place(self, lead_id: int, claim: Mapping[str, Any]) -> None:
        """Cards follow each other at the channel's pace, whichever process posts them. Nobody waits under a lock."""
        left = (claim["deadline_at"] - claim["now"]).total_seconds()
        seconds: float | None = None
        if left > 0:
            with self._store.transaction() as transaction:
                seconds = transaction.value(
                    "take_place_in_channel",
                    pool=POOL,
                    pace_seconds=self._terms.claims.pace,
                    longest_seconds=min(left, LONGEST_WAIT_SECONDS),
                )
        if seconds is None and left > LONGEST_WAIT_SECONDS:
            raise TransientError("Many cards wait for the channel.", retry_after=LONGEST_WAIT_SECONDS / 2)
        if seconds is None:
            self._withdraw(lead_id, "no place for its card in time")
            raise PermanentError("The channel had no place for the card in time; the lead went to the rotation.")
        self._sleep(seconds)

    def _post(self, lead_id: int, facts: Mapping[str, Any], closes_at: datetime) -> Any:
        try:
            return self._chat.post(
                self._terms.channel,
                text=summarize(facts),
                blocks=open_card(facts, closes_at=closes_at, hides_contact=self._terms.hides_contact),
                metadata={"event_type": CARD_EVENT, "event_payload": {"lead_id": lead_id}},
            )
        except (TransientError, PermanentError) as error:
            self._withdraw(lead_id, "Slack did not take its card")
            if isinstance(error, TransientError) and error.may_have_acted:
                raise  # the card may hang there: the next attempt looks for it, so that it can be closed
            raise PermanentError(f"{error} The lead went to the rotation.") from error

    def _find(self, lead_id: int, since: datetime) -> Any:
        """The card of an attempt whose end nobody saw. Without permission to look, a second card is the lesser evil."""
        try:
            return self._chat.find_message(self._terms.channel, CARD_EVENT, lead_id, since=since)
        except PermanentError:
            return None

    def _note(self, lead_id: int, posted: Any, claim: Mapping[str, Any], posted_at: datetime) -> None:
        with self._store.transaction() as transaction:
            transaction.execute(
                "note_card",
                lead_id=lead_id,
                channel=posted.channel,
                message_ts=posted.ts,
                posted_at=posted_at,
                closes_at=closing_time(claim["received_at"], posted_at, self._terms.claims),
            )

    def _withdraw(self, lead_id: int, reason: str) -> None:
        with self._store.transaction() as transaction:
            transaction.execute("withdraw_claim", lead_id=lead_id, reason=reason)
            transaction.execute("announce_landing")


class CardUpdateSender:
    """Shows on the card who has the lead."""

    def __init__(self, store: Store, chat: Chat, terms: SlackTerms) -> None:
        self._store = store
        self._chat = chat
        self._terms = terms

    def send(self, effect: Effect) -> str | None:
        assert effect.lead_id is not None
        facts = _read(self._store, "read_card", effect.lead_id)
        if not facts["message_ts"]:
            return None  # there is no card
        self._chat.update(
            _Place(channel=facts["channel"], ts=facts["message_ts"]),
            text=summarize(facts),
            blocks=closed_card(facts, hides_contact=self._terms.hides_contact),
        )
        return str(facts["message_ts"])


class MessageSender:
    """Tells one person something; `payload.about` says what."""

    def __init__(self, store: Store, chat: Chat, terms: SlackTerms) -> None:
        self._store = store
        self._chat = chat
        self._terms = terms

    def send(self, effect: Effect) -> str | None:
        about = effect.payload.get("about")
        if about == "click":
            return self._answer_click(effect)
        assert effect.lead_id is not None
        with self._store.transaction() as transaction:
            facts = transaction.row("read_message_facts", lead_id=effect.lead_id, agent_id=effect.agent_id)
        if facts is None or not facts["agent_slack_id"]:
            return None  # the agent has left Slack since
        if about != "claimed" and facts["agent_id"] != effect.agent_id:
            return None  # the lead is somebody else's by now
        opening = opening_line(facts)
        if about == "reminder":
            opening = "*This lead still waits for your first call.* If nobody calls, another agent is given it."
        blocks = contact_message(facts, opening=opening)
        text = summarize(facts)
        if about == "claimed":
            return self._chat.post_for(facts["agent_slack_id"], effect.payload["channel"], text=text, blocks=blocks)
        conversation = self._chat.open_conversation(facts["agent_slack_id"])
        event = f"lead_{about or 'assigned'}"
        if effect.may_have_acted and (found := self._find(conversation, event, effect)):
            return str(found.ts)
        metadata = {"event_type": event, "event_payload": {"lead_id": effect.lead_id}}
        return str(self._chat.post(conversation, text=text, blocks=blocks, metadata=metadata).ts)

    def _find(self, conversation: str, event: str, effect: Effect) -> Any:
        """The message of an attempt whose end nobody saw. Without permission to look, a second is the lesser evil."""
        assert effect.lead_id is not None
        try:
            return self._chat.find_message(conversation, event, effect.lead_id, since=effect.created_at)
        except PermanentError:
            return None

    def _answer_click(self, effect: Effect) -> str | None:
        """Tell somebody who clicked and did not win who has the lead, or why they may not."""
        assert effect.lead_id is not None
        state = _read(self._store, "read_claim_state", effect.lead_id)
        text = effect.payload.get("reason") or describe_state(state)
        return self._chat.post_for(effect.payload["slack_user"], effect.payload["channel"], text=text)


def _read(store: Store, query: str, lead_id: int) -> Mapping[str, Any]:
    with store.transaction() as transaction:
        row = transaction.row(query, lead_id=lead_id)
    if row is None:
        raise PermanentError(f"Lead {lead_id} is no longer here.")  # erased since
    return row
