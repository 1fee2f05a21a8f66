"""What every exchange has: a request id, headers that keep browsers careful, and one line in the access log.

The line holds no personal data and no secret: the route instead of the path, which may end in a secret, no query,
no address, no user agent.
"""

import logging
import re
import time
import uuid

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from leadflow_pipeline.domain.webhook_sources.registry import SOURCES

LOG = logging.getLogger(__name__)

REQUEST_ID = "x-request-id"
_GOOD_ID = re.compile(r"[A-Za-z0-9_-]{8,64}")
_OWN_PATHS = frozenset(
    {"/health", "/metrics", "/openapi.json", "/docs", "/docs/try.js", "/slack/interactions", "/twilio/status"}
    | {"/crm/followupboss", "/crm/hubspot"}
)
_NOT_LOGGED = frozenset({"/health", "/metrics"})  # asked every few seconds for ever
_HEADERS = {
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
    "strict-transport-security": "max-age=31536000",
    "x-content-type-options": "nosniff",
}


class Exchange:
    """The outermost layer of the application."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = Headers(scope=scope).get(REQUEST_ID, "")
        request_id = given if _GOOD_ID.fullmatch(given) else uuid.uuid4().hex
        started = time.perf_counter()
        status = 0

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers[REQUEST_ID] = request_id
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        try:
            await self._app(scope, receive, send_with_headers)
        finally:
            if scope["path"] not in _NOT_LOGGED:
                milliseconds = 1000 * (time.perf_counter() - started)
                LOG.info("%s %s %d %.1f ms %s", _method(scope), _route(scope), status, milliseconds, request_id)


def _method(scope: Scope) -> str:
    method = str(scope["method"])
    return method if method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS") else "other"


def _route(scope: Scope) -> str:
    source = scope.get("path_params", {}).get("source")
    if source is None:
        return str(scope["path"]) if scope["path"] in _OWN_PATHS else "other"
    return f"/webhooks/{source}" if source in SOURCES else "/webhooks/unknown"
