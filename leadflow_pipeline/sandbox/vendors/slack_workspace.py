"""The workspace behind Slack's stand-in: people, channels, messages, and the limits that Slack documents (grade A).

Lives in the memory of one process and in its event loop.
"""

import csv
import itertools
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

BOT = "U0LEADFLOWBOT"
TEAM = {"id": "T0SANDBOX", "domain": "sandbox"}
CHANNELS = {"C0HOTLEADS": "hot-leads", "C0TECH": "lead-tech"}
MESSAGES_KEPT = 2_000
SAMPLE_AGENTS = Path(__file__).resolve().parents[1] / "sample_agents.csv"
# Calls a minute by tier; posting has a limit of its own: one a second per channel, with short bursts.
TIERS = {
    "chat.update": 50,
    "chat.postEphemeral": 100,
    "conversations.open": 50,
    "conversations.history": 50,
    "users.info": 100,
}
POSTS_A_SECOND, POST_BURST = 1.0, 5


class SlackError(Exception):
    """An answer with `ok` false; the text is Slack's code."""


class LimitError(Exception):
    """Too many calls."""

    def __init__(self, seconds: float) -> None:
        super().__init__("ratelimited")
        self.seconds = seconds


@dataclass
class Bucket:
    """A limit: so many calls at once, and so many a second again."""

    size: float
    per_second: float
    left: float = field(init=False)
    at: float | None = None

    def __post_init__(self) -> None:
        self.left = self.size

    def take(self, now: float) -> None:
        """Use one call. Raises `LimitError`."""
        if self.at is not None:
            self.left = min(self.size, self.left + (now - self.at) * self.per_second)
        self.at = now
        if self.left < 1:
            raise LimitError((1 - self.left) / self.per_second)
        self.left -= 1


@dataclass
class Message:
    """One message in a channel; `only_for` makes it one that a single person sees."""

    ts: str
    text: str
    blocks: Sequence[Mapping[str, Any]]
    metadata: Mapping[str, Any] | None = None
    only_for: str | None = None
    is_edited: bool = False


@dataclass
class Workspace:
    """Everything that the stand-in knows."""

    users: Mapping[str, str]  # id → name
    clock: Callable[[], float] = time.time
    messages: dict[str, list[Message]] = field(default_factory=lambda: {channel: [] for channel in CHANNELS})
    names: dict[str, str] = field(default_factory=lambda: dict(CHANNELS))
    members: dict[str, str] = field(default_factory=dict)  # conversation → the person it is with
    _buckets: dict[str, Bucket] = field(default_factory=dict)
    _numbers: Any = field(default_factory=lambda: itertools.count(1))

    def limit(self, method: str, channel: str | None) -> None:
        """Count a call against its limit. Raises `LimitError`."""
        if method == "chat.postMessage":
            bucket = self._buckets.setdefault(f"{method} {channel}", Bucket(POST_BURST, POSTS_A_SECOND))
        elif method in TIERS:
            bucket = self._buckets.setdefault(method, Bucket(TIERS[method], TIERS[method] / 60))
        else:
            return
        bucket.take(self.clock())

    def find_channel(self, name: str) -> str:
        """A channel by its id or name. Raises `SlackError`."""
        if name in self.messages:
            return name
        for channel, known in self.names.items():
            if known == name.removeprefix("#"):
                return channel
        raise SlackError("channel_not_found")

    def post(self, channel: str, message: Mapping[str, Any], *, only_for: str | None = None) -> Message:
        """Add a message. Raises `SlackError` where Slack would."""
        check_content(message)
        posted = Message(
            # Whole seconds and a number within them, as Slack's are: less than the moment of posting.
            ts=f"{int(self.clock())}.{next(self._numbers):06d}",
            text=str(message.get("text") or ""),
            blocks=message.get("blocks") or (),
            metadata=message.get("metadata"),
            only_for=only_for,
        )
        self.messages[channel].append(posted)
        del self.messages[channel][:-MESSAGES_KEPT]
        return posted

    def update(self, channel: str, ts: str, message: Mapping[str, Any]) -> Message:
        """Change a message. Raises `SlackError` where Slack would."""
        found = self.find_message(channel, ts)
        check_content(message)
        found.text, found.blocks = str(message.get("text") or ""), message.get("blocks") or ()
        found.is_edited = True
        return found

    def find_message(self, channel: str, ts: str) -> Message:
        """A message that everybody in the channel sees. Raises `SlackError`."""
        for message in self.messages.get(channel, ()):
            if message.ts == ts:
                return message
        raise SlackError("message_not_found")

    def open_conversation(self, user: str) -> str:
        """The direct messages with a person. Raises `SlackError`."""
        if user not in self.users:
            raise SlackError("user_not_found")
        conversation = f"D{user[1:]}"
        self.messages.setdefault(conversation, [])
        self.members[conversation] = user
        return conversation

    def seen_by(self, user: str) -> list[dict[str, Any]]:
        """The channels and conversations that a person sees, with their messages."""
        return [
            {
                "id": channel,
                "name": self.names.get(channel, "leadflow"),
                "is_direct": channel in self.members,
                "messages": [
                    {
                        "ts": message.ts,
                        "text": message.text,
                        "blocks": message.blocks,
                        "is_edited": message.is_edited,
                        "is_only_for_me": message.only_for is not None,
                    }
                    for message in messages
                    if message.only_for in (None, user)
                ],
            }
            for channel, messages in self.messages.items()
            if self.members.get(channel) in (None, user)
        ]


def sample_users() -> dict[str, str]:
    """The sample agents as members of the workspace."""
    with SAMPLE_AGENTS.open(encoding="utf-8", newline="") as file:
        return {row["slack_id"]: row["name"] for row in csv.DictReader(file)}


def check_content(message: Mapping[str, Any]) -> None:
    """Raises `SlackError` for what Slack refuses: nothing to show, or blocks beyond its documented bounds."""
    blocks = message.get("blocks") or ()
    if not blocks and not message.get("text"):
        raise SlackError("no_text")
    if len(str(message.get("text") or "")) > 40_000:
        raise SlackError("msg_too_long")
    if len(blocks) > 50 or not all(_is_good_block(block) for block in blocks):
        raise SlackError("invalid_blocks")


def _is_good_block(block: Mapping[str, Any]) -> bool:
    match block.get("type"):
        case "header":
            text = block.get("text", {})
            return text.get("type") == "plain_text" and 0 < len(text.get("text", "")) <= 150
        case "section":
            texts = [block["text"]] if "text" in block else []
            fields = block.get("fields", [])
            return (
                bool(texts or fields)
                and len(fields) <= 10
                and all(_is_good_text(text, 3_000) for text in texts)
                and all(_is_good_text(text, 2_000) for text in fields)
            )
        case "context":
            return 0 < len(block.get("elements", [])) <= 10 and all(
                _is_good_text(text, 3_000) for text in block["elements"]
            )
        case "actions":
            return 0 < len(block.get("elements", [])) <= 25 and all(map(_is_good_button, block["elements"]))
        case "divider":
            return True
        case _:
            return False


def _is_good_text(text: Mapping[str, Any], longest: int) -> bool:
    return text.get("type") in ("plain_text", "mrkdwn") and 0 < len(text.get("text", "")) <= longest


def _is_good_button(button: Mapping[str, Any]) -> bool:
    return (
        button.get("type") == "button"
        and button.get("text", {}).get("type") == "plain_text"
        and 0 < len(button["text"].get("text", "")) <= 75
        and len(button.get("value", "")) <= 2_000
        and button.get("style") in (None, "primary", "danger")
    )
