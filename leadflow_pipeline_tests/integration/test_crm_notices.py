"""From a stage or a call in the CRM's stand-in, by its signed webhook, to outcomes and first touches."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests
from pydantic import SecretStr
from starlette.testclient import TestClient

from leadflow_pipeline.adapters.database import Database
from leadflow_pipeline.bench.stand_ins import StandIns, run_stand_ins
from leadflow_pipeline.defs.senders import build_senders
from leadflow_pipeline.domain.crm_notices import FOLLOW_UP_BOSS_EVENTS
from leadflow_pipeline.receiver.app import build_app
from leadflow_pipeline.sandbox.vendors.followupboss import UNREACHABLE_SECONDS
from leadflow_pipeline.settings import Settings
from leadflow_pipeline.stages.deliveries import deliver_effects
from leadflow_pipeline.stages.first_touches import watch_first_touches
from leadflow_pipeline_tests.integration.test_crm_and_texts import WITHOUT_SLACK, assign
from leadflow_pipeline_tests.servers import serve
from leadflow_pipeline_tests.unit.domain.test_crm_notices import FOLLOW_UP_BOSS, HUBSPOT

Query = Callable[..., list[tuple[Any, ...]]]
FUB = ("fub-key", "")
BEARER = {"Authorization": "Bearer sandbox"}
ANA = 11  # the user of whoever is first in turn


@pytest.fixture
def stand_ins() -> Iterator[StandIns]:
    with run_stand_ins(limits=False) as served:
        yield served


@pytest.fixture(params=["followupboss", "hubspot"])
def crm(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def sandbox(settings: Settings, stand_ins: StandIns, free_port: int, crm: str) -> Settings:
    urls = {f"{vendor}_url": f"{stand_ins.url}/{vendor}" for vendor in ("followupboss", "hubspot", "twilio")}
    return settings.model_copy(update={**urls, **WITHOUT_SLACK, "crm": crm, "receiver_port": free_port})


@pytest.fixture
def delivered(database: Database, sandbox: Settings, stand_ins: StandIns, query: Query, crm: str) -> Iterator[str]:
    """A lead that is in the CRM with its agent, and the receiver listening to the CRM; gives the contact's id."""
    with serve(build_app(sandbox, database), sandbox.receiver_port):
        stand_ins.hubspot.webhook_url = sandbox.crm_webhook_url("hubspot")
        for event in FOLLOW_UP_BOSS_EVENTS:
            body = {"event": event, "url": sandbox.crm_webhook_url("followupboss")}
            answer = requests.post(f"{stand_ins.url}/followupboss/v1/webhooks", json=body, auth=FUB, timeout=5)
            assert answer.status_code == 201
        assign(database, sandbox)
        deliver(database, sandbox)
        time.sleep(UNREACHABLE_SECONDS)
        query("update delivery.outbox set due_at = now() where status = 'pending'")
        deliver(database, sandbox)
        [(contact_id,)] = query("select contact_id from delivery.crm_contacts where crm = %s", crm)
        yield str(contact_id)


def deliver(database: Database, settings: Settings) -> None:
    deliver_effects(database, build_senders(settings, database), seconds=20)


def move(stand_ins: StandIns, crm: str, contact_id: str, stage: str) -> None:
    """An agent gives a person another stage."""
    if crm == "followupboss":
        url, body = f"{stand_ins.url}/followupboss/v1/people/{contact_id}", {"stage": stage}
        requests.put(url, json=body, auth=FUB, timeout=5).raise_for_status()
        return
    url = f"{stand_ins.url}/hubspot/crm/v3/objects/contacts/{contact_id}"
    requests.patch(url, json={"properties": {"hs_lead_status": stage}}, headers=BEARER, timeout=5).raise_for_status()


def log(stand_ins: StandIns, collection: str, **fields: object) -> None:
    """An agent logs a call, text or appointment."""
    url = f"{stand_ins.url}/followupboss/v1/{collection}"
    requests.post(url, json=fields, auth=FUB, timeout=5).raise_for_status()


def wait_for_notices(query: Query, count: int) -> None:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        if query("select count(*) from delivery.outbox where kind = 'crm_notice'") == [(count,)]:
            return
        time.sleep(0.05)
    raise AssertionError(f"{count} notices were expected in the outbox")


def test_a_stage_in_the_crm_becomes_an_outcome_and_a_first_touch(
    database: Database, sandbox: Settings, stand_ins: StandIns, query: Query, crm: str, delivered: str
) -> None:
    watch_first_touches(database, minutes=15, channels=sandbox.channels)
    move(stand_ins, crm, delivered, {"followupboss": "Spoke with customer", "hubspot": "CONNECTED"}[crm])
    wait_for_notices(query, 1)
    assert query("select * from leads.outcomes") == [], "the receiver only keeps it"
    deliver(database, sandbox)
    assert query("select lead_id, stage, told_by from leads.outcomes") == [(1, "contacted", crm)]
    assert query(
        "select touch.lead_id, touch.source, touch.agent_id = assigned.agent_id from routing.touches as touch"
        " inner join leads.assigned_leads as assigned using (lead_id)"
    ) == [(1, "crm", True)]
    assert query("select status from routing.first_touches") == [("touched",)]
    assert query("select status, vendor_reference from delivery.outbox where kind = 'crm_notice'") == [
        ("sent", "lead 1")
    ]


@pytest.mark.parametrize("crm", ["hubspot"], indirect=True)
def test_a_logged_call_in_hubspot_is_a_first_touch(
    database: Database, sandbox: Settings, stand_ins: StandIns, query: Query, delivered: str
) -> None:
    url = f"{stand_ins.url}/hubspot/crm/v3/objects/contacts/{delivered}"
    body = {"properties": {"notes_last_contacted": "1795521600000", "city": "Austin"}}
    requests.patch(url, json=body, headers=BEARER, timeout=5).raise_for_status()
    wait_for_notices(query, 1)
    deliver(database, sandbox)
    assert query("select source from routing.touches") == [("crm",)]
    assert query("select count(*) from leads.outcomes") == [(0,)]


@pytest.mark.parametrize("crm", ["followupboss"], indirect=True)
@pytest.mark.parametrize(
    ("collection", "fields", "outcomes", "touches"),
    [
        pytest.param("calls", {"outcome": "No Answer"}, [], 1, id="a call that nobody took is a touch"),
        pytest.param("calls", {"outcome": "Interested"}, ["contacted"], 1, id="a talk is a touch and a contact"),
        pytest.param("textMessages", {}, [], 1, id="a text is a touch"),
        pytest.param("emails", {}, [], 1, id="an e-mail is a touch"),
        pytest.param("textMessages", {"isIncoming": True}, ["contacted"], 0, id="an answer of the lead is a contact"),
        pytest.param("appointments", {}, ["appointment"], 1, id="an appointment is one"),
        pytest.param("calls", {"userId": 12}, [], 0, id="another agent's call is none of the lead's agent"),
    ],
)
def test_what_agents_log_in_follow_up_boss(
    database: Database,
    sandbox: Settings,
    stand_ins: StandIns,
    query: Query,
    delivered: str,
    collection: str,
    fields: dict[str, object],
    outcomes: list[str],
    touches: int,
) -> None:
    query("update routing.agents set crm_ids = '{\"followupboss\": \"12\"}' where agent_id = 'ben-whitfield'")
    log(stand_ins, collection, **{"personId": int(delivered), "userId": ANA, **fields})
    wait_for_notices(query, 1)
    deliver(database, sandbox)
    assert [row[0] for row in query("select stage from leads.outcomes")] == outcomes
    assert query("select count(*) from routing.touches") == [(touches,)]


@pytest.mark.parametrize("crm", ["followupboss"], indirect=True)
def test_the_crm_is_away_when_it_has_to_be_asked(
    database: Database, sandbox: Settings, stand_ins: StandIns, query: Query, delivered: str
) -> None:
    log(stand_ins, "calls", personId=int(delivered), userId=ANA)
    wait_for_notices(query, 1)
    stand_ins.control("followupboss", down=True)
    deliver(database, sandbox)
    assert query("select count(*) from routing.touches") == [(0,)]
    stand_ins.control("followupboss", down=False)
    query("update delivery.outbox set due_at = now() where status = 'pending'")
    deliver(database, sandbox)
    assert query("select count(*) from routing.touches") == [(1,)]


def test_somebody_who_is_no_lead_of_ours_is_asked_for_a_few_times_and_left_alone(
    database: Database, sandbox: Settings, stand_ins: StandIns, query: Query, crm: str, delivered: str
) -> None:
    query("delete from delivery.crm_contacts")
    move(stand_ins, crm, delivered, {"followupboss": "Closed", "hubspot": "OPEN_DEAL"}[crm])
    wait_for_notices(query, 1)
    for _ in range(3):
        deliver(database, sandbox)
        query("update delivery.outbox set due_at = now() where status = 'pending'")
    assert query("select status, vendor_reference, attempts from delivery.outbox where kind = 'crm_notice'") == [
        ("sent", "about no lead of ours", 3)
    ]
    assert query("select count(*) from leads.outcomes") == [(0,)]


class TestTheRoute:
    """What the receiver answers, whoever calls."""

    @pytest.fixture
    def client(self, database: Database, sandbox: Settings) -> Iterator[TestClient]:
        with TestClient(build_app(sandbox, database)) as client:
            yield client

    @pytest.fixture
    def post(self, sandbox: Settings, crm: str) -> tuple[bytes, dict[str, str]]:
        """The bytes and headers of a stage that the CRM tells of."""
        if crm == "followupboss":
            raw = json.dumps({**FOLLOW_UP_BOSS, "resourceIds": [7]}).encode()
            return raw, {"FUB-Signature": hmac.new(b"sandbox", base64.b64encode(raw), hashlib.sha256).hexdigest()}
        raw, sent_at = json.dumps([HUBSPOT]).encode(), str(int(time.time() * 1000))
        signed = b"POST" + sandbox.crm_webhook_url(crm).encode() + raw + sent_at.encode()
        signature = base64.b64encode(hmac.new(b"sandbox", signed, hashlib.sha256).digest()).decode()
        return raw, {"X-HubSpot-Signature-v3": signature, "X-HubSpot-Request-Timestamp": sent_at}

    def test_the_same_post_again_is_kept_once(
        self, client: TestClient, crm: str, post: tuple[bytes, dict[str, str]], query: Query
    ) -> None:
        raw, headers = post
        first = client.post(f"/crm/{crm}", content=raw, headers=headers)
        again = client.post(f"/crm/{crm}", content=raw, headers=headers)
        assert (first.status_code, first.json()) == (202, {"notices": 1})
        assert (again.status_code, again.json()) == (200, {"notices": 0})
        assert query("select count(*) from delivery.outbox") == [(1,)]

    def test_a_post_without_a_good_signature_is_refused(
        self, client: TestClient, crm: str, post: tuple[bytes, dict[str, str]], query: Query
    ) -> None:
        raw, headers = post
        assert client.post(f"/crm/{crm}", content=raw).status_code == 401
        assert client.post(f"/crm/{crm}", content=raw + b" ", headers=headers).status_code == 401
        assert query("select count(*) from delivery.outbox") == [(0,)]

    def test_a_post_too_large_and_a_crm_that_is_not_in_use(self, client: TestClient, crm: str) -> None:
        assert client.post(f"/crm/{crm}", content=b" " * 1_000_001).status_code == 413
        other = {"followupboss": "hubspot", "hubspot": "followupboss"}[crm]
        assert client.post(f"/crm/{other}", content=b"{}").status_code == 404
        assert client.post("/crm/salesforce", content=b"{}").status_code == 404

    def test_without_a_key_nobody_can_prove_themselves(self, database: Database, sandbox: Settings, crm: str) -> None:
        keyed = sandbox.model_copy(update={"followupboss_api_key": SecretStr("k"), "hubspot_token": SecretStr("k")})
        with TestClient(build_app(keyed, database)) as client:
            assert client.post(f"/crm/{crm}", content=b"{}").status_code == 404
