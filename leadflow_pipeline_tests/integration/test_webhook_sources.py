"""Every webhook source over a real database: each answer it can give, and its fixtures' way to an agent.

All people are invented; numbers are from the ranges kept for fiction (555-01xx).
"""

import json
import threading
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from starlette.testclient import TestClient

from leadflow_pipeline.adapters.database import Database
from leadflow_pipeline.domain.errors import PermanentError
from leadflow_pipeline.domain.webhook_sources.registry import SOURCES
from leadflow_pipeline.receiver.amazon_sns import AmazonSns
from leadflow_pipeline.receiver.app import build_app
from leadflow_pipeline.receiver.bodies import LARGEST_POST_BYTES
from leadflow_pipeline.runtime.doctor import examine
from leadflow_pipeline.settings import Settings
from leadflow_pipeline.stages.assigned_leads import assign_leads
from leadflow_pipeline.stages.batches import BatchLimits
from leadflow_pipeline.stages.normalized_leads import normalize_leads
from leadflow_pipeline.stages.scored_leads import score_leads
from leadflow_pipeline.stages.staged_leads import stage_leads
from leadflow_pipeline_tests.posts import (
    CASES,
    SAMPLES,
    SECRET,
    Case,
    Request,
    local_certificate,
    send,
    sign_as_webflow,
    sign_envelope,
)

Query = Callable[..., list[tuple[Any, ...]]]

FAULTY = {
    source: next(
        case for case in CASES if case.source == source and case.outcome == "quarantined" and case.contact is None
    )
    for source in SOURCES
}
NOBODY_LISTENS = "postgresql://leadflow:hushhush@127.0.0.1:1/leadflow"
AMAZON = "https://sns.us-west-2.amazonaws.com"


class Amazon(AmazonSns):
    """Amazon as far as it is needed: its certificate is ours, and it notes what it is asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        super().__init__()

    def _get(self, url: str) -> bytes:
        self.asked.append(url)
        return local_certificate()


def open_sources(home: Path, **more: Any) -> Settings:
    """A stack on a real mailbox with every source open."""
    secrets = {f"webhook_{source}_secret": SECRET for source in SOURCES}
    return Settings(
        _env_file=None, home=home, imap_host="imap.example.com", webhook_meta_verify_token="word", **{**secrets, **more}
    )


def client_of(settings: Settings, database: Database, amazon: AmazonSns | None = None) -> TestClient:
    return TestClient(build_app(settings, database, amazon or Amazon()))


@pytest.fixture
def client(tmp_path: Path, database: Database) -> TestClient:
    return client_of(open_sources(tmp_path), database)


def post(client: TestClient, request: Request) -> Any:
    return client.post(request.path, content=request.raw, headers=request.headers)


class Told:
    """A vendor that tells what was recorded, and nothing else."""

    def __init__(self, contact: bytes | None) -> None:
        self.contact = contact

    def fetch(self, _: str) -> bytes:
        if self.contact is None:
            raise PermanentError("Nothing is recorded for this.")
        return self.contact


def run_batch(database: Database, contact: bytes | None = None) -> None:
    batch_id = uuid.uuid4()
    stage_leads(
        database,
        batch_id=batch_id,
        rules=(),
        limits=BatchLimits(batch_size=500, max_batches=1, lease_seconds=45),
        contact_sources={"meta": Told(contact)},
    )
    normalize_leads(database, batch_id=batch_id, region="US")
    score_leads(database, batch_id=batch_id)
    assign_leads(database, batch_id=batch_id)


def count_events(query: Query) -> int:
    return int(query("select count(*) from landing.events")[0][0])


# The way to an agent


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_recorded_shape_travels_to_where_it_belongs(
    client: TestClient, database: Database, query: Query, add_agents: Callable[[int], list[str]], case: Case
) -> None:
    add_agents(1)
    request = send(case)
    answer = post(client, request)
    assert answer.status_code == (422 if case.outcome == "quarantined" and case.contact is None else 202)
    run_batch(database, case.contact)
    status = "staged" if case.outcome == "lead" else case.outcome
    ((event_id, found, reason, raw, source), *_) = query(
        "select event_id, status, reason, raw, source from landing.events order by event_id"
    )
    assert (event_id, found, bytes(raw), source) == (answer.json()["event_id"], status, request.raw, case.source)
    if case.outcome != "lead":
        assert reason == case.expected["reason"]
        assert query("select * from leads.staged_leads") == []
        return
    columns = ", ".join(case.expected["lead"])
    assert query(f"select {columns} from leads.staged_leads") == [tuple(case.expected["lead"].values())]
    ((extra,),) = query("select extra from leads.staged_leads")
    assert {key: extra.get(key) for key in case.expected["extra"]} == case.expected["extra"]
    columns = ", ".join(f"n.{name}" for name in case.expected["normalized"])
    ((agent_id, *facts),) = query(
        f"select a.agent_id, {columns} from leads.assigned_leads a join leads.normalized_leads n using (lead_id)"
        " where a.event_id = %s",
        event_id,
    )
    assert facts == list(case.expected["normalized"].values())
    assert agent_id in ("agent-1", None)  # None: the drip, for low scores


@pytest.mark.parametrize("source", ["website", "standard", "webflow", "gravity_forms"])
def test_a_payload_sets_no_score_no_owner_and_no_status(
    client: TestClient, database: Database, query: Query, add_agents: Callable[[int], list[str]], source: str
) -> None:
    add_agents(2)
    claims = {"score": 100, "agent_id": "agent-2", "bucket": "hot", "status": "assigned", "lead_id": 7, "event_id": 7}
    fields = {"name": "Ana Ruiz", "phone": "512-555-0142", **claims}
    body = {"payload": {"data": fields}} if source == "webflow" else fields
    case = replace(SAMPLES[source], raw=json.dumps(body).encode(), content_type="application/json")
    assert post(client, send(case)).status_code == 202
    run_batch(database)
    assert query("select score, bucket from leads.scored_leads") == [(10, "low")]
    assert query("select status from landing.events") == [("staged",)]


# Newer versions of one lead


def test_an_update_of_zillows_changes_the_lead_and_makes_no_second_one(
    client: TestClient, database: Database, query: Query, add_agents: Callable[[int], list[str]]
) -> None:
    """Zillow writes again under the same CommunicationGUID; the agent who has the lead keeps it."""
    add_agents(2)
    cases = {case.name: case for case in CASES if case.source == "zillow"}
    first = post(client, send(cases["contact"]))
    run_batch(database)
    before = query("select lead_id, agent_id from leads.assigned_leads")
    updated = post(client, send(cases["update"]))
    assert (updated.status_code, updated.json()) == (202, first.json())
    run_batch(database)
    assert query("select lead_id, agent_id from leads.assigned_leads") == before
    assert query("select phone, message from leads.staged_leads") == [("206-555-0147", "Now pre-approved.")]
    assert query("select phone_e164 from leads.normalized_leads") == [("+12065550147",)]
    assert [post(client, send(cases[name])).status_code for name in ("update", "contact")] == [200, 200]
    assert post(client, send(cases["reassignment_flat"])).status_code == 202
    assert post(client, send(cases["update"])).status_code == 200, "an old update does not undo a newer one"
    run_batch(database)
    assert query("select phone, extra->>'Reassignment' from leads.staged_leads") == [("206-555-0146", "true")]
    kept = [bytes(raw) for (raw,) in query("select raw from landing.events order by event_id")]
    assert {json.loads(raw)["MessageId"][-1] for raw in kept} == {"1", "2", "3"}
    assert sorted(status for (status,) in query("select status from landing.events")) == [
        "ignored",
        "ignored",
        "staged",
    ]


def test_an_update_takes_the_event_from_the_batch_that_holds_it(
    client: TestClient, database: Database, query: Query
) -> None:
    cases = {case.name: case for case in CASES if case.source == "zillow"}
    post(client, send(cases["contact"]))
    batch_id = uuid.uuid4()
    stage_leads(
        database, batch_id=batch_id, rules=(), limits=BatchLimits(batch_size=5, max_batches=1, lease_seconds=45)
    )
    post(client, send(cases["update"]))
    run_batch(database)
    assert query("select phone from leads.staged_leads") == [("206-555-0147",)]


def test_a_mended_post_under_the_id_of_a_faulty_one_is_a_lead(client: TestClient, query: Query) -> None:
    """Filed under its id, the faulty one would answer for the mended one, which nobody would ever read."""
    assert post(client, send(FAULTY["google_ads"])).status_code == 422
    assert post(client, send(SAMPLES["google_ads"])).status_code == 202
    assert count_events(query) == 2


# Ids


@pytest.mark.parametrize(
    ("source", "headers", "external_id"),
    [
        ("google_ads", {"idempotency-key": "k", "webhook-id": "w"}, "id:TeSter-0001-Example"),
        ("gravity_forms", {"idempotency-key": "k", "webhook-id": "w"}, "key:k"),
        ("gravity_forms", {"webhook-id": "w"}, "webhook-id:w"),
        ("gravity_forms", {}, None),
    ],
)
def test_the_vendors_id_comes_before_the_senders_key_and_that_before_the_webhooks_and_the_bytes(
    client: TestClient, query: Query, source: str, headers: dict[str, str], external_id: str | None
) -> None:
    request = send(SAMPLES[source])
    post(client, replace(request, headers={**request.headers, **headers}))
    ((found, content_hash),) = query("select external_id, content_hash from landing.events")
    assert found == (external_id or f"sha256:{content_hash}")


def test_a_repeat_of_a_signed_post_under_another_key_is_a_repeat(client: TestClient, query: Query) -> None:
    """webhook-id is signed and the key is not: whoever caught a post must not multiply it."""
    request = send(SAMPLES["standard"])
    statuses = [
        post(client, replace(request, headers={**request.headers, "idempotency-key": key})).status_code
        for key in ("a", "b")
    ]
    assert statuses == [202, 200]
    assert count_events(query) == 1


@pytest.mark.parametrize("source", SOURCES)
def test_the_same_post_five_times_at_once_is_one_event(
    tmp_path: Path, database: Database, query: Query, source: str
) -> None:
    """Senders repeat while the first try is under way: over one receiver or, behind a balancer, over several."""
    request = send(SAMPLES[source])
    settings = open_sources(tmp_path)
    at_once = threading.Barrier(5)

    def post_own(_: int) -> tuple[int, int]:
        own = client_of(settings, database)
        at_once.wait(timeout=20)
        answer = post(own, request)
        return answer.status_code, answer.json()["event_id"]

    with ThreadPoolExecutor(5) as threads:
        answers = list(threads.map(post_own, range(5)))
    assert sorted(status for status, _ in answers) == [200, 200, 200, 200, 202]
    assert len({event_id for _, event_id in answers}) == 1
    assert count_events(query) == 1


def test_an_id_of_any_length_and_sign_is_an_id(client: TestClient) -> None:
    for odd in ("x" * 100_000, "a\u0000b", "\ud800", "é" * 300):
        body = {**json.loads(SAMPLES["google_ads"].raw), "lead_id": odd}
        request = send(replace(SAMPLES["google_ads"], raw=json.dumps(body).encode()))
        assert [post(client, request).status_code for _ in range(2)] in ([202, 200],), odd[:5]


# Refusals, source by source


@pytest.mark.parametrize("source", SOURCES)
def test_a_source_without_its_secret_is_404(tmp_path: Path, database: Database, source: str) -> None:
    settings = open_sources(tmp_path, **{f"webhook_{source}_secret": None})
    assert post(client_of(settings, database), send(SAMPLES[source])).status_code == 404


@pytest.mark.parametrize("source", [name for name in SOURCES if name != "website"])
def test_the_sandbox_opens_the_website_form_alone(settings: Settings, database: Database, source: str) -> None:
    assert post(client_of(settings, database), send(SAMPLES[source])).status_code == 404


@pytest.mark.parametrize("source", SOURCES)
def test_a_post_that_is_too_large_is_413(client: TestClient, query: Query, source: str) -> None:
    request = replace(send(SAMPLES[source]), raw=b" " * (LARGEST_POST_BYTES + 1))
    assert post(client, request).status_code == 413
    assert count_events(query) == 0


@pytest.mark.parametrize("source", SOURCES)
def test_a_content_type_that_the_source_does_not_send_is_415(client: TestClient, source: str) -> None:
    request = send(SAMPLES[source])
    answer = post(client, replace(request, headers={**request.headers, "content-type": "image/png"}))
    assert answer.status_code == 415
    assert SOURCES[source].content_types[0] in answer.json()["detail"]


@pytest.mark.parametrize("source", SOURCES)
def test_a_wrong_secret_is_401_and_the_next_one_is_good_while_rotating(
    tmp_path: Path, database: Database, query: Query, source: str
) -> None:
    request = send(SAMPLES[source], secret="another-secret")
    if source == "zillow":
        request = replace(request, path="/webhooks/zillow/another-secret")
    assert post(client_of(open_sources(tmp_path), database), request).status_code == 401
    assert count_events(query) == 0
    rotating = open_sources(tmp_path, **{f"webhook_{source}_secret": f"{SECRET}, another-secret"})
    client = client_of(rotating, database)
    assert [post(client, request).status_code, post(client, send(SAMPLES[source])).status_code][0] == 202


@pytest.mark.parametrize("source", ["standard", "webflow"])
def test_a_timestamp_six_minutes_off_is_401(client: TestClient, source: str) -> None:
    late = datetime.now(UTC) - timedelta(minutes=6)
    request = send(SAMPLES[source], now=late)
    if source == "webflow":
        request = sign_as_webflow(request, secret=SECRET, now=late)
    answer = post(client, request)
    assert answer.status_code == 401
    assert "5 minutes" in answer.json()["detail"]


def test_a_signed_post_of_webflows_needs_no_secret_in_the_path(client: TestClient) -> None:
    request = sign_as_webflow(send(SAMPLES["webflow"]), secret=SECRET, now=datetime.now(UTC))
    assert post(client, request).status_code == 202


@pytest.mark.parametrize("source", SOURCES)
def test_what_cannot_be_parsed_is_400(client: TestClient, query: Query, source: str) -> None:
    raw = b'{"Type": "Notification"' if source != "adf" else b"<adf><prospect>"
    if "application/x-www-form-urlencoded" in SAMPLES[source].content_type:
        raw = b""
    case = replace(SAMPLES[source], raw=raw)
    request = replace(send(SAMPLES[source]), raw=raw) if source == "zillow" else send(case)
    assert post(client, request).status_code == 400
    assert count_events(query) == 0


@pytest.mark.parametrize("source", SOURCES)
def test_an_authentic_post_that_is_no_lead_is_422_with_its_faults_and_kept(
    client: TestClient, query: Query, source: str
) -> None:
    first, again = (post(client, send(FAULTY[source])) for _ in range(2))
    assert (first.status_code, again.status_code) == (422, 422)
    assert "; ".join(first.json()["errors"]) == FAULTY[source].expected["reason"]
    assert query("select event_id from landing.events") == [(first.json()["event_id"],)]
    assert again.json()["event_id"] == first.json()["event_id"]


@pytest.mark.parametrize("source", SOURCES)
def test_over_its_quota_a_source_is_429_and_the_others_are_not(tmp_path: Path, database: Database, source: str) -> None:
    client = client_of(open_sources(tmp_path, webhook_posts_per_minute=1), database)
    assert post(client, send(SAMPLES[source])).status_code == 202
    answer = post(client, send(SAMPLES[source]))
    assert answer.status_code == 429
    assert 1 <= int(answer.headers["retry-after"]) <= 60
    other = "adf" if source != "adf" else "website"
    assert post(client, send(SAMPLES[other])).status_code == 202


def test_strangers_use_up_nobodys_quota(tmp_path: Path, database: Database) -> None:
    client = client_of(open_sources(tmp_path, webhook_posts_per_minute=1), database)
    for _ in range(3):
        assert post(client, send(SAMPLES["typeform"], secret="guessed")).status_code == 401
    assert post(client, send(SAMPLES["typeform"])).status_code == 202


@pytest.mark.parametrize("source", SOURCES)
def test_a_database_that_is_down_is_503(tmp_path: Path, source: str) -> None:
    with Database(NOBODY_LISTENS) as database:
        answer = post(client_of(open_sources(tmp_path), database), send(SAMPLES[source]))
    assert answer.status_code == 503
    assert answer.headers["retry-after"]


# Set-up calls


def test_metas_question_is_answered_with_its_challenge(client: TestClient) -> None:
    query = {"hub.mode": "subscribe", "hub.verify_token": "word", "hub.challenge": "1158201444"}
    answer = client.get("/webhooks/meta", params=query)
    assert (answer.status_code, answer.text) == (200, "1158201444")
    assert client.get("/webhooks/meta", params={**query, "hub.verify_token": "guess"}).status_code == 401


def test_without_a_verify_token_metas_question_is_404(settings: Settings, database: Database) -> None:
    assert client_of(settings, database).get("/webhooks/meta").status_code == 404


def subscription(url: str) -> Request:
    raw = sign_envelope(SAMPLES["zillow"].raw, Type="SubscriptionConfirmation", Token="t", SubscribeURL=url)
    return replace(send(SAMPLES["zillow"]), raw=raw)


def test_a_subscription_of_amazons_is_confirmed_and_nothing_is_stored(
    tmp_path: Path, database: Database, query: Query
) -> None:
    amazon = Amazon()
    client = client_of(open_sources(tmp_path), database, amazon)
    url = f"{AMAZON}/?Action=ConfirmSubscription&Token=t"
    answer = post(client, subscription(url))
    assert (answer.status_code, answer.json()) == (200, {"status": "subscribed"})
    assert amazon.asked[-1] == url
    assert count_events(query) == 0


@pytest.mark.parametrize("url", ["https://example.com/", "https://s3.amazonaws.com/x", "http://169.254.169.254/latest"])
def test_no_other_host_is_ever_called(tmp_path: Path, database: Database, url: str) -> None:
    amazon = Amazon()
    client = client_of(open_sources(tmp_path), database, amazon)
    assert post(client, subscription(url)).status_code == 401
    raw = json.dumps({**json.loads(send(SAMPLES["zillow"]).raw), "SigningCertURL": f"{url}x.pem"}).encode()
    assert post(client, replace(send(SAMPLES["zillow"]), raw=raw)).status_code == 401
    assert [asked for asked in amazon.asked if not asked.startswith(AMAZON)] == []


def test_a_stranger_without_the_path_makes_us_call_nobody(tmp_path: Path, database: Database) -> None:
    amazon = Amazon()
    client = client_of(open_sources(tmp_path), database, amazon)
    request = replace(send(SAMPLES["zillow"]), path="/webhooks/zillow")
    assert post(client, request).status_code == 401
    assert amazon.asked == []


class Session(requests.Session):
    """Counts its calls and fails, or sends away, as Amazon might."""

    def __init__(self, status: int | None) -> None:
        super().__init__()
        self.status = status
        self.calls: list[tuple[str, bool]] = []

    def get(self, url: str, **options: Any) -> Any:
        self.calls.append((url, options["allow_redirects"]))
        if self.status is None:
            raise requests.ConnectionError("no route")
        answer = requests.Response()
        answer.status_code = self.status
        import io

        answer.raw = type("Raw", (), {"read": lambda *_, **__: io.BytesIO(b"x").read(), "close": lambda *_: None})()
        return answer


@pytest.mark.parametrize("status", [None, 302, 500])
def test_a_certificate_that_cannot_be_had_now_is_503_so_that_the_lead_comes_again(
    tmp_path: Path, database: Database, query: Query, status: int | None
) -> None:
    session = Session(status)
    client = client_of(open_sources(tmp_path), database, AmazonSns(session))
    answer = post(client, send(SAMPLES["zillow"]))
    assert answer.status_code == 503
    assert session.calls == [(json.loads(SAMPLES["zillow"].raw)["SigningCertURL"], False)]
    assert count_events(query) == 0


# What the operator sees


def test_the_doctor_has_a_line_with_the_address_of_every_source(tmp_path: Path, settings: Settings) -> None:
    def lines(of: Settings) -> dict[str, str]:
        return {found.what: found.detail for found in examine(of) if found.what.startswith("Webhook ")}

    assert "LEADFLOW_META_ACCESS_TOKEN is not set" in lines(open_sources(tmp_path))["Webhook meta"]
    opened = lines(open_sources(tmp_path, database_url=NOBODY_LISTENS, meta_access_token="token"))
    assert set(opened) == {f"Webhook {source}" for source in SOURCES}
    assert "/webhooks/zillow_rentals/SECRET" in opened["Webhook zillow_rentals"]
    assert opened["Webhook meta"].startswith("open: http://127.0.0.1:8010/webhooks/meta (")
    assert SECRET not in str(opened)
    public = lines(open_sources(tmp_path, receiver_public_url="https://leads.example.com/"))
    assert "open: https://leads.example.com/webhooks/adf/SECRET" in public["Webhook adf"]
    sandbox = lines(settings)
    assert "LEADFLOW_WEBHOOK_META_SECRET opens it" in sandbox["Webhook meta"]
    assert "open without a secret" in sandbox["Webhook website"]
