"""The receiver against its own OpenAPI document: whatever it allows is taken, every answer is a described one.

What it does not allow may be taken all the same, as forms are read with patience. Every source is called by strangers,
and by senders who prove themselves as their vendors do.
"""

import hashlib
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import negative_data_rejection
from starlette.testclient import TestClient
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from leadflow_pipeline.adapters.database import Database
from leadflow_pipeline.domain.webhook_sources.registry import SOURCES
from leadflow_pipeline.domain.webhook_sources.signing import sign_post
from leadflow_pipeline.receiver.amazon_sns import AmazonSns
from leadflow_pipeline.receiver.app import build_app
from leadflow_pipeline.receiver.payload_schemas import EXAMPLES
from leadflow_pipeline.settings import Settings
from leadflow_pipeline_tests.posts import SAMPLES, SECRET, local_certificate, sign_envelope

Query = Callable[..., list[tuple[Any, ...]]]

VERIFY_TOKEN = "verify-word"


class Amazon(AmazonSns):
    """Amazon as far as it is needed: its certificate is ours."""

    def _get(self, _: str) -> bytes:
        return local_certificate()


class Vendor:
    """Makes any call to a source an authentic one, as the vendor that sends it would."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        parts = scope.get("path", "").split("/")
        if scope.get("method") != "POST" or len(parts) < 3 or parts[1] != "webhooks" or parts[2] not in SOURCES:
            await self._app(scope, receive, send)
            return
        raw = b""
        while (message := await receive()) and message["type"] == "http.request":
            raw += message.get("body", b"")
            if not message.get("more_body"):
                break
        path, raw, headers = prove(parts[2], raw)
        names = {name.encode() for name in headers}
        kept = [(name, value) for name, value in scope["headers"] if name not in names | {b"content-length"}]
        signed = [(name.encode(), value.encode()) for name, value in headers.items()]
        length = (b"content-length", str(len(raw)).encode())
        is_read = False

        async def replay() -> Message:
            nonlocal is_read
            if is_read:
                return {"type": "http.disconnect"}
            is_read = True
            return {"type": "http.request", "body": raw, "more_body": False}

        scope = {**scope, "path": path, "raw_path": path.encode(), "headers": [*kept, *signed, length]}
        await self._app(scope, replay, send)


def prove(source: str, raw: bytes) -> tuple[str, bytes, dict[str, str]]:
    """Path, body and headers of an authentic call with this body, as far as the vendor leaves it as it is."""
    if source == "zillow":  # what Amazon signs around it is Amazon's
        return f"/webhooks/zillow/{SECRET}", sign_envelope(SAMPLES["zillow"].raw, MessageId=digest(raw)), {}
    if source == "google_ads":
        try:
            body = json.loads(raw)
        except ValueError:
            body = None
        if not isinstance(body, dict):
            return "/webhooks/google_ads", raw, {}
        raw = json.dumps({**body, "google_key": SECRET}).encode()
    call = sign_post(SOURCES[source], raw, secret=SECRET, message_id=f"msg_{digest(raw)}", now=datetime.now(UTC))
    return call.path, raw, dict(call.headers)


def digest(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()[:20]


@pytest.fixture
def app(tmp_path: Path, database: Database) -> ASGIApp:
    """A stack on which every source is open."""
    secrets = {f"webhook_{source}_secret": SECRET for source in SOURCES}
    opened = Settings(_env_file=None, home=tmp_path, webhook_meta_verify_token=VERIFY_TOKEN, **secrets)
    return build_app(opened, database, Amazon())


@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
@pytest.mark.parametrize("who", ["a stranger", "the vendor"])
@pytest.mark.timeout(400)
def test_the_receiver_does_what_its_document_says(app: ASGIApp, query: Query, who: str, mode: GenerationMode) -> None:
    described = schemathesis.openapi.from_asgi("/openapi.json", Vendor(app) if who == "the vendor" else app)
    operations = [found.ok() for found in described.get_all_operations()]
    assert {operation.path.split("/")[2] for operation in operations if "webhooks" in operation.path} == set(SOURCES)
    for operation in operations:
        if mode is GenerationMode.NEGATIVE and not operation.body:
            continue  # takes nothing that could be wrong

        @given(case=operation.as_strategy(generation_mode=mode))
        @settings(max_examples=15, deadline=None, database=None, suppress_health_check=list(HealthCheck))
        def call(case: schemathesis.Case) -> None:
            case.call_and_validate(excluded_checks=[negative_data_rejection])

        call()
    taken = {source for (source,) in query("select distinct source from landing.events")}
    assert taken == (set() if who == "a stranger" else taken)
    if who == "the vendor" and mode is GenerationMode.POSITIVE:
        assert taken == set(SOURCES), "an authentic post that fits its schema is taken, for every source"


@pytest.mark.parametrize("source", [name for name in SOURCES if name != "zillow"])
def test_the_example_of_every_source_is_a_lead(app: ASGIApp, query: Query, source: str) -> None:
    example = EXAMPLES[source]
    if SOURCES[source].content_types[0] == "application/x-www-form-urlencoded":
        content = {"data": example}
    elif isinstance(example, str):
        content = {"content": example, "headers": {"content-type": SOURCES[source].content_types[0]}}
    else:
        content = {"json": example}
    answer = TestClient(Vendor(app)).post(f"/webhooks/{source}", **content)
    assert answer.status_code == 202, answer.text
    assert query("select source from landing.events") == [(source,)]


def test_the_document_holds_no_secret(app: ASGIApp) -> None:
    text = TestClient(app).get("/openapi.json").text
    assert SECRET not in text
    assert VERIFY_TOKEN not in text
