"""`POST /webhooks/{source}`: checks in a fixed order, stores the bytes, commits, answers.

Size while streaming, content type, secret, storing; only then is a look taken at the fields, so that a post
with wrong fields is refused with the list of them and kept all the same. No Dagster, no scoring, no waiting.
"""

import asyncio
import hmac
from datetime import UTC, datetime

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from leadflow_pipeline.domain.errors import TransientError
from leadflow_pipeline.domain.plain_text import clean_line
from leadflow_pipeline.domain.website_form import (
    CONTENT_TYPES,
    UnreadableFormError,
    media_type,
    read_website_form,
)
from leadflow_pipeline.receiver.problems import problem
from leadflow_pipeline.settings import Settings
from leadflow_pipeline.stages.posts import land_post
from leadflow_pipeline.stages.store import Store

SOURCES = ("website",)
LARGEST_POST_BYTES = 1_000_000
HEADER_LIMIT = 255
SECONDS_TO_SEND = 30
RETRY_AFTER_SECONDS = 10
KEPT_HEADERS = ("content-type", "user-agent", "idempotency-key")


class TooLargeError(Exception):
    """The body goes on beyond the limit."""


class Webhooks:
    """The endpoint, with the settings and the store it works on."""

    def __init__(self, settings: Settings, store: Store) -> None:
        self._settings = settings
        self._store = store

    async def receive(self, request: Request) -> Response:
        """Take in one post. 202: stored; 200: had arrived before; else a problem that says what to do."""
        received_at = datetime.now(UTC)
        source = request.path_params["source"]
        if source not in SOURCES or not self._is_open(source):
            return problem(404, "There is no such source here, or it is not configured.")
        try:
            async with asyncio.timeout(SECONDS_TO_SEND):
                raw = await _read_body(request)
        except TimeoutError:
            return problem(408, f"The body did not end within {SECONDS_TO_SEND} s.", headers={"Connection": "close"})
        except TooLargeError:
            return problem(413, f"A post may have {LARGEST_POST_BYTES} bytes.", headers={"Connection": "close"})
        except ClientDisconnect:
            return problem(400, "The connection ended before the body did.")
        headers = {
            name: clean_line(request.headers[name], HEADER_LIMIT) for name in KEPT_HEADERS if name in request.headers
        }
        content_type = headers.get("content-type", "")
        if media_type(content_type) not in CONTENT_TYPES:
            return problem(415, f"Send {' or '.join(CONTENT_TYPES)}.")
        if not self._is_allowed(source, request.path_params.get("secret", "")):
            return problem(401, "The secret at the end of the path is missing or wrong.")
        if len(request.headers.get("idempotency-key", "")) > HEADER_LIMIT:
            return problem(400, f"An Idempotency-Key may have {HEADER_LIMIT} characters.")
        try:
            form = read_website_form(raw, content_type)
        except UnreadableFormError as error:
            return problem(400, str(error))
        try:
            landed = await run_in_threadpool(
                land_post,
                self._store,
                source=source,
                raw=raw,
                content_type=content_type,
                idempotency_key=headers.get("idempotency-key") or None,
                headers=headers,
                received_at=received_at,
            )
        except TransientError:
            return problem(
                503,
                "The post could not be stored; send it again.",
                headers={"Retry-After": str(RETRY_AFTER_SECONDS)},
            )
        if form.problems:
            return problem(
                422,
                "The post is kept, but it is no lead as it is.",
                errors=form.problems,
                event_id=landed.event_id,
            )
        return JSONResponse({"event_id": landed.event_id}, 202 if landed.is_new else 200)

    def _is_open(self, source: str) -> bool:
        """A source is open with a secret, or on the sandbox."""
        return bool(self._settings.webhook_secrets(source)) or self._settings.sandbox

    def _is_allowed(self, source: str, given: str) -> bool:
        secrets = self._settings.webhook_secrets(source)
        matches = [hmac.compare_digest(given.encode(), secret.encode()) for secret in secrets]
        return not secrets or any(matches)


async def _read_body(request: Request) -> bytes:
    """The body, read no further than the limit. Raises `TooLargeError` beyond it."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > LARGEST_POST_BYTES:
            raise TooLargeError
    return bytes(body)
