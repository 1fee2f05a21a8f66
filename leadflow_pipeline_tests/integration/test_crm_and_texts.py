"""From an assigned lead to the CRM and the agent's phone, against the stand-ins: once, whatever the vendors do."""

import time
import uuid
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import SecretStr

from leadflow_pipeline.adapters.database import Database
from leadflow_pipeline.bench.stand_ins import StandIns, run_stand_ins
from leadflow_pipeline.defs.senders import build_senders
from leadflow_pipeline.sandbox.sample_users import AGENTS_FILE
from leadflow_pipeline.sandbox.vendors.followupboss import UNREACHABLE_SECONDS
from leadflow_pipeline.settings import Settings
from leadflow_pipeline.stages.agents import import_agents, read_agents
from leadflow_pipeline.stages.assigned_leads import RoutingTerms, assign_leads
from leadflow_pipeline.stages.deliveries import DeliveryCounts, deliver_effects
from leadflow_pipeline.stages.lead_effects import queue_lead_effects
from leadflow_pipeline.stages.normalized_leads import normalize_leads
from leadflow_pipeline.stages.scored_leads import score_leads
from leadflow_pipeline.stages.staged_leads import stage_leads
from leadflow_pipeline_tests.integration.test_pipeline import LIMITS, RULES, Query, land

HOUR = "interval '1 hour'"
WITHOUT_SLACK = {"slack_bot_token": SecretStr("one half of an account")}  # as good as none


@pytest.fixture(scope="module")
def server() -> Iterator[StandIns]:
    with run_stand_ins(limits=False) as stand_ins:
        yield stand_ins


@pytest.fixture
def stand_ins(server: StandIns) -> Iterator[StandIns]:
    """The stand-ins, empty and well-behaved."""
    for account in (server.followupboss, server.hubspot, server.twilio):
        fresh = type(account)("sandbox") if account is server.twilio else type(account)()  # type: ignore[call-arg]
        for name, value in vars(fresh).items():
            if name not in ("_limits", "_limit"):
                setattr(account, name, value)
    yield server
    for vendor in ("followupboss", "hubspot", "twilio"):
        server.control(vendor, failure_rate=0, failures=["error"], down=False, hang_seconds=30)


@pytest.fixture
def sandbox(settings: Settings, stand_ins: StandIns) -> Settings:
    """A sandbox whose vendors are these stand-ins, and whose patience is short."""
    urls = {f"{vendor}_url": f"{stand_ins.url}/{vendor}" for vendor in ("followupboss", "hubspot", "twilio")}
    return settings.model_copy(update={**urls, **WITHOUT_SLACK, "vendor_timeout_seconds": 2.0})


@pytest.fixture(params=["followupboss", "hubspot"])
def crm(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


def assign(database: Database, settings: Settings, **fields: object) -> None:
    """A lead of this form, all its way to an agent."""
    import_agents(database, read_agents(AGENTS_FILE.read_text(), region="US"))
    land(database, **{"message": "I am an investor", **fields})  # type: ignore[arg-type]
    batch = uuid.uuid4()
    stage_leads(database, batch_id=batch, rules=RULES, limits=LIMITS)
    normalize_leads(database, batch_id=batch, region="US")
    score_leads(database, batch_id=batch)
    terms = RoutingTerms(same_inquiry=timedelta(0))
    assign_leads(database, batch_id=batch, terms=terms, channels=settings.channels)


def deliver(database: Database, settings: Settings, query: Query, *, times: int = 1) -> list[DeliveryCounts]:
    """Deliver, and again as if an hour had passed."""
    counts = []
    for _ in range(times):
        counts.append(deliver_effects(database, build_senders(settings, database), seconds=30))
        query(f"update delivery.outbox set due_at = now() - {HOUR} where status = 'pending'")
        query(f"update delivery.outbox set lease_until = now() - {HOUR} where lease_until is not null")
        time.sleep(UNREACHABLE_SECONDS)
    return counts


def count_contacts(stand_ins: StandIns, crm: str) -> int:
    return len(stand_ins.followupboss.people if crm == "followupboss" else stand_ins.hubspot.contacts)


def list_owners(stand_ins: StandIns, crm: str) -> list[str]:
    if crm == "followupboss":
        return [str(person["assignedUserId"]) for person in stand_ins.followupboss.people.values()]
    return [contact["properties"].get("hubspot_owner_id") for contact in stand_ins.hubspot.contacts.values()]


def list_related(stand_ins: StandIns, crm: str, what: str) -> list[Mapping[str, Any]]:
    if crm == "hubspot":
        return [row["properties"] for row in stand_ins.hubspot.related[what].values()]
    return getattr(stand_ins.followupboss, what)  # type: ignore[no-any-return]


def list_texts(stand_ins: StandIns) -> list[Mapping[str, Any]]:
    return [text for found in stand_ins.twilio.messages.values() for text in found]


def unfinished(query: Query) -> list[tuple[Any, ...]]:
    return query("select kind, status, last_error from delivery.outbox where status <> 'sent' and kind <> 'ops_alert'")


def test_an_assigned_lead_is_in_the_crm_and_on_the_phone(
    database: Database, sandbox: Settings, stand_ins: StandIns, query: Query, crm: str
) -> None:
    sandbox = sandbox.model_copy(update={"crm": crm})
    assign(database, sandbox, name="Rosa Quintero", message="I am an investor", budget="$650,000")
    deliver(database, sandbox, query, times=3)
    assert unfinished(query) == []
    assert count_contacts(stand_ins, crm) == 1
    assert list_owners(stand_ins, crm) == [{"followupboss": "11", "hubspot": "1011"}[crm]]
    [note] = list_related(stand_ins, crm, "notes")
    assert "investor" in str(note)
    [task] = list_related(stand_ins, crm, "tasks")
    assert "Call Rosa Quintero (leadflow lead 1)" in task.values()
    [text] = list_texts(stand_ins)
    assert text["to"] == "+15125550190"
    assert text["body"].startswith("HOT lead 85: Rosa Quintero\n+1 512-555-0142\nhttp://")
    assert text["num_segments"] == "1"


@pytest.mark.parametrize(
    "person",
    [
        pytest.param({}, id="e-mail and phone"),
        pytest.param({"email": ""}, id="phone only"),
        pytest.param({"phone": ""}, id="e-mail only"),
        pytest.param({"email": "", "name": "Zoë"}, id="phone and a first name"),
    ],
)
@pytest.mark.parametrize("vendor", ["crm", "twilio"])
def test_answers_that_never_come_make_nothing_twice(
    database: Database,
    sandbox: Settings,
    stand_ins: StandIns,
    query: Query,
    crm: str,
    vendor: str,
    person: Mapping[str, str],
) -> None:
    """The vendor has acted, and its answer is lost: asking again blindly would make a second contact, task or text."""
    sandbox = sandbox.model_copy(update={"crm": crm, "vendor_timeout_seconds": 0.4})
    assign(database, sandbox, budget="$900k", **person)
    name = crm if vendor == "crm" else "twilio"
    for step in range(6):
        stand_ins.control(name, failure_rate=1 - step % 2, failures=["hang"], hang_seconds=0.8)
        deliver(database, sandbox, query)
    assert unfinished(query) == []
    counts = [count_contacts(stand_ins, crm), len(list_texts(stand_ins))]
    counts += [len(list_related(stand_ins, crm, what)) for what in ("notes", "tasks")]
    assert counts == [1, 1, 1, 1]
    if crm == "followupboss":
        assert len(stand_ins.followupboss.events) == 1


def test_a_deliverer_that_died_after_the_vendor_acted_makes_nothing_twice(
    database: Database, sandbox: Settings, stand_ins: StandIns, query: Query, crm: str
) -> None:
    sandbox = sandbox.model_copy(update={"crm": crm})
    assign(database, sandbox)
    deliver(database, sandbox, query, times=2)
    assert unfinished(query) == []
    # As a crash between the vendor's answer and the mark leaves it.
    query(f"update delivery.outbox set status = 'pending', sent_at = null, lease_until = now() - {HOUR}")
    query("delete from delivery.crm_contacts")
    deliver(database, sandbox, query, times=2)
    assert unfinished(query) == []
    assert count_contacts(stand_ins, crm) == len(list_texts(stand_ins)) == 1
    assert len(list_related(stand_ins, crm, "notes")) == len(list_related(stand_ins, crm, "tasks")) == 1


def test_a_second_inquiry_of_a_person_is_the_same_contact(
    database: Database, sandbox: Settings, stand_ins: StandIns, query: Query, crm: str
) -> None:
    sandbox = sandbox.model_copy(update={"crm": crm})
    assign(database, sandbox, message="investor")
    assign(database, sandbox, message="cash buyer")
    deliver(database, sandbox, query, times=4)
    assert unfinished(query) == []
    assert count_contacts(stand_ins, crm) == 1
    assert len(list_related(stand_ins, crm, "tasks")) == 2


def test_an_owner_that_a_person_chose_in_the_crm_stays(
    database: Database, sandbox: Settings, stand_ins: StandIns, query: Query, crm: str
) -> None:
    sandbox = sandbox.model_copy(update={"crm": crm})
    assign(database, sandbox)
    deliver(database, sandbox, query, times=2)
    if crm == "followupboss":
        next(iter(stand_ins.followupboss.people.values()))["assignedUserId"] = 17
    else:
        next(iter(stand_ins.hubspot.contacts.values()))["properties"]["hubspot_owner_id"] = "17"
    give_to(database, sandbox, query, "ben-whitfield", turn=1)
    deliver(database, sandbox, query, times=2)
    assert list_owners(stand_ins, crm) == ["17"]
    assert unfinished(query) == []


def test_another_agent_becomes_the_owner_and_gets_a_text_and_nothing_is_made_twice(
    database: Database, sandbox: Settings, stand_ins: StandIns, query: Query, crm: str
) -> None:
    sandbox = sandbox.model_copy(update={"crm": crm})
    assign(database, sandbox)
    deliver(database, sandbox, query, times=2)
    give_to(database, sandbox, query, "ben-whitfield", turn=1)
    give_to(database, sandbox, query, "ben-whitfield", turn=1)
    deliver(database, sandbox, query, times=2)
    assert list_owners(stand_ins, crm) == [{"followupboss": "12", "hubspot": "1012"}[crm]]
    assert [text["to"] for text in list_texts(stand_ins)] == ["+15125550190", "+15125550191"]
    assert count_contacts(stand_ins, crm) == len(list_related(stand_ins, crm, "tasks")) == 1
    give_to(database, sandbox, query, "ana-torres", turn=2)
    deliver(database, sandbox, query, times=2)
    assert list_owners(stand_ins, crm) == [{"followupboss": "11", "hubspot": "1011"}[crm]]


def give_to(database: Database, settings: Settings, query: Query, agent_id: str, *, turn: int) -> None:
    query("update leads.assigned_leads set agent_id = %s", agent_id)
    with database.transaction() as transaction:
        queue_lead_effects(transaction, [1], settings.channels, now=datetime.now(UTC), turn=turn)


def test_what_stands_in_the_crm_is_not_written_over(
    database: Database, sandbox: Settings, stand_ins: StandIns, query: Query, crm: str
) -> None:
    sandbox = sandbox.model_copy(update={"crm": crm})
    assign(database, sandbox, name="R Quintero")
    deliver(database, sandbox, query, times=2)
    if crm == "followupboss":
        person = next(iter(stand_ins.followupboss.people.values()))
        person.update(name="Rosa Maria Quintero", firstName="Rosa Maria", stage="Hot prospect")
    else:
        person = next(iter(stand_ins.hubspot.contacts.values()))["properties"]
        person.update(firstname="Rosa Maria", phone="+15125550100")
    edited = dict(person)
    assign(database, sandbox, name="R. Quintero", message="cash buyer")
    deliver(database, sandbox, query, times=3)
    assert unfinished(query) == []
    changed = {name for name in edited if person[name] != edited[name]}
    owned = {"assignedUserId", "assignedTo", "hubspot_owner_id"}  # ours to change, as we wrote it
    assert changed <= {"tags", "leadflow_tags", "updated", *owned}


def test_a_lead_that_follow_up_boss_ignores_is_set_aside_with_the_remedy(
    database: Database, sandbox: Settings, stand_ins: StandIns, query: Query
) -> None:
    """204 is a success for HTTP and a lost lead for the brokerage."""
    assign(database, sandbox)
    query("update leads.staged_leads set source = 'archived'")
    deliver(database, sandbox, query)
    rows = query("select kind, status from delivery.outbox where kind like 'crm%%' order by 1")
    assert rows == [(kind, "set_aside") for kind in ("crm_contact", "crm_note", "crm_owner", "crm_task")]
    [(text,)] = query("select payload->>'text' from delivery.outbox where kind = 'ops_alert'")
    assert "lead flow of source archived" in text
    assert len(list_texts(stand_ins)) == 1, "the CRM's trouble is not the phone's"


def test_an_agent_who_opted_out_gets_no_further_text(database: Database, sandbox: Settings, query: Query) -> None:
    assign(database, sandbox)
    query("update routing.agents set phone = '+15005550004'")
    deliver(database, sandbox, query)
    assert query("select status from delivery.outbox where kind = 'sms'") == [("set_aside",)]
    assert query("select address, reason from delivery.suppressions") == [("+15005550004", "opted_out")]
    query("update routing.agents set phone = '+15005550004'")
    give_to(database, sandbox, query, "ben-whitfield", turn=1)
    query("update routing.agents set phone = '+15005550004'")
    assert query("select count(*) from delivery.outbox where kind = 'sms'") == [(1,)]


def test_a_vendor_that_is_down_delays_no_other(
    database: Database, sandbox: Settings, stand_ins: StandIns, query: Query
) -> None:
    stand_ins.control("followupboss", down=True)
    assign(database, sandbox)
    deliver(database, sandbox, query)
    assert len(list_texts(stand_ins)) == 1
    stand_ins.control("followupboss", down=False)
    deliver(database, sandbox, query, times=3)
    assert unfinished(query) == []


def test_a_lead_in_the_drip_is_a_contact_without_owner_task_or_text(
    database: Database, sandbox: Settings, stand_ins: StandIns, query: Query, crm: str
) -> None:
    sandbox = sandbox.model_copy(update={"crm": crm})
    assign(database, sandbox, message="just looking")
    deliver(database, sandbox, query, times=2)
    assert query("select kind, status from delivery.outbox") == [("crm_contact", "sent")]
    assert count_contacts(stand_ins, crm) == 1
    assert list_texts(stand_ins) == list_related(stand_ins, crm, "tasks") == []


@pytest.mark.parametrize(
    ("change", "texts"),
    [
        ("notify_by = '{slack}'", 0),
        ("notify_by = '{sms}'", 1),
        ("notify_by = null", 1),
        ("phone = null", 0),
    ],
)
def test_an_agent_is_told_in_the_ways_that_agent_wants(
    database: Database, sandbox: Settings, query: Query, change: str, texts: int
) -> None:
    assign(database, sandbox)
    query("delete from delivery.outbox")
    query(f"update routing.agents set {change}")
    give_to(database, sandbox, query, "ana-torres", turn=1)
    assert query("select count(*) from delivery.outbox where kind = 'sms'") == [(texts,)]


def test_nothing_is_queued_for_a_crm_that_is_off(database: Database, sandbox: Settings, query: Query) -> None:
    """Otherwise months of leads would pour into the CRM that is connected one day."""
    assign(database, sandbox.model_copy(update={"crm": "none"}))
    assert query("select kind from delivery.outbox") == [("sms",)]


def test_an_alert_about_a_failure_holds_no_word_of_the_lead(
    database: Database, sandbox: Settings, query: Query
) -> None:
    assign(database, sandbox, name="Zebulon Quux")
    query("update routing.agents set email = null, crm_ids = '{}'")
    deliver(database, sandbox, query, times=3)
    text = " ".join(row[0] for row in query("select coalesce(last_error, '') || payload::text from delivery.outbox"))
    assert "no user of followupboss" in text
    assert "Zebulon" not in text


def test_two_leads_at_once_of_somebody_without_an_e_mail_are_one_contact(
    database: Database, sandbox: Settings, stand_ins: StandIns, query: Query, crm: str
) -> None:
    """HubSpot knows people by their e-mail; without one, two senders at the same time would each make a contact."""
    sandbox = sandbox.model_copy(update={"crm": crm})
    stand_ins.control(crm, latency_ms=150)
    import_agents(database, read_agents(AGENTS_FILE.read_text(), region="US"))
    for number, house in enumerate(("12 Oak Street, Austin, TX", "9 Elm Court, Austin, TX")):
        land(database, number, name="Rosa Quintero", email="", phone="(512) 555-0142", address=house)
    batch = uuid.uuid4()
    stage_leads(database, batch_id=batch, rules=RULES, limits=LIMITS)
    normalize_leads(database, batch_id=batch, region="US")
    score_leads(database, batch_id=batch)
    query("update leads.scored_leads set bucket = 'standard', score = 60")
    assign_leads(database, batch_id=batch, terms=RoutingTerms(same_inquiry=timedelta(0)), channels=sandbox.channels)
    deliver(database, sandbox, query, times=3)
    stand_ins.control(crm, latency_ms=0)
    assert unfinished(query) == []
    assert count_contacts(stand_ins, crm) == 1
    assert query("select count(distinct contact_id), count(*) from delivery.crm_contacts") == [(1, 2)]
    assert len(list_related(stand_ins, crm, "tasks")) == 2


def test_a_lead_that_is_given_up_keeps_no_other_lead_of_the_person_back(
    database: Database, sandbox: Settings, stand_ins: StandIns, query: Query
) -> None:
    sandbox = sandbox.model_copy(update={"crm": "followupboss"})
    assign(database, sandbox, name="Rosa Quintero", message="I am an investor")
    query("update leads.staged_leads set source = 'archived' where lead_id = 1")
    assign(database, sandbox, name="Rosa Quintero", message="I am an investor again")
    assert query("select after_key from delivery.outbox where idempotency_key = 'crm_contact:2'") == [
        ("crm_contact:1",)
    ]
    deliver(database, sandbox, query, times=3)
    assert query("select lead_id, status from delivery.outbox where kind like 'crm%%' group by 1, 2 order by 1") == [
        (1, "set_aside"),
        (2, "sent"),
    ]
    assert len(stand_ins.followupboss.people) == 1
