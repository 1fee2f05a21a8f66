"""What a stand-in says of itself: its routes, its pages, and how the vendor words a refusal.

How a vendor's own answers look belongs to its module; when a call is refused is decided by `sandbox/vendor_server.py`.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute

from leadflow_pipeline.sandbox.vendor_control import Control


def answer_failed() -> Response:
    """A server error as most vendors send it."""
    return JSONResponse({"error": "internal error"}, 500)


def answer_limited(retry_after: int) -> Response:
    """Too many calls, as most vendors say it; `retry_after` in seconds."""
    return JSONResponse({"error": "too many requests"}, 429, {"Retry-After": str(retry_after)})


def no_rate_headers(limit: int, remaining: int, reset_seconds: int) -> Mapping[str, str]:  # noqa: ARG001
    """For vendors that do not tell how much of a limit is left."""
    return {}


@dataclass(frozen=True, kw_only=True)
class Vendor:
    """A stand-in, served below `/{name}`; its pages for people below `/_page/{name}`."""

    name: str
    routes: Sequence[BaseRoute]
    pages: Sequence[BaseRoute] = ()
    limit_per_minute: int | None = None  # the vendor's documented limit; the control plane can set another
    answer_failed: Callable[[], Response] = answer_failed
    answer_limited: Callable[[int], Response] = answer_limited
    # What runs beside the HTTP server as long as it does, for a vendor that speaks another protocol.
    beside: Callable[[Control], AbstractContextManager[None]] | None = None
    rate_headers: Callable[[int, int, int], Mapping[str, str]] = no_rate_headers  # limit, remaining, seconds to reset
