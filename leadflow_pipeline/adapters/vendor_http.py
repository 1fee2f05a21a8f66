"""HTTP to vendors: sessions with time-outs, and what a failed call means. What an answer says, its adapter reads."""

from collections.abc import Callable
from typing import Any

import requests
from requests.adapters import HTTPAdapter

from leadflow_pipeline.domain.errors import TransientError
from leadflow_pipeline.domain.vendor_budgets import LimitedError

CONNECT_SECONDS = 3.0
# Longer than vendors take at their worst: an answer that is given up is paid for and lost.
READ_SECONDS = 12.0
LARGEST_ANSWER_BYTES = 2_000_000
AT_ONCE = 16


def open_session() -> requests.Session:
    """A session for several threads that never tries again by itself: budgets decide that."""
    session = requests.Session()
    for scheme in ("http://", "https://"):
        session.mount(scheme, HTTPAdapter(pool_maxsize=AT_ONCE, max_retries=0))
    return session


def call_vendor(vendor: str, call: Callable[[], requests.Response]) -> requests.Response:
    """The response of a call, whatever its status. Raises `TransientError` when there is none."""
    try:
        return call()
    except requests.ConnectTimeout as error:
        raise TransientError(f"{vendor} could not be reached within {CONNECT_SECONDS:.0f} s.") from error
    except requests.Timeout as error:
        raise TransientError(f"{vendor} did not answer within {READ_SECONDS:.0f} s.", may_have_acted=True) from error
    except requests.RequestException as error:
        raise TransientError(f"{vendor} could not be reached ({type(error).__name__}).") from error


def read_json(vendor: str, response: requests.Response) -> Any:
    """The body of an answer. Raises `TransientError` for one that is no JSON or far too large."""
    if len(response.content) > LARGEST_ANSWER_BYTES:
        raise TransientError(f"{vendor} answered with {len(response.content)} bytes.")
    try:
        return response.json()
    except ValueError as error:
        raise TransientError(f"{vendor} answered {response.status_code} with something that is no JSON.") from error


def refuse_busy(vendor: str, response: requests.Response) -> None:
    """Raises `LimitedError` for 429 and `TransientError` for a server's trouble, with the Retry-After of the answer."""
    if response.status_code == 429:
        wait = read_seconds(response, "Retry-After") or read_seconds(response, "x-ratelimit-reset")
        raise LimitedError(f"{vendor} says too many calls (429).", retry_after=wait)
    if response.status_code >= 500 or response.status_code == 408:
        raise TransientError(
            f"{vendor} answered {response.status_code}.", retry_after=read_seconds(response, "Retry-After")
        )


def read_seconds(response: requests.Response, header: str) -> float | None:
    """Seconds from a header that holds a number; more than a day is some other unit and not believed."""
    value = read_number(response, header)
    return float(value) if value is not None and value <= 86_400 else None


def read_number(response: requests.Response, header: str) -> int | None:
    """A whole number from a header; None where there is none."""
    text = response.headers.get(header, "").strip()
    return int(text) if text.isdigit() else None
