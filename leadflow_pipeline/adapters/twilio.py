"""Twilio: a text to a phone, and whether a text has been sent already.

Documented (grade A): `POST /2010-04-01/Accounts/{Sid}/Messages.json`, form-encoded, Basic auth; To, From or
MessagingServiceSid, Body, StatusCallback; the statuses. Unconfirmed (K): `ValidityPeriod` in seconds, error codes in
the answer, 21610 for a recipient who opted out, listing by `To` with `next_page_uri`, dates in RFC 2822 form.
The Messages API knows no idempotency key: after a lost answer the list tells. Listing is by To alone and dates are
compared here, because a message that is still queued has no DateSent to be found by.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

from leadflow_pipeline.adapters.vendor_calls import VendorCalls
from leadflow_pipeline.domain.errors import PermanentError, TransientError

VALID_SECONDS = 600  # a text that could not leave by then is stale news
CLOCKS_APART = timedelta(minutes=5)
PAGE = 100
OPTED_OUT = 21610
# Rate and queue limits (A: twilio.com/docs/api/errors): another try later can help.
BUSY_CODES = {20429, 21611, 30001, 30022, 63017}


class OptedOutError(PermanentError):
    """The recipient has answered STOP to this number; no text reaches the recipient until START is answered."""


class Twilio:
    """A client of one account, sending from a number or a messaging service. Safe to share between threads."""

    def __init__(
        self,
        base_url: str,
        account_sid: str,
        auth_token: str,
        *,
        sender: str,
        status_callback: str | None = None,
        seconds: float = 8.0,
    ) -> None:
        """`sender` is a number in E.164 or the sid of a messaging service (MG…)."""
        self._calls = VendorCalls("Twilio", base_url, auth=(account_sid, auth_token), seconds=seconds)
        self._path = f"/2010-04-01/Accounts/{account_sid}/Messages.json"
        self._sender = {"MessagingServiceSid" if sender.startswith("MG") else "From": sender}
        self._callback = {"StatusCallback": status_callback} if status_callback else {}

    def send_text(self, to: str, body: str) -> str:
        """Hand a text over; gives its sid. Raises `OptedOutError` where the recipient wants none."""
        fields = {"To": to, "Body": body, "ValidityPeriod": str(VALID_SECONDS), **self._sender, **self._callback}
        answer = self._calls.call("POST", self._path, acts=True, data=fields)
        if answer.status in (200, 201) and isinstance(answer.body, Mapping):
            return str(answer.body["sid"])
        code = answer.body.get("code") if isinstance(answer.body, Mapping) else None
        if code == OPTED_OUT:
            raise OptedOutError(f"The agent has opted out of texts from our number (Twilio error {OPTED_OUT}).")
        if code in BUSY_CODES:
            raise TransientError(f"Twilio's queue is full (error {code}).", retry_after=60)
        raise self._calls.refuse(answer, "send the text", code)

    def find_text(self, to: str, part: str, since: datetime) -> str | None:
        """The sid of a text to this number, made since then, whose body holds `part`; failed ones do not count."""
        for message in self._list(to):
            if _made_at(message) < since - CLOCKS_APART:
                return None  # the list begins with the newest
            if part in str(message.get("body", "")) and message.get("status") not in ("failed", "canceled"):
                return str(message["sid"])
        return None

    def _list(self, to: str) -> Iterator[Mapping[str, Any]]:
        path: str | None = self._path
        query: Mapping[str, Any] | None = {"To": to, "PageSize": PAGE}
        while path:
            answer = self._calls.call("GET", path, params=query)
            if answer.status != 200 or not isinstance(answer.body, Mapping):
                raise self._calls.refuse(answer, "list texts")
            yield from answer.body.get("messages", [])
            path, query = answer.body.get("next_page_uri"), None


def _made_at(message: Mapping[str, Any]) -> datetime:
    return parsedate_to_datetime(str(message["date_created"]))
