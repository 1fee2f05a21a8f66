"""What the receiver offers beside taking posts: its description, figures, headers, access log, and AWS Lambda."""

import base64
import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from leadflow_pipeline.adapters.database import Database
from leadflow_pipeline.domain.errors import PermanentError
from leadflow_pipeline.domain.webhook_sources.registry import SOURCES
from leadflow_pipeline.receiver import aws_lambda
from leadflow_pipeline.receiver.app import build_app
from leadflow_pipeline.settings import Settings
from leadflow_pipeline_tests.posts import SAMPLES, SECRET, send

Query = Callable[..., list[tuple[Any, ...]]]

WEBSITE = "/webhooks/website"
JSON = {"content-type": "application/json"}
RAW = json.dumps({"name": "Canary Featherstone", "phone": "512-555-0142"}).encode()


@pytest.fixture
def client(settings: Settings, database: Database) -> TestClient:
    return TestClient(build_app(settings, database))


# The description


def test_the_description_has_the_open_sources_and_no_other(settings: Settings, database: Database) -> None:
    secrets = {"webhook_adf_secret": SECRET, "webhook_meta_secret": SECRET}
    opened = TestClient(build_app(Settings(_env_file=None, home=settings.home, **secrets), database))
    answer = opened.get("/openapi.json")
    assert answer.status_code == 200
    assert set(answer.json()["paths"]) == {
        "/health",
        "/metrics",
        "/webhooks/website",
        "/webhooks/adf/{secret}",
        "/webhooks/meta",
        "/crm/followupboss",
        "/l/{token}",
        "/twilio/status",
        "/unsubscribe/{token}",
    }
    assert SECRET not in answer.text


def test_the_descriptions_example_is_a_lead(client: TestClient) -> None:
    paths = client.get("/openapi.json").json()["paths"]
    example = paths[WEBSITE]["post"]["requestBody"]["content"]["application/json"]["example"]
    assert client.post(WEBSITE, json=example).status_code == 202


def test_every_answer_of_a_source_is_described(client: TestClient) -> None:
    described = client.get("/openapi.json").json()["paths"][WEBSITE]["post"]["responses"]
    for raw, headers in ((RAW, JSON), (b"{}", JSON), (b"[", JSON), (RAW, {}), (b" " * 1_000_001, JSON)):
        answer = client.post(WEBSITE, content=raw, headers=headers)
        assert answer.headers["content-type"] in described[str(answer.status_code)]["content"]


def test_the_page_to_try_it_on_loads_nothing_from_elsewhere(client: TestClient) -> None:
    page = client.get("/docs")
    assert page.headers["content-type"].startswith("text/html")
    assert "script-src 'self'" in page.headers["content-security-policy"]
    assert client.get("/docs/try.js").headers["content-type"].startswith("text/javascript")
    for text in (page.text, client.get("/docs/try.js").text):
        assert "http://" not in text
        assert "https://" not in text


# Figures


def test_the_figures_count_what_was_accepted_and_what_was_refused_and_why(client: TestClient) -> None:
    for raw, headers in ((RAW, JSON), (RAW, JSON), (b"{}", JSON), (b"[", JSON), (RAW, {})):
        client.post(WEBSITE, content=raw, headers=headers)
    client.post("/webhooks/Featherstone", content=RAW, headers=JSON)
    text = client.get("/metrics").text
    for line in (
        'leadflow_posts_accepted_total{is_repeat="no",source="website"} 1.0',
        'leadflow_posts_accepted_total{is_repeat="yes",source="website"} 1.0',
        'leadflow_posts_refused_total{reason="fields",source="website"} 1.0',
        'leadflow_posts_refused_total{reason="unreadable",source="website"} 1.0',
        'leadflow_posts_refused_total{reason="content_type",source="website"} 1.0',
        'leadflow_posts_refused_total{reason="unknown_source",source="unknown"} 1.0',
        'leadflow_post_seconds_count{source="website"} 5.0',
    ):
        assert line in text
    assert "Featherstone" not in text


# Every exchange


@pytest.mark.parametrize("path", ["/health", "/metrics", "/openapi.json", "/docs", "/nothing", WEBSITE])
def test_every_answer_has_a_request_id_and_careful_headers(client: TestClient, path: str) -> None:
    answer = client.get(path)
    assert len(answer.headers["x-request-id"]) == 32
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-store"
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["referrer-policy"] == "no-referrer"


def test_a_request_id_of_the_senders_is_kept_when_it_is_one(client: TestClient) -> None:
    assert client.get("/health", headers={"x-request-id": "abc-12345"}).headers["x-request-id"] == "abc-12345"
    for odd in ("short", "x" * 100, "Ana Ruiz <ana@example.com>"):
        assert client.get("/health", headers={"x-request-id": odd}).headers["x-request-id"] != odd


def test_the_access_log_has_no_secret_and_no_personal_data(
    settings: Settings, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger="leadflow_pipeline")
    with_secret = Settings(_env_file=None, home=settings.home, webhook_website_secret=SECRET)
    client = TestClient(build_app(with_secret, database))
    agent = {**JSON, "user-agent": "Featherstone"}
    client.post(f"{WEBSITE}/{SECRET}?email=canary@example.com", content=RAW, headers=agent)
    client.post(f"{WEBSITE}/guessed-secret", content=RAW, headers=agent)
    client.post("/webhooks/Featherstone", content=RAW, headers=agent)
    client.get("/Featherstone")
    client.get("/health")
    lines = [record.getMessage() for record in caplog.records if record.name.endswith("exchange")]
    assert [" ".join(line.split()[:3]) for line in lines] == [
        "POST /webhooks/website 202",
        "POST /webhooks/website 401",
        "POST /webhooks/unknown 404",
        "GET other 404",
    ]
    for word in (SECRET, "guessed", "Featherstone", "canary", "555"):
        assert word not in caplog.text


# AWS Lambda


@pytest.fixture
def on_lambda(monkeypatch: pytest.MonkeyPatch, database_url: str) -> Iterator[None]:
    for source in SOURCES:
        monkeypatch.setenv(f"LEADFLOW_WEBHOOK_{source.upper()}_SECRET", SECRET)
    monkeypatch.setenv("LEADFLOW_DATABASE_URL", database_url)
    aws_lambda.open_adapter.cache_clear()
    yield
    aws_lambda.open_adapter.cache_clear()


def http_event(path: str, raw: bytes, headers: dict[str, str], method: str = "POST") -> dict[str, Any]:
    """An event of an HTTP API, payload format 2.0."""
    return {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": "",
        "headers": {"host": "example.execute-api.us-east-1.amazonaws.com", **headers},
        "requestContext": {
            "http": {"method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1", "userAgent": "x"},
            "stage": "$default",
        },
        "body": base64.b64encode(raw).decode(),
        "isBase64Encoded": True,
    }


def rest_event(path: str, raw: bytes, headers: dict[str, str], method: str = "POST") -> dict[str, Any]:
    """An event of a REST API, payload format 1.0: the body as text, and every header twice."""
    headers = {"Host": "example.execute-api.us-east-1.amazonaws.com", **headers}
    return {
        "version": "1.0",
        "resource": "/{proxy+}",
        "path": path,
        "httpMethod": method,
        "headers": headers,
        "multiValueHeaders": {name: [value] for name, value in headers.items()},
        "queryStringParameters": None,
        "multiValueQueryStringParameters": None,
        "requestContext": {
            "resourcePath": "/{proxy+}",
            "httpMethod": method,
            "path": path,
            "protocol": "HTTP/1.1",
            "stage": "prod",
            "identity": {"sourceIp": "192.0.2.1", "userAgent": "x"},
        },
        "pathParameters": {"proxy": path.lstrip("/")},
        "stageVariables": None,
        "body": raw.decode(),
        "isBase64Encoded": False,
    }


def balancer_event(path: str, raw: bytes, headers: dict[str, str], method: str = "POST") -> dict[str, Any]:
    """An event of an Application Load Balancer's target group."""
    group = "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/leads/0123456789abcdef"
    return {
        "requestContext": {"elb": {"targetGroupArn": group}},
        "httpMethod": method,
        "path": path,
        "queryStringParameters": {},
        "headers": {"host": "leads-1.us-east-1.elb.amazonaws.com", "x-forwarded-for": "192.0.2.1", **headers},
        "body": raw.decode(),
        "isBase64Encoded": False,
    }


@pytest.mark.parametrize("make_event", [http_event, rest_event, balancer_event])
@pytest.mark.parametrize("source", ["website", "standard", "adf", "meta", "typeform", "zillow_rentals"])
@pytest.mark.usefixtures("on_lambda")
def test_an_event_of_lambdas_is_a_post_like_any_other(
    query: Query, source: str, make_event: Callable[..., dict[str, Any]]
) -> None:
    request = send(SAMPLES[source])
    event = make_event(request.path, request.raw, request.headers)
    answers = [aws_lambda.handler(event, None) for _ in range(2)]
    assert [answer["statusCode"] for answer in answers] == [202, 200]
    assert [bytes(raw) for (raw,) in query("select raw from landing.events")] == [request.raw]


@pytest.mark.usefixtures("on_lambda")
def test_a_function_refuses_as_the_receiver_does() -> None:
    event = http_event("/webhooks/website/wrong", RAW, JSON)
    answer = aws_lambda.handler(event, None)
    assert answer["statusCode"] == 401
    for make_event in (rest_event, balancer_event):
        assert aws_lambda.handler(make_event("/webhooks/website/wrong", RAW, JSON), None)["statusCode"] == 401
    assert answer["headers"]["content-type"] == "application/problem+json"
    assert aws_lambda.handler(http_event("/health", b"", {}, "GET"), None)["statusCode"] == 200


def test_a_function_without_a_database_says_what_is_missing() -> None:
    aws_lambda.open_adapter.cache_clear()
    with pytest.raises(PermanentError, match="LEADFLOW_DATABASE_URL"):
        aws_lambda.handler({}, None)
