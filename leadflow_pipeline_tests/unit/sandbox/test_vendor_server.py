"""The control plane of the sandbox: what it takes, and that every vendor behind it obeys."""

import asyncio
from collections.abc import Iterator

import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from leadflow_pipeline.sandbox.vendor_server import build_app
from leadflow_pipeline.sandbox.vendors.vendor import Vendor

ACTED: list[str] = []


async def act(request: Request) -> Response:
    ACTED.append((await request.body()).decode())
    return JSONResponse({"acted": len(ACTED)})


@pytest.fixture
def client() -> Iterator[TestClient]:
    ACTED.clear()
    vendor = Vendor(
        name="parrot",
        routes=[Route("/v1/say", act, methods=["POST"])],
        pages=[Route("/", act)],
        rate_headers=lambda limit, remaining, _: {"x-left": f"{remaining}/{limit}"},
    )
    with TestClient(build_app({"parrot": vendor})) as opened:
        yield opened


def test_a_call_reaches_the_vendor_and_is_noted_as_it_came(client: TestClient) -> None:
    assert client.post("/parrot/v1/say?a=1", json={"word": "hello"}).json() == {"acted": 1}
    client.post("/parrot/v1/say", data={"word": "hello form"})
    first, second = client.get("/_calls/parrot").json()
    assert (first["method"], first["path"], first["query"]) == ("POST", "/v1/say", {"a": "1"})
    assert (first["body"], first["status"]) == ({"word": "hello"}, 200)
    assert second["body"] == {"word": "hello form"}


def test_a_vendor_that_is_down_answers_nothing_and_acts_on_nothing(client: TestClient) -> None:
    client.post("/_control/parrot", json={"down": True})
    assert client.post("/parrot/v1/say").status_code == 503
    client.post("/_control/parrot", json={"down": False})
    assert client.post("/parrot/v1/say").status_code == 200
    assert len(ACTED) == 1


def test_the_limit_refuses_with_the_seconds_to_wait_and_tells_what_is_left(client: TestClient) -> None:
    client.post("/_control/parrot", json={"limit_per_minute": 2})
    answers = [client.post("/parrot/v1/say") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert [answer.headers["x-left"] for answer in answers] == ["1/2", "0/2", "0/2"]
    assert 1 <= int(answers[2].headers["retry-after"]) <= 61


def test_failures_come_at_the_rate_that_was_asked_for(client: TestClient) -> None:
    client.post("/_control/parrot", json={"failure_rate": 0.3})
    failed = sum(client.post("/parrot/v1/say").status_code == 500 for _ in range(300))
    assert 60 <= failed <= 120
    assert len(ACTED) == 300 - failed


def test_a_call_that_hangs_has_been_carried_out(client: TestClient) -> None:
    client.post("/_control/parrot", json={"failure_rate": 1, "failures": ["hang"], "hang_seconds": 0.01})
    client.post("/parrot/v1/say", content=b"done")
    assert ACTED == ["done"]
    assert client.get("/_calls/parrot").json()[0]["verdict"] == "hang"


def test_latency_is_waited_before_the_vendor_acts(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []

    async def note(seconds: float) -> None:
        waited.append(seconds)

    client.post("/_control/parrot", json={"latency_ms": 250})
    monkeypatch.setattr(asyncio, "sleep", note)
    assert client.post("/parrot/v1/say").status_code == 200
    assert 0.25 in waited


def test_what_is_not_named_stays_as_it_is(client: TestClient) -> None:
    client.post("/_control/parrot", json={"latency_ms": 5})
    answer = client.post("/_control/parrot", json={"failure_rate": 0.5}).json()
    assert (answer["latency_ms"], answer["failure_rate"]) == (5, 0.5)


@pytest.mark.parametrize("body", ['{"latency": 5}', '{"failure_rate": 2}', "[1]", "not json", '{"failures": []}'])
def test_a_wrong_control_is_refused_and_changes_nothing(client: TestClient, body: str) -> None:
    before = client.get("/_control/parrot").json()
    answer = client.post("/_control/parrot", content=body)
    assert answer.status_code == 422
    assert answer.json()["error"]
    assert client.get("/_control/parrot").json() == before


def test_an_unknown_vendor_is_answered_with_those_there_are(client: TestClient) -> None:
    for answer in (client.get("/_calls/crow"), client.post("/_control/crow", json={})):
        assert answer.status_code == 404
        assert "parrot" in answer.json()["error"]


def test_calls_can_be_forgotten_and_pages_are_no_calls(client: TestClient) -> None:
    client.post("/parrot/v1/say")
    assert client.delete("/_calls/parrot").status_code == 204
    assert client.get("/_page/parrot/").status_code == 200
    assert client.get("/_calls/parrot").json() == []
    assert "/_page/parrot/" in client.get("/").text
