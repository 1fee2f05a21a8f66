"""`POST /webhooks/{source}`: checks in a fixed order, stores the bytes, commits, answers.

Open source, size while streaming, content type, origin, readable, quota, storing; a post that is authentic but
no lead as it is gets refused with the list of its faults and is kept all the same. What a source is stands in
`domain.webhook_sources`. No Dagster, no scoring, no waiting.
"""

import logging
import math
import time
from datetime import UTC, datetime

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from leadflow_pipeline.domain.errors import TransientError
from leadflow_pipeline.domain.plain_text import clean_line
from leadflow_pipeline.domain.webhook_sources.meta import META, answer_challenge
from leadflow_pipeline.domain.webhook_sources.payloads import media_type
from leadflow_pipeline.domain.webhook_sources.registry import SOURCES
from leadflow_pipeline.domain.webhook_sources.source import (
    Post,
    Reading,
    RefusedError,
    Source,
    Trust,
    UnreadablePostError,
)
from leadflow_pipeline.receiver.amazon_sns import AmazonSns
from leadflow_pipeline.receiver.bodies import read_body
from leadflow_pipeline.receiver.landing import Landing
from leadflow_pipeline.receiver.metrics import Metrics
from leadflow_pipeline.receiver.problems import RETRY_AFTER_SECONDS, ProblemError
from leadflow_pipeline.receiver.quota import Quota
from leadflow_pipeline.settings import Settings
from leadflow_pipeline.stages.posts import ArrivedPost, LandedPost, PostIdentity
from leadflow_pipeline.stages.store import Store

LOG = logging.getLogger(__name__)

HEADER_LIMIT = 255
KEPT_HEADERS = ("content-type", "user-agent", "idempotency-key", "webhook-id")


class Webhooks:
    """The endpoint, with the settings and the store it works on."""

    def __init__(self, settings: Settings, store: Store, sns: AmazonSns, metrics: Metrics) -> None:
        self._settings = settings
        self._landing = Landing(store)
        self._sns = sns
        self._metrics = metrics
        self._quota = Quota(settings.webhook_posts_per_minute, time.monotonic)

    async def receive(self, request: Request) -> Response:
        """Take in one post. 202: stored; 200: had arrived before; else a problem that says what to do."""
        started = time.perf_counter()
        status = 500
        try:
            response = await self._receive(request, datetime.now(UTC))
            status = response.status_code
        except ProblemError as error:
            status = error.status
            return error.response()
        finally:
            self._metrics.note(request.path_params["source"], status, time.perf_counter() - started)
        return response

    async def answer_challenge(self, request: Request) -> Response:
        """Meta's question when its webhook is set up."""
        token = self._settings.webhook_meta_verify_token
        if token is None or not self._settings.webhook_secrets(META.name):
            return ProblemError(404, "There is no such source here, or it is not configured.").response()
        try:
            return PlainTextResponse(answer_challenge(request.query_params, token.get_secret_value()))
        except RefusedError as error:
            return ProblemError(401, str(error)).response()

    async def _receive(self, request: Request, received_at: datetime) -> Response:
        source = self._find_source(request.path_params["source"])
        post = await _read_post(request, source)
        await self._authenticate(source, post, received_at)
        if len(post.headers.get("idempotency-key", "")) > HEADER_LIMIT:
            raise ProblemError(400, f"An Idempotency-Key may have {HEADER_LIMIT} characters.")
        try:
            confirmation = source.find_confirmation(post.raw) if source.find_confirmation else None
            reading = source.read(post.raw, post.content_type)
        except UnreadablePostError as error:
            raise ProblemError(400, str(error)) from error
        self._take_token(source)
        if confirmation is not None:
            return await self._confirm(confirmation)
        landed = await self._land(source, post, reading, received_at)
        if reading.problems:
            raise ProblemError(
                422,
                "The post is kept, but it is no lead as it is.",
                errors=reading.problems,
                event_id=landed.event_id,
            )
        return JSONResponse({"event_id": landed.event_id}, 202 if landed.is_new else 200)

    def _find_source(self, name: str) -> Source:
        """A source is open with a secret; the website form also on the sandbox."""
        source = SOURCES.get(name)
        if source is None or not (
            self._settings.webhook_secrets(name) or (source.is_open_on_sandbox and self._settings.sandbox)
        ):
            raise ProblemError(404, "There is no such source here, or it is not configured.")
        return source

    async def _authenticate(self, source: Source, post: Post, now: datetime) -> None:
        trust = Trust(
            secrets=self._settings.webhook_secrets(source.name),
            now=now,
            fetch_certificate=self._sns.fetch_certificate,
        )
        try:
            if source.find_confirmation is not None:  # may have to fetch a certificate
                await run_in_threadpool(source.authenticate, post, trust)
            else:
                source.authenticate(post, trust)
        except RefusedError as error:
            raise ProblemError(401, str(error)) from error
        except UnreadablePostError as error:
            raise ProblemError(400, str(error)) from error
        except TransientError as error:
            raise _come_again("The signature cannot be checked now; send the post again.", error) from error

    def _take_token(self, source: Source) -> None:
        wait_seconds = self._quota.take(source.name)
        if wait_seconds:
            raise ProblemError(
                429,
                f"This source may send {self._settings.webhook_posts_per_minute} posts a minute.",
                headers={"Retry-After": str(math.ceil(wait_seconds))},
            )

    async def _confirm(self, url: str) -> Response:
        try:
            await run_in_threadpool(self._sns.confirm, url)
        except TransientError as error:
            raise _come_again("The subscription cannot be confirmed now; ask again.", error) from error
        return JSONResponse({"status": "subscribed"})

    async def _land(self, source: Source, post: Post, reading: Reading, received_at: datetime) -> LandedPost:
        kept = {name: clean_line(post.headers[name], HEADER_LIMIT) for name in KEPT_HEADERS if name in post.headers}
        arrived = ArrivedPost(
            source=source.name,
            raw=post.raw,
            content_type=post.content_type,
            identity=_identify(source, post, reading),
            headers=kept,
            received_at=received_at,
        )
        try:
            return await self._landing.land(arrived)
        except TransientError as error:
            raise _come_again("The post could not be stored; send it again.", error) from error


def _identify(source: Source, post: Post, reading: Reading) -> PostIdentity:
    """Under what a post is filed. A faulty one goes by its bytes: mended, it may come again under the same id."""
    if reading.problems:
        return PostIdentity()
    own_id = post.headers.get(source.id_header, "") if source.id_header else None
    return PostIdentity(
        vendor_id=reading.vendor_id or own_id,
        idempotency_key=post.headers.get("idempotency-key", "").strip(),
        webhook_id=post.headers.get("webhook-id", "").strip(),
        replaces=reading.replaces,
    )


def _come_again(detail: str, cause: Exception) -> ProblemError:
    LOG.warning("%s", cause)
    return ProblemError(503, detail, headers={"Retry-After": str(RETRY_AFTER_SECONDS)})


async def _read_post(request: Request, source: Source) -> Post:
    """The whole post, if it ends in time, is no larger than allowed and of a type that its source sends."""
    raw = await read_body(request)
    content_type = clean_line(request.headers.get("content-type"), HEADER_LIMIT)
    if media_type(content_type) not in source.content_types:
        raise ProblemError(415, f"Send {' or '.join(source.content_types)}.")
    return Post(
        raw=raw,
        content_type=content_type,
        headers=dict(request.headers),
        path_secret=request.path_params.get("secret", ""),
    )
