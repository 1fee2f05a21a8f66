"""What each vendor documents, where that stands, and that our client does with it what it has to: a table.

The grades are those of docs/delivery.md: A the vendor's documentation, C secondary, K general knowledge, unconfirmed.
Each answer is served by a real HTTP server; what the stand-ins do of it themselves is tested in test_crm_and_texts.py.
"""

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from leadflow_pipeline.adapters.follow_up_boss import FollowUpBoss
from leadflow_pipeline.adapters.hubspot import HubSpot
from leadflow_pipeline.adapters.twilio import OptedOutError, Twilio
from leadflow_pipeline.domain.crm_leads import describe_facts, describe_for_crm, write_note, write_task
from leadflow_pipeline.domain.crm_notices import CrmNotice
from leadflow_pipeline.domain.errors import PermanentError, TransientError
from leadflow_pipeline.domain.vendor_budgets import LimitedError

LEAD = {
    "lead_id": 17,
    "channel": "email",
    "source": "zillow",
    "received_at": datetime(2026, 11, 24, 12, 0, tzinfo=UTC),
    "full_name": "Rosa Quintero",
    "first_name": "Rosa",
    "last_name": "Quintero",
    "email": "rosa@example.com",
    "phone_e164": "+15125550142",
    "phone_extension": None,
    "address": "4 Elm Court, Austin, TX 78704",
    "street": "4 Elm Court",
    "unit": None,
    "city": "Austin",
    "state": "TX",
    "zip": "78704",
    "property_address": "12 Oak Street",
    "property_city": "Austin",
    "property_state": "TX",
    "property_zip": "78701",
    "property_mls_id": None,
    "property_price": None,
    "property_url": None,
    "budget": None,
    "rent_monthly": None,
    "lead_type": "buyer",
    "timeframe": None,
    "message": "Is it still there?",
    "score": 35,
    "bucket": "standard",
    "contributions": [{"rule": "high_budget", "points": 25, "evidence": "$600,000"}],
    "address_verified": True,
    "company": "Lone Star Freight",
    "job_title": "Dispatcher",
}
CRM_LEAD = describe_for_crm(LEAD)
FACTS = describe_facts(LEAD)
NOTE = write_note(LEAD)
TASK = write_task(LEAD, datetime(2026, 11, 24, 12, 0, tzinfo=UTC), ZoneInfo("America/Chicago"), None)
CALL = CrmNotice(notice_id="1:3", about="call", resource_id="3", happened_at=datetime(2026, 11, 24, 12, 0, tzinfo=UTC))


@dataclass
class Vendor:
    """A vendor that answers what it is told to, and notes what it was asked."""

    url: str = ""
    status: int = 200
    body: object = None
    headers: dict[str, str] = field(default_factory=dict)
    calls: list[tuple[str, str, dict[str, str], Any]] = field(default_factory=list)

    def answer(self, status: int, body: object = None, **headers: str) -> None:
        self.status, self.body = status, body
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


@pytest.fixture
def vendor() -> Iterator[Vendor]:
    """One on a port of its own."""
    told = Vendor()

    class Handler(BaseHTTPRequestHandler):
        def handle_any(self) -> None:
            raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            is_json = "json" in (self.headers.get("Content-Type") or "")
            told.calls.append(
                (self.command, self.path, dict(self.headers), json.loads(raw) if is_json else raw.decode())
            )
            content = b"" if told.body is None else json.dumps(told.body).encode()
            self.send_response(told.status)
            for name, value in told.headers.items():
                self.send_header(name, value)
            if told.status != 204:
                self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PUT = do_PATCH = handle_any  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    told.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield told
    server.shutdown()
    server.server_close()
    thread.join()


def follow_up_boss(vendor: Vendor) -> FollowUpBoss:
    return FollowUpBoss(vendor.url, "fub-key", system_key="system-key", seconds=2)


def hubspot(vendor: Vendor) -> HubSpot:
    return HubSpot(vendor.url, "hub-token", seconds=2)


def twilio(vendor: Vendor) -> Twilio:
    return Twilio(vendor.url, "AC1", "secret", sender="+15005550006", status_callback="https://x.test/s", seconds=2)


PERSON = {"id": 5, "assignedUserId": None}
CONTACT = {"id": "5", "properties": {}}
FUB = "docs.followupboss.com"
HUB = "developers.hubspot.com"
TWI = "twilio.com/docs"


@dataclass(frozen=True)
class Contract:
    """One documented behaviour, and what our client makes of it."""

    behaviour: str
    document: str
    grade: str
    answer: tuple[int, object, dict[str, str]]
    call: Callable[[Vendor], object]
    raises: type[Exception] | None = None
    said: str = ""  # in the error
    retry_after: float | None = None
    may_have_acted: bool = False


CONTRACTS = [
    Contract("a lead is taken: 201 with the person", FUB, "A", (201, PERSON, {}),
             lambda v: follow_up_boss(v).add_lead(CRM_LEAD, None)),
    Contract("a lead of a known person: 200", FUB, "K", (200, PERSON, {}),
             lambda v: follow_up_boss(v).add_lead(CRM_LEAD, None)),
    Contract("204: the lead flow is archived, the lead ignored", FUB, "A", (204, None, {}),
             lambda v: follow_up_boss(v).add_lead(CRM_LEAD, None), PermanentError, "archived"),
    Contract("429 with Retry-After in seconds", FUB + "/reference/rate-limiting", "A",
             (429, {}, {"Retry_After": "7"}), lambda v: follow_up_boss(v).add_lead(CRM_LEAD, None),
             LimitedError, "slow down", 7.0),
    Contract("404: the person is not known, or cannot be reached yet", FUB + "/reference/common-issues", "A",
             (404, {}, {}), lambda v: follow_up_boss(v).add_note("5", NOTE), TransientError, "moment", 5.0),
    Contract("a task needs a user: 400", "glama.ai", "C", (400, {}, {}),
             lambda v: follow_up_boss(v).add_task("5", TASK, "11"), PermanentError, "take the task"),
    Contract("500: whether it acted is not known", FUB, "K", (500, {}, {}),
             lambda v: follow_up_boss(v).add_note("5", NOTE), TransientError, "trouble", None, True),
    Contract("503: it did not act", "RFC 9110", "A", (503, {}, {}),
             lambda v: follow_up_boss(v).add_note("5", NOTE), TransientError, "trouble", None, False),
    Contract("401: the key is refused; what waits is tried when it is mended", FUB, "A", (401, {}, {}),
             lambda v: follow_up_boss(v).add_note("5", NOTE), TransientError, "refuses our key", 300.0),
    Contract("a contact is made: 201", HUB, "A", (201, CONTACT, {}), lambda v: hubspot(v).add_lead(CRM_LEAD, None)),
    Contract("400: a property is wrong", HUB, "A", (400, {"message": "x"}, {}),
             lambda v: hubspot(v).add_lead(CRM_LEAD, None), PermanentError, "take the contact"),
    Contract("facts go to a person that cannot be reached yet: 404", FUB + "/reference/common-issues", "A",
             (404, {}, {}), lambda v: follow_up_boss(v).add_facts("5", FACTS), TransientError, "moment", 5.0),
    Contract("a person is changed: 200", FUB, "K", (200, PERSON, {}),
             lambda v: follow_up_boss(v).add_facts("5", FACTS)),
    Contract("a contact is changed: 200", HUB, "K", (200, CONTACT, {}), lambda v: hubspot(v).add_facts("5", FACTS)),
    Contract("a call is shown by its id", FUB, "K", (200, {"personId": 5, "userId": 11}, {}),
             lambda v: follow_up_boss(v).read_activity(CALL)),
    Contract("a call that is gone: 404", FUB, "K", (404, {}, {}), lambda v: follow_up_boss(v).read_activity(CALL)),
    Contract("429 over the ten-second limit", HUB, "A", (429, {}, {}),
             lambda v: hubspot(v).add_note("5", NOTE), LimitedError, "slow down"),
    Contract("a text is queued: 201 with its sid", TWI, "A", (201, {"sid": "SM1"}, {}),
             lambda v: twilio(v).send_text("+15125550190", "x")),
    Contract("21610: the recipient has opted out", TWI + "/api/errors/21610", "K", (400, {"code": 21610}, {}),
             lambda v: twilio(v).send_text("+15125550190", "x"), OptedOutError, "opted out"),
    Contract("21211: no valid number", TWI + "/api/errors/21211", "K", (400, {"code": 21211}, {}),
             lambda v: twilio(v).send_text("+15125550190", "x"), PermanentError, "21211"),
    Contract("21611: the number's queue is full", TWI + "/api/errors/21611", "A", (400, {"code": 21611}, {}),
             lambda v: twilio(v).send_text("+15125550190", "x"), TransientError, "queue", 60.0),
    Contract("429: too many requests", TWI, "K", (429, {"code": 20429}, {}),
             lambda v: twilio(v).send_text("+15125550190", "x"), LimitedError, "slow down"),
    Contract("500: whether the text went out is not known", TWI, "K", (500, {}, {}),
             lambda v: twilio(v).send_text("+15125550190", "x"), TransientError, "trouble", None, True),
]  # fmt: skip


@pytest.mark.parametrize("contract", CONTRACTS, ids=lambda contract: f"{contract.document}: {contract.behaviour}")
def test_a_vendor_s_answer_is_read_as_the_vendor_means_it(vendor: Vendor, contract: Contract) -> None:
    status, body, headers = contract.answer
    vendor.answer(status, body, **headers)
    if contract.raises is None:
        contract.call(vendor)
        return
    with pytest.raises(contract.raises, match=contract.said) as caught:
        contract.call(vendor)
    assert getattr(caught.value, "retry_after", None) == contract.retry_after
    assert getattr(caught.value, "may_have_acted", False) == contract.may_have_acted
    assert "Rosa" not in str(caught.value)


def test_a_lead_goes_to_follow_up_boss_in_the_documented_form(vendor: Vendor) -> None:
    vendor.answer(201, PERSON)
    follow_up_boss(vendor).add_lead(CRM_LEAD, "11")
    [(method, path, headers, body)] = vendor.calls
    assert (method, path) == ("POST", "/v1/events")
    assert headers["Authorization"] == "Basic ZnViLWtleTo="  # the key as user, an empty password
    assert (headers["X-System"], headers["X-System-Key"]) == ("leadflow", "system-key")
    assert body == {
        "source": "zillow",
        "system": "leadflow",
        "type": "Property Inquiry",
        "message": "Is it still there?",
        "description": "leadflow lead 17",
        "occurredAt": "2026-11-24T12:00:00+00:00",
        "person": {
            "firstName": "Rosa",
            "lastName": "Quintero",
            "emails": [{"value": "rosa@example.com", "type": "home"}],
            "phones": [{"value": "+15125550142", "type": "mobile"}],
            "tags": ["leadflow standard", "source zillow", "buyer"],
            "assignedUserId": 11,
        },
        "property": {"street": "12 Oak Street", "city": "Austin", "state": "TX", "code": "78701"},
    }


def test_facts_go_where_nothing_stands(vendor: Vendor) -> None:
    vendor.answer(200, {**PERSON, "background": "Knows Ana"})
    follow_up_boss(vendor).add_facts("5", FACTS)
    home = {"type": "home", "street": "4 Elm Court", "city": "Austin", "state": "TX", "code": "78704"}
    assert [(method, path, body) for method, path, _, body in vendor.calls[1:]] == [
        ("PUT", "/v1/people/5", {"addresses": [home]})
    ]
    vendor.calls.clear()
    vendor.answer(200, {"id": "5", "properties": {"company": "Her own", "city": "Dallas"}})
    hubspot(vendor).add_facts("5", FACTS)
    assert [(method, body) for method, _, _, body in vendor.calls[1:]] == [
        ("PATCH", {"properties": {"jobtitle": "Dispatcher"}})
    ]


def test_a_task_goes_to_follow_up_boss_with_its_day_and_its_moment(vendor: Vendor) -> None:
    vendor.answer(201, {"id": 9})
    assert follow_up_boss(vendor).add_task("5", TASK, "11") == "9"
    assert vendor.calls[0][3] == {
        "personId": 5,
        "assignedUserId": 11,
        "name": "Call Rosa Quintero (leadflow lead 17)",
        "type": "Follow Up",
        "dueDate": "2026-11-24",
        "dueDateTime": "2026-11-24T06:15:00-06:00",
    }


def test_a_text_goes_to_twilio_in_the_documented_form(vendor: Vendor) -> None:
    vendor.answer(201, {"sid": "SM1"})
    assert twilio(vendor).send_text("+15125550190", "a & b") == "SM1"
    [(method, path, _, body)] = vendor.calls
    assert (method, path) == ("POST", "/2010-04-01/Accounts/AC1/Messages.json")
    assert body == (
        "To=%2B15125550190&Body=a+%26+b&ValidityPeriod=600&From=%2B15005550006&StatusCallback=https%3A%2F%2Fx.test%2Fs"
    )


@pytest.mark.parametrize(
    ("make", "headers"),
    [
        (follow_up_boss, {"X_RateLimit_Remaining": "0", "X_RateLimit_Window": "10", "X_RateLimit_Context": "global"}),
        (hubspot, {"X_HubSpot_RateLimit_Remaining": "0", "X_HubSpot_RateLimit_Interval_Milliseconds": "10000"}),
    ],
)
def test_a_limit_that_is_used_up_is_not_run_into(
    vendor: Vendor, make: Callable[[Vendor], Any], headers: dict[str, str]
) -> None:
    client = make(vendor)
    vendor.answer(200, {"id": 5, "properties": {}}, **headers)
    client.read_contact("5")
    with pytest.raises(LimitedError) as caught:
        client.read_contact("5")
    assert 9 < (caught.value.retry_after or 0) <= 10
    assert len(vendor.calls) == 1


@pytest.mark.parametrize("make", [follow_up_boss, hubspot, twilio])
def test_an_answer_that_makes_no_sense_is_an_error_and_no_crash(vendor: Vendor, make: Callable[[Vendor], Any]) -> None:
    vendor.answer(200, ["what?"])
    client = make(vendor)
    send = (lambda: client.send_text("+1", "x")) if make is twilio else (lambda: client.add_lead(CRM_LEAD, None))
    with pytest.raises((PermanentError, TransientError)):
        send()


def test_a_vendor_that_is_not_there_has_not_acted(free_port: int) -> None:
    with pytest.raises(TransientError) as caught:
        FollowUpBoss(f"http://127.0.0.1:{free_port}", "key").add_note("5", NOTE)
    assert not caught.value.may_have_acted
