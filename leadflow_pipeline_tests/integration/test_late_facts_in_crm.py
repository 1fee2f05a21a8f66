"""What vendors tell late reaches the CRM: the contact is added to once, and leads find their place by all rules."""

import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from typing import Any

import pytest

from leadflow_pipeline.adapters.database import Database
from leadflow_pipeline.bench.stand_ins import StandIns, run_stand_ins
from leadflow_pipeline.defs.enrichers import build_enrichment
from leadflow_pipeline.defs.senders import build_senders
from leadflow_pipeline.sandbox.sample_users import AGENTS_FILE
from leadflow_pipeline.sandbox.vendors.followupboss import UNREACHABLE_SECONDS
from leadflow_pipeline.settings import Settings
from leadflow_pipeline.stages.agents import import_agents, read_agents
from leadflow_pipeline.stages.assigned_leads import RoutingTerms, assign_leads
from leadflow_pipeline.stages.deliveries import deliver_effects
from leadflow_pipeline.stages.enriched_leads import enrich_leads
from leadflow_pipeline.stages.late_enrichment import enrich_late
from leadflow_pipeline_tests.integration.test_crm_and_texts import WITHOUT_SLACK, list_related
from leadflow_pipeline_tests.integration.test_enriched_leads import HOUSES
from leadflow_pipeline_tests.integration.test_pipeline import land, run, run_step
from leadflow_pipeline_tests.integration.vendors import ServedVendors, serve_vendors

Query = Callable[..., list[tuple[Any, ...]]]
HOUSE = f"{HOUSES[0]} Oak Street, Austin, TX 78704"
KNOWN = "rosa@example.com"  # to Clearbit's stand-in


@pytest.fixture
def stand_ins() -> Iterator[StandIns]:
    with run_stand_ins(limits=False) as served:
        yield served


@pytest.fixture
def vendors(settings: Settings) -> Iterator[ServedVendors]:
    with serve_vendors(settings) as served:
        yield served


@pytest.fixture(params=["followupboss", "hubspot"])
def crm(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def sandbox(settings: Settings, stand_ins: StandIns, vendors: ServedVendors, crm: str, query: Query) -> Settings:
    query("update vendors.budgets set pause_seconds = 0.1, longest_pause_seconds = 0.2")
    urls = {f"{vendor}_url": f"{stand_ins.url}/{vendor}" for vendor in ("followupboss", "hubspot", "twilio")}
    urls |= {f"{vendor}_url": f"{vendors.url}/{vendor}" for vendor in ("google", "clearbit", "pdl")}
    return settings.model_copy(update={**urls, **WITHOUT_SLACK, "crm": crm})


def take_in(database: Database, settings: Settings, **fields: object) -> None:
    """A lead, all its way to its place and into the CRM."""
    import_agents(database, read_agents(AGENTS_FILE.read_text(), region="US"))
    land(database, **{"email": KNOWN, "address": HOUSE, **fields})  # type: ignore[arg-type]
    batch = uuid.uuid4()
    run(database, batch, until="normalize")
    with closing(build_enrichment(settings)) as enrichment:
        enrich_leads(database, batch_id=batch, enrichment=enrichment)
    run_step(database, batch, "score")
    place(database, settings, batch)


def place(database: Database, settings: Settings, batch: uuid.UUID) -> None:
    terms = RoutingTerms(same_inquiry=timedelta(0))
    assign_leads(database, batch_id=batch, terms=terms, channels=settings.channels)


def fetch_late(database: Database, settings: Settings) -> None:
    with closing(build_enrichment(settings)) as enrichment:
        for _ in range(20):
            time.sleep(0.3)
            batch = uuid.uuid4()
            counts = enrich_late(database, batch_id=batch, enrichment=enrichment, seconds=20, patience_seconds=0)
            if not counts.still_waiting and not counts.tried:
                return
    raise AssertionError("something is still awaited")


def deliver(database: Database, settings: Settings, query: Query) -> None:
    for _ in range(4):
        deliver_effects(database, build_senders(settings, database), seconds=30)
        query("update delivery.outbox set due_at = now() - interval '1 hour' where status = 'pending'")
        time.sleep(UNREACHABLE_SECONDS)
    kinds = "kind <> 'ops_alert'"
    assert query(f"select kind, status, last_error from delivery.outbox where status <> 'sent' and {kinds}") == []


def read_contact(stand_ins: StandIns, crm: str) -> dict[str, Any]:
    """The one contact's job and address, spelled alike for both CRMs."""
    if crm == "followupboss":
        [person] = stand_ins.followupboss.people.values()
        street = person["addresses"][0]["street"] if person["addresses"] else None
        return {"work": bool(person["background"]), "street": street}
    [contact] = stand_ins.hubspot.contacts.values()
    properties = contact["properties"]
    return {"work": bool(properties.get("company")), "street": properties.get("address")}


def count_writes(stand_ins: StandIns, crm: str) -> int:
    return sum(call["method"] in ("PUT", "PATCH") for call in ServedVendors(stand_ins.url).calls(crm))


def test_what_is_known_in_time_is_in_the_contact_from_the_start(
    database: Database, sandbox: Settings, stand_ins: StandIns, query: Query, crm: str
) -> None:
    take_in(database, sandbox, budget="$900k")
    deliver(database, sandbox, query)
    assert read_contact(stand_ins, crm) == {"work": True, "street": f"{HOUSES[0]} Oak Street"}
    [note] = list_related(stand_ins, crm, "notes")
    assert "Works as: " in str(note)


def test_what_comes_late_is_added_to_the_contact_once_and_the_lead_stays_with_its_agent(
    database: Database, sandbox: Settings, stand_ins: StandIns, vendors: ServedVendors, query: Query, crm: str
) -> None:
    for vendor in ("google", "clearbit", "pdl"):
        vendors.control(vendor, down=True)
    take_in(database, sandbox, budget="$900k")
    deliver(database, sandbox, query)
    assert read_contact(stand_ins, crm) == {"work": False, "street": None}
    agent = query("select agent_id, method from leads.assigned_leads")
    for vendor in ("google", "clearbit", "pdl"):
        vendors.control(vendor, down=False)
    fetch_late(database, sandbox)
    deliver(database, sandbox, query)
    assert read_contact(stand_ins, crm) == {"work": True, "street": f"{HOUSES[0]} Oak Street"}
    assert query("select agent_id, method from leads.assigned_leads") == agent
    notes = list_related(stand_ins, crm, "notes")
    late = [note for note in notes if "leadflow facts 1 " in str(note)]
    assert len(notes) == len(late) + 1
    assert late
    writes = count_writes(stand_ins, crm)
    query("update delivery.outbox set status = 'pending', lease_until = now() - interval '1 hour'")
    deliver(database, sandbox, query)
    assert count_writes(stand_ins, crm) == writes, "done again it changes nothing"
    assert len(list_related(stand_ins, crm, "notes")) == len(notes)


def test_a_lead_of_the_drip_that_is_no_longer_low_gets_its_agent_and_its_contact_an_owner(
    database: Database, sandbox: Settings, stand_ins: StandIns, vendors: ServedVendors, query: Query, crm: str
) -> None:
    """10 for the phone is low; with 15 for the address, which comes late, it is standard."""
    vendors.control("google", down=True)
    take_in(database, sandbox)
    deliver(database, sandbox, query)
    assert query("select method from leads.assigned_leads") == [("drip",)]
    vendors.control("google", down=False)
    fetch_late(database, sandbox)
    place(database, sandbox, uuid.uuid4())
    deliver(database, sandbox, query)
    assert query("select method from leads.assigned_leads") == [("rotation",)]
    assert read_contact(stand_ins, crm)["street"] == f"{HOUSES[0]} Oak Street"
    if crm == "followupboss":
        [owner] = [person["assignedUserId"] for person in stand_ins.followupboss.people.values()]
    else:
        [owner] = [each["properties"].get("hubspot_owner_id") for each in stand_ins.hubspot.contacts.values()]
    assert owner
    assert len(list_related(stand_ins, crm, "tasks")) == 1


def test_what_people_have_written_into_the_contact_stays(
    database: Database, sandbox: Settings, stand_ins: StandIns, vendors: ServedVendors, query: Query, crm: str
) -> None:
    vendors.control("google", down=True)
    take_in(database, sandbox, budget="$900k")
    deliver(database, sandbox, query)
    for person in stand_ins.followupboss.people.values():
        person["addresses"] = [{"street": "1 Own Road"}]
    for contact in stand_ins.hubspot.contacts.values():
        contact["properties"]["address"] = "1 Own Road"
    vendors.control("google", down=False)
    fetch_late(database, sandbox)
    deliver(database, sandbox, query)
    assert read_contact(stand_ins, crm)["street"] == "1 Own Road"


def test_a_vendor_that_knows_nothing_is_no_news(
    database: Database, sandbox: Settings, stand_ins: StandIns, vendors: ServedVendors, query: Query, crm: str
) -> None:
    for vendor in ("clearbit", "pdl"):
        vendors.control(vendor, down=True)
    take_in(database, sandbox, email="nobody@example.com", phone="", budget="$900k")
    deliver(database, sandbox, query)
    for vendor in ("clearbit", "pdl"):
        vendors.control(vendor, down=False)
    fetch_late(database, sandbox)
    deliver(database, sandbox, query)
    assert len(list_related(stand_ins, crm, "notes")) == 1
