"""HTTP calls to vendors: one session per vendor, time-outs always, and every outcome an answer or one of our errors.

Belongs here: what is true of any HTTP API (time-outs, 429 with Retry-After, 5xx, lost answers). Does not belong here:
what one vendor's statuses mean.
"""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import requests
from requests.adapters import HTTPAdapter

from leadflow_pipeline.domain.errors import PermanentError, TransientError
from leadflow_pipeline.domain.vendor_budgets import LimitedError

CONNECT_SECONDS = 3.05
LONGEST_WAIT_SECONDS = 3600.0
REFUSED_KEY_SECONDS = 300.0  # somebody has to mend the key; nothing is lost meanwhile
CONNECTIONS = 16


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a vendor answered, where it is for the vendor's own adapter to judge."""

    status: int
    body: Any  # JSON as values; None where there was none
    headers: Mapping[str, str]


class VendorCalls:
    """Calls one vendor's API. Safe to share between threads."""

    def __init__(
        self,
        vendor: str,
        base_url: str,
        *,
        auth: tuple[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        seconds: float = 8.0,
        read_rest: Callable[[Mapping[str, str]], float | None] = lambda _: None,
    ) -> None:
        """`vendor` is the name for people, in messages; `seconds` is the longest silence that is borne.

        `read_rest` says from an answer's headers for how many seconds no further call is allowed, if so.
        """
        self.vendor = vendor
        self._base_url = base_url.rstrip("/")
        self._seconds = seconds
        self._read_rest = read_rest
        self._rest_until = 0.0
        self._session = requests.Session()
        self._session.auth = auth
        self._session.headers.update(headers or {})
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, HTTPAdapter(pool_connections=1, pool_maxsize=CONNECTIONS))

    def call(self, method: str, path: str, *, acts: bool = False, **parts: Any) -> Answer:
        """Make one call; `parts` are requests' own (params, json, data). `acts`: it changes something there.

        Raises `TransientError` where another try can help, with the vendor's wait and whether it may have acted. A key
        that is refused is one too: a person mends it, and what waited goes out.
        """
        rest = self._rest_until - time.monotonic()
        if rest > 0:
            raise LimitedError(f"{self.vendor}'s rate limit is used up.", retry_after=rest)
        try:
            # Redirects are not followed: a vendor's API has none, and a key belongs to one host.
            response = self._session.request(
                method,
                self._base_url + path,
                timeout=(min(CONNECT_SECONDS, self._seconds), self._seconds),
                allow_redirects=False,
                **parts,
            )
        except requests.exceptions.ConnectTimeout as error:
            raise TransientError(f"{self.vendor} cannot be reached: no connection in time.") from error
        except (requests.exceptions.Timeout, requests.exceptions.ConnectionError) as error:
            never_sent = "NewConnectionError" in repr(error)
            raise TransientError(
                f"{self.vendor} cannot be reached." if never_sent else f"{self.vendor} gave no answer in time.",
                may_have_acted=acts and not never_sent,
            ) from error
        except requests.exceptions.RequestException as error:
            raise TransientError(
                f"The call to {self.vendor} failed: {type(error).__name__}.", may_have_acted=acts
            ) from error
        return self._judge(response, acts)

    def refuse(self, answer: Answer, doing: str, code: object = None) -> PermanentError:
        """The error for an answer that another try would meet again. The vendor's text may quote a lead's words."""
        detail = f", code {code}" if code is not None else ""
        return PermanentError(f"{self.vendor} refused to {doing}: HTTP {answer.status}{detail}.")

    def _judge(self, response: requests.Response, acts: bool) -> Answer:
        status = response.status_code
        rest = self._read_rest(response.headers)
        if rest:
            self._rest_until = time.monotonic() + min(rest, LONGEST_WAIT_SECONDS)
        if status == 429:
            raise LimitedError(
                f"{self.vendor} asks us to slow down (429).", retry_after=read_retry_after(response.headers)
            )
        if status >= 500:
            # Whether a server that stumbled had acted before is not said.
            raise TransientError(
                f"{self.vendor} is in trouble ({status}).",
                retry_after=read_retry_after(response.headers),
                may_have_acted=acts and status != 503,
            )
        if status in (401, 403):
            raise TransientError(
                f"{self.vendor} refuses our key ({status}); look at its settings.", retry_after=REFUSED_KEY_SECONDS
            )
        if status == 408:
            raise TransientError(f"{self.vendor} gave up waiting (408).", may_have_acted=acts)
        return Answer(status=status, body=_read_json(response), headers=dict(response.headers.items()))


def read_retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds of a Retry-After header (a number or a date, RFC 9110), within reason; None where there is none."""
    value = (headers.get("Retry-After") or "").strip()
    if not value:
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = (parsedate_to_datetime(value).astimezone(UTC) - datetime.now(UTC)).total_seconds()
        except (ValueError, TypeError):
            return None
    return min(max(seconds, 0.0), LONGEST_WAIT_SECONDS) if seconds == seconds else None


def _read_json(response: requests.Response) -> Any:
    try:
        return json.loads(response.content) if response.content else None
    except ValueError:
        return None
