"""Slack's Web API through slack-sdk: messages in channels and to people. Its errors become ours.

A limit or an outage is transient, with what Slack said of when; a refusal (no such channel, no permission) is
permanent. A call that ended without an answer may have been carried out: Slack knows no idempotency key, so whoever
tries again looks with `find_message` first.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackClientError

from leadflow_pipeline.domain.errors import PermanentError, TransientError
from leadflow_pipeline.vendor_settings import SlackAccount

TIMEOUT_SECONDS = 5
# Slack's time of a message is whole seconds and a number, and its clock is not ours.
SECONDS_OF_DOUBT = 5.0
# Errors that Slack documents as passing (grade A); every other one stays until somebody changes something.
PASSING = {"ratelimited", "rate_limited", "internal_error", "fatal_error", "service_unavailable", "request_timeout"}

# Its debug lines hold whole requests.
logging.getLogger("slack_sdk").setLevel(logging.WARNING)


@dataclass(frozen=True, kw_only=True)
class PostedMessage:
    """Where a message is."""

    channel: str
    ts: str


class SlackChat:
    """One workspace, by its bot token. Safe to share between threads: a call holds nothing."""

    def __init__(self, account: SlackAccount) -> None:
        self._conversations: dict[str, str] = {}
        self._client = WebClient(
            token=account.token.get_secret_value(),
            base_url=f"{account.url.rstrip('/')}/",
            timeout=TIMEOUT_SECONDS,
            retry_handlers=[],  # the outbox tries again, and knows when
        )

    def check_token(self) -> str:
        """The bot's own user id. Raises our errors when the token is not good."""
        return str(self._call("auth.test")["user_id"])

    def post(
        self,
        channel: str,
        *,
        text: str,
        blocks: Sequence[Mapping[str, Any]] = (),
        metadata: Mapping[str, Any] | None = None,
    ) -> PostedMessage:
        """Post into a channel; `text` is what notifications show."""
        # Nothing of ours is to become a preview of a page, or a link by itself.
        quiet = {"unfurl_links": False, "unfurl_media": False, "link_names": False}
        answer = self._call("chat.postMessage", channel=channel, text=text, blocks=blocks, metadata=metadata, **quiet)
        return PostedMessage(channel=str(answer["channel"]), ts=str(answer["ts"]))

    def update(self, message: PostedMessage, *, text: str, blocks: Sequence[Mapping[str, Any]]) -> None:
        """Put new content in a message's place. Doing it twice changes nothing."""
        self._call("chat.update", channel=message.channel, ts=message.ts, text=text, blocks=blocks)

    def post_for(self, user: str, channel: str, *, text: str, blocks: Sequence[Mapping[str, Any]] = ()) -> str:
        """Show something to one person in a channel, and to nobody else; gives its ts."""
        answer = self._call("chat.postEphemeral", channel=channel, user=user, text=text, blocks=blocks)
        return str(answer["message_ts"])

    def open_conversation(self, user: str) -> str:
        """The channel of the direct messages with a person; asked once, it stays the same."""
        if user not in self._conversations:
            self._conversations[user] = str(self._call("conversations.open", users=user)["channel"]["id"])
        return self._conversations[user]

    def find_message(self, channel: str, event: str, lead_id: int, *, since: datetime) -> PostedMessage | None:
        """The message that was posted with this metadata, if it was."""
        answer = self._call(
            "conversations.history",
            channel=channel,
            oldest=str(since.timestamp() - SECONDS_OF_DOUBT),
            include_all_metadata=True,
            limit=200,
        )
        for message in answer["messages"]:
            metadata = message.get("metadata") or {}
            if metadata.get("event_type") == event and metadata.get("event_payload", {}).get("lead_id") == lead_id:
                return PostedMessage(channel=channel, ts=str(message["ts"]))
        return None

    def _call(self, method: str, **parameters: Any) -> Mapping[str, Any]:
        given = {name: value for name, value in parameters.items() if value is not None}
        try:
            return dict(self._client.api_call(method, json=given).data)  # type: ignore[arg-type]
        except SlackApiError as error:
            raise _as_ours(method, error) from error
        except ConnectionRefusedError as error:
            raise TransientError(f"Slack cannot be reached ({method}).") from error
        except (OSError, SlackClientError) as error:
            refused = isinstance(getattr(error, "reason", None), ConnectionRefusedError)
            raise TransientError(
                f"Slack did not answer {method} ({type(error).__name__}).", may_have_acted=not refused
            ) from error


def _as_ours(method: str, error: SlackApiError) -> PermanentError | TransientError:
    status = error.response.status_code
    headers = {str(name).lower(): value for name, value in (error.response.headers or {}).items()}
    code = error.response.get("error") if isinstance(error.response.data, dict) else None
    if status == 429 or code in ("ratelimited", "rate_limited"):
        return TransientError(f"Slack limits {method}.", retry_after=_seconds(headers.get("retry-after")))
    if status >= 500 or code in PASSING:
        return TransientError(f"Slack failed at {method} (HTTP {status}, {code}).", may_have_acted=status >= 500)
    return PermanentError(f"Slack refused {method}: {code or f'HTTP {status}'}.")


def _seconds(value: object) -> float:
    text = value[0] if isinstance(value, list) else value
    try:
        return max(1.0, float(str(text)))
    except ValueError:
        return 1.0
