"""Meta's leads from the notice to the agent: what the Graph API tells, refuses, or does not tell now.

All people are invented; the stand-in's are, too.
"""

import json
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.testclient import TestClient
from starlette.types import ASGIApp

from leadflow_pipeline.adapters.database import Database
from leadflow_pipeline.adapters.meta_graph import MetaGraph, build_meta_graph
from leadflow_pipeline.domain.errors import PermanentError, TransientError
from leadflow_pipeline.receiver.app import build_app
from leadflow_pipeline.sandbox import vendor_server
from leadflow_pipeline.sandbox.vendors import meta
from leadflow_pipeline.settings import Settings
from leadflow_pipeline.stages import contacts
from leadflow_pipeline.stages.assigned_leads import assign_leads
from leadflow_pipeline.stages.batches import BatchLimits, ask_for_batches
from leadflow_pipeline.stages.normalized_leads import normalize_leads
from leadflow_pipeline.stages.scored_leads import score_leads
from leadflow_pipeline.stages.staged_leads import StagedCounts, stage_leads
from leadflow_pipeline_tests.posts import CASES, SAMPLES, SECRET, Case, send

Query = Callable[..., list[tuple[Any, ...]]]

LIMITS = BatchLimits(batch_size=500, max_batches=2, lease_seconds=45)
WEBSITE = {"name": "Ana Ruiz", "email": "ana.ruiz@example.com", "phone": "512-555-0142"}


@contextmanager
def served(app: ASGIApp, port: int) -> Iterator[str]:
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="error", timeout_graceful_shutdown=1))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive()
            time.sleep(0.01)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(timeout=20)


@pytest.fixture
def stack(tmp_path: Path, free_port: int) -> Settings:
    """A sandbox on which Meta's webhook is open."""
    return Settings(_env_file=None, home=tmp_path, sandbox_port=free_port, webhook_meta_secret=SECRET)


@pytest.fixture
def sandbox(stack: Settings) -> Iterator[str]:
    with served(vendor_server.build_app({"meta": meta.build(stack)}), stack.sandbox_port) as url:
        yield url


@pytest.fixture
def client(stack: Settings, database: Database, add_agents: Callable[[int], list[str]]) -> TestClient:
    add_agents(2)
    return TestClient(build_app(stack, database))


def post_notice(client: TestClient, case: Case = SAMPLES["meta"]) -> int:
    request = send(case)
    answer = client.post(request.path, content=request.raw, headers=request.headers)
    assert answer.status_code == 202
    event_id: int = answer.json()["event_id"]
    return event_id


def run(database: Database, graph: MetaGraph, batch_id: uuid.UUID | None = None) -> StagedCounts:
    batch_id = batch_id or uuid.uuid4()
    counts = stage_leads(database, batch_id=batch_id, rules=(), limits=LIMITS, contact_sources={"meta": graph})
    normalize_leads(database, batch_id=batch_id, region="US")
    score_leads(database, batch_id=batch_id)
    assign_leads(database, batch_id=batch_id)
    return counts


def calls(sandbox: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = requests.get(f"{sandbox}/_calls/meta", timeout=5).json()
    return found


def control(sandbox: str, **behaviour: Any) -> None:
    assert requests.post(f"{sandbox}/_control/meta", json=behaviour, timeout=5).status_code == 200


def test_a_notice_becomes_the_lead_that_meta_tells_of(
    stack: Settings, sandbox: str, client: TestClient, database: Database, query: Query
) -> None:
    event_id = post_notice(client)
    assert calls(sandbox) == [], "the request does not wait for Meta"
    batch_id = uuid.uuid4()
    assert run(database, build_meta_graph(stack), batch_id).staged == 1
    lead_id = "200000000000002"
    told = requests.get(f"{sandbox}/meta/{lead_id}", params={"access_token": "sandbox"}, timeout=5).json()
    answers = {field["name"]: field["values"][0] for field in told["field_data"]}
    assert query(
        "select s.event_id, s.name, s.email, n.phone_e164, s.extra->>'leadgen_id', s.extra->>'ad_id'"
        " from leads.assigned_leads a join leads.staged_leads s using (lead_id)"
        " join leads.normalized_leads n using (lead_id)"
    ) == [
        (
            event_id,
            answers["full_name"],
            answers["email"],
            answers["phone_number"],
            lead_id,
            "400000000000004",
        )
    ]
    first = calls(sandbox)[0]
    assert (first["path"], "sandbox" in str(first["query"])) == (f"/{lead_id}", False), "the token is in no address"
    assert stage_leads(
        database, batch_id=batch_id, rules=(), limits=LIMITS, contact_sources={"meta": build_meta_graph(stack)}
    )
    assert len(calls(sandbox)) == 2, "a run that is done again asks nobody twice (the second call is this test's)"


def test_a_vendor_that_is_down_leaves_the_notice_for_later_and_the_others_go_on(
    stack: Settings, sandbox: str, client: TestClient, database: Database, query: Query
) -> None:
    control(sandbox, down=True)
    event_id = post_notice(client)
    client.post("/webhooks/website", json=WEBSITE)
    counts = run(database, build_meta_graph(stack))
    assert (counts.staged, counts.postponed, counts.quarantined) == (1, 1, 0)
    state = query(
        "select status, reason, batch_id, attempts, lease_until > now() from landing.events where event_id = %s",
        event_id,
    )
    assert state == [
        ("pending", "Meta's Graph API answered 503; it is asked again later.", None, 0, True),
    ]
    assert run(database, build_meta_graph(stack)).claimed == 0, "not due yet"
    assert ask_for_batches(database, LIMITS) == 0

    control(sandbox, down=False)
    query("update landing.events set lease_until = now() - interval '1 second' where event_id = %s", event_id)
    assert ask_for_batches(database, LIMITS) == 1
    assert run(database, build_meta_graph(stack)).staged == 1
    assert len(query("select 1 from leads.assigned_leads where event_id = %s", event_id)) == 1
    assert query("select reason from landing.events where event_id = %s", event_id) == [(None,)]


def test_a_notice_is_tried_for_as_long_as_it_takes_and_ever_less_often(
    stack: Settings, sandbox: str, client: TestClient, database: Database, query: Query
) -> None:
    """Five tries of a batch end in quarantine as the event may be what kills the worker; these are no such tries."""
    control(sandbox, failure_rate=1)
    event_id = post_notice(client)
    pauses = []
    for minutes in (0, 1, 10, 45, 600, 6000, 60_000):
        query("update landing.events set lease_until = null, received_at = now() - make_interval(mins => %s)", minutes)
        assert run(database, build_meta_graph(stack)).postponed == 1
        [(seconds,)] = query("select extract(epoch from lease_until - now())::float from landing.events")
        pauses.append(round(seconds / 60, 1))
    assert [
        pause == pytest.approx(want, abs=0.2) for pause, want in zip(pauses, (0.25, 1, 10, 45, 60, 60, 60), strict=True)
    ]
    control(sandbox, failure_rate=0)
    query("update landing.events set lease_until = null")
    assert run(database, build_meta_graph(stack)).staged == 1
    assert query("select event_id from leads.assigned_leads") == [(event_id,)]


def test_a_slow_vendor_keeps_no_batch(
    stack: Settings, sandbox: str, client: TestClient, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    control(sandbox, latency_ms=1500)
    monkeypatch.setattr(contacts, "SECONDS_FOR_ALL", 0.1)
    post_notice(client)
    client.post("/webhooks/website", json=WEBSITE)
    counts = run(database, build_meta_graph(stack))
    assert (counts.staged, counts.postponed) == (1, 1)


def test_a_rate_limit_of_metas_is_waited_for(
    stack: Settings, sandbox: str, client: TestClient, database: Database, query: Query
) -> None:
    control(sandbox, limit_per_minute=0)
    post_notice(client)
    assert run(database, build_meta_graph(stack)).postponed == 1
    [(reason,)] = query("select reason from landing.events")
    assert "80005" in reason


@pytest.mark.parametrize(
    ("token", "lead_id", "says"),
    [
        ("expired", "200000000000002", "LEADFLOW_META_ACCESS_TOKEN"),
        ("sandbox", "12345", "Meta keeps leads for 90 days"),
        (None, "200000000000002", "LEADFLOW_META_ACCESS_TOKEN is not set"),
    ],
    ids=["bad token", "unknown lead", "no token"],
)
def test_what_only_a_person_can_mend_waits_in_quarantine_with_what_to_do(
    sandbox: str, client: TestClient, database: Database, query: Query, token: str | None, lead_id: str, says: str
) -> None:
    raw = SAMPLES["meta"].raw.replace(b"200000000000002", lead_id.encode())
    post_notice(client, Case(**{**vars(SAMPLES["meta"]), "raw": raw}))
    assert run(database, MetaGraph(f"{sandbox}/meta", token)).quarantined == 1
    [(status, reason)] = query("select status, reason from landing.events")
    assert status == "quarantined"
    assert says in reason


@pytest.mark.usefixtures("sandbox")
def test_each_lead_of_one_notice_finds_its_own_place(
    stack: Settings, client: TestClient, database: Database, query: Query
) -> None:
    [case] = [case for case in CASES if case.name == "several_leads"]
    post_notice(client, case)
    run(database, build_meta_graph(stack))
    assert ask_for_batches(database, LIMITS) == 1
    assert run(database, build_meta_graph(stack)).staged == 2
    assert query("select external_id, status from landing.events where status != 'ignored' order by 1") == [
        ("id:200000000000004", "staged"),
        ("id:200000000000005", "staged"),
    ]
    assert len(query("select lead_id from leads.assigned_leads")) == 2
    alone = SAMPLES["meta"].raw.replace(b"200000000000002", b"200000000000004")
    request = send(Case(**{**vars(SAMPLES["meta"]), "raw": alone}))
    assert client.post(request.path, content=request.raw, headers=request.headers).status_code == 200, "told before"


ANSWERS: dict[str, tuple[int, Any]] = {
    "1": (200, {"field_data": []}),
    "2": (200, {"id": "2"}),
    "3": (200, "no JSON"),
    "4": (500, "down"),
    "5": (302, ""),
    "6": (429, {}),
    "7": (400, {"error": {"code": 4, "message": "Ana Ruiz"}}),
    "8": (400, {"error": {"code": 190}}),
    "9": (403, {"error": {"code": 200}}),
    "10": (400, {"error": {"code": 100, "is_transient": True}}),
    "11": (400, {"error": {"code": 100}}),
    "12": (400, {"error": "x"}),
    "13": (200, {"field_data": [], "x": "y" * 1_000_001}),
}


@pytest.mark.parametrize(
    ("lead_id", "kind"),
    [
        ("1", bytes),
        ("2", PermanentError),
        ("3", PermanentError),
        ("4", TransientError),
        ("5", PermanentError),
        ("6", TransientError),
        ("7", TransientError),
        ("8", PermanentError),
        ("9", PermanentError),
        ("10", TransientError),
        ("11", PermanentError),
        ("12", PermanentError),
        ("13", PermanentError),
        ("../1", PermanentError),
    ],
)
def test_an_answer_of_metas_is_a_lead_or_one_of_two_kinds_of_error(
    free_port: int, lead_id: str, kind: type[Any]
) -> None:
    async def answer(request: Request) -> Response:
        status, body = ANSWERS[request.path_params["lead_id"]]
        text = body if isinstance(body, str) else json.dumps(body)
        return Response(text, status, {"location": "http://127.0.0.1:1/"} if status == 302 else {})

    with served(Starlette(routes=[Route("/{lead_id}", answer)]), free_port) as url:
        graph = MetaGraph(url, "token")
        if kind is bytes:
            assert json.loads(graph.fetch(lead_id)) == {"field_data": []}
            return
        with pytest.raises(kind) as raised:
            graph.fetch(lead_id)
    assert "Ana Ruiz" not in str(raised.value)


def test_nobody_there_is_worth_another_try(free_port: int) -> None:
    with pytest.raises(TransientError):
        MetaGraph(f"http://127.0.0.1:{free_port}", "token").fetch("1")
