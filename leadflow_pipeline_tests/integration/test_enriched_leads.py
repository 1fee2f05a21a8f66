"""Enrichment on a real PostgreSQL and real HTTP: the caches, vendors in trouble, and what comes late."""

import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from decimal import Decimal

import pytest

from leadflow_pipeline.adapters.clearbit import Clearbit
from leadflow_pipeline.adapters.database import Database
from leadflow_pipeline.adapters.google_geocoder import GoogleGeocoder
from leadflow_pipeline.adapters.people_data_labs import PeopleDataLabs
from leadflow_pipeline.domain.addresses import normalize_address
from leadflow_pipeline.sandbox.vendors.clearbit import find_outcome
from leadflow_pipeline.sandbox.vendors.google import find_precision
from leadflow_pipeline.settings import Settings
from leadflow_pipeline.stages.enriched_leads import EnrichedCounts, Enrichment, enrich_leads
from leadflow_pipeline.stages.late_enrichment import (
    SPIKE_SECONDS,
    LateCounts,
    enrich_late,
    forget_expired,
    is_late_work_due,
    list_waiting,
)
from leadflow_pipeline_tests.integration.test_pipeline import Query, land, run, run_step
from leadflow_pipeline_tests.integration.vendors import ServedVendors, serve_vendors

KEEP_DAYS = {"google": 30, "clearbit": 90, "pdl": 90}
HOUSES = [
    number
    for number in range(100, 400)
    if find_precision(normalize_address(f"{number} Oak Street, Austin, TX 78704")) == "ROOFTOP"
]


@pytest.fixture
def vendors(settings: Settings) -> Iterator[ServedVendors]:
    with serve_vendors(settings) as served:
        yield served


@pytest.fixture
def google(vendors: ServedVendors, quick_budgets: None) -> Iterator[Enrichment]:  # noqa: ARG001
    """Only the geocoder, with a batch's usual time."""
    with closing(Enrichment(clients={"google": geocoder(vendors)}, keep_days=KEEP_DAYS, most_seconds=5)) as opened:
        yield opened


@pytest.fixture
def people(vendors: ServedVendors, quick_budgets: None) -> Iterator[Enrichment]:  # noqa: ARG001
    """Only the providers, Clearbit first."""
    clearbit = Clearbit(key="sandbox", url=f"{vendors.url}/clearbit")
    pdl = PeopleDataLabs(key="sandbox", url=f"{vendors.url}/pdl")
    with closing(Enrichment(clients={"clearbit": clearbit, "pdl": pdl}, keep_days=KEEP_DAYS, most_seconds=5)) as opened:
        yield opened


@pytest.fixture
def quick_budgets(query: Query) -> None:
    """Breakers that try again soon, and rates that are not what a test waits for."""
    query("update vendors.budgets set calls_per_second = 500, burst = 500")
    query("update vendors.budgets set pause_seconds = 0.1, longest_pause_seconds = 0.2")


def geocoder(vendors: ServedVendors, key: str = "AIzaSandbox") -> GoogleGeocoder:
    return GoogleGeocoder(key=key, url=f"{vendors.url}/google")


def land_houses(database: Database, count: int, **fields: object) -> uuid.UUID:
    """Land so many leads with an address of their own each, and run their batch until it can be enriched."""
    visit = str(uuid.uuid4())  # or a second call's posts would be the first one's again
    for number in range(count):
        land(database, number, address=f"{HOUSES[number]} Oak Street, Austin, TX 78704", visit=visit, **fields)
    batch = uuid.uuid4()
    run(database, batch, until="normalize")
    return batch


def enrich(database: Database, batch: uuid.UUID, enrichment: Enrichment) -> EnrichedCounts:
    return enrich_leads(database, batch_id=batch, enrichment=enrichment)


def fetch_late(database: Database, enrichment: Enrichment) -> LateCounts:
    return enrich_late(database, batch_id=uuid.uuid4(), enrichment=enrichment, seconds=20, patience_seconds=0)


def fetch_until_nothing_waits(database: Database, enrichment: Enrichment) -> None:
    for _ in range(100):
        if not list_waiting(database):
            return
        fetch_late(database, enrichment)
        time.sleep(0.2)
    raise AssertionError(f"still waiting: {list_waiting(database)}")


def assign(database: Database, batch: uuid.UUID) -> None:
    run_step(database, batch, "score")
    run_step(database, batch, "assign")


def test_a_verified_address_is_kept_with_its_place_and_counts_in_the_score(
    database: Database, google: Enrichment, add_agents: Callable[[int], list[str]], query: Query
) -> None:
    add_agents(1)
    batch = land_houses(database, 1)
    counts = enrich(database, batch, google)
    assign(database, batch)
    assert (counts.leads, counts.verified_addresses, counts.waiting, counts.calls_today) == (1, 1, 0, 1)
    assert counts.cost_today == pytest.approx(0.005)
    row = query(
        """select address_verified, formatted_address, place_id like 'ChIJ%%', latitude between 30 and 31, county, zip,
                  geocoded_at is not null, waits_for from leads.enriched_leads"""
    )
    assert row == [
        (True, f"{HOUSES[0]} Oak Street, Austin, TX 78704, USA", True, True, "Austin County", "78704", True, [])
    ]
    assert query("select score, bucket from leads.scored_leads") == [(25, "standard")]


def test_a_batch_waits_two_seconds_for_a_provider_s_budget_to_refill_and_late_work_as_long_as_it_takes(
    database: Database, people: Enrichment, vendors: ServedVendors, add_agents: Callable[[int], list[str]], query: Query
) -> None:
    """In the 5 s that the batch has for vendors the budget would grant all twelve."""
    add_agents(1)
    query("update vendors.budgets set calls_per_second = 2, burst = 2 where vendor = 'clearbit'")
    for number in range(12):
        land(database, number, email=f"person{number}@company.example")
    batch = uuid.uuid4()
    run(database, batch, until="normalize")
    counts = enrich(database, batch, people)
    assert 2 <= len(vendors.calls("clearbit")) <= 8
    assert counts.waiting >= 4
    assign(database, batch)
    assert fetch_late(database, people).completed >= 4, "one or another is queued by Clearbit"


def test_the_geocoder_s_budget_is_waited_for_as_long_as_the_batch_has(
    database: Database, google: Enrichment, query: Query
) -> None:
    query("update vendors.budgets set calls_per_second = 3, burst = 2 where vendor = 'google'")
    assert enrich(database, land_houses(database, 12), google).waiting == 0


def test_an_address_is_paid_for_once_however_often_it_comes(
    database: Database, google: Enrichment, vendors: ServedVendors, query: Query
) -> None:
    for number in range(3):
        land(
            database,
            number,
            address="  101 OAK STREET, austin tx 78704" if number else "101 Oak Street, Austin, TX 78704",
        )
    batch = uuid.uuid4()
    run(database, batch, until="normalize")
    enrich(database, batch, google)
    enrich(database, batch, google)
    assert len(vendors.calls("google")) == 1
    assert query("select count(*) from leads.enriched_leads where waits_for = '[]'") == [(3,)]
    assert query("select calls, cache_hits from vendors.usage") == [(1, 1)]


def test_two_batches_at_once_do_not_pay_for_the_same_addresses_twice(
    database: Database, google: Enrichment, vendors: ServedVendors
) -> None:
    vendors.control("google", latency_ms=100)
    batches = [land_houses(database, 20), land_houses(database, 20)]
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda batch: enrich(database, batch, google), batches))
    for batch in batches:
        assign(database, batch)
    fetch_until_nothing_waits(database, google)
    assert set(vendors.answered("google", "address").values()) == {1}
    assert len(vendors.answered("google", "address")) == 20


def test_an_address_that_is_not_found_is_not_asked_for_again(
    database: Database, google: Enrichment, vendors: ServedVendors, query: Query
) -> None:
    for number in range(2):
        land(database, number, address="12 Nowhere Lane, Austin, TX 78704")
        batch = uuid.uuid4()
        run(database, batch, until="normalize")
        enrich(database, batch, google)
    assert len(vendors.calls("google")) == 1
    assert (
        query("select address_verified, place_id, geocoded_at is not null, waits_for from leads.enriched_leads")
        == [(False, None, True, [])] * 2
    )


def test_what_cannot_be_a_house_is_not_paid_for(database: Database, google: Enrichment, vendors: ServedVendors) -> None:
    for number, address in enumerate(("Austin, TX", "", "near the lake", "Oak Street, Austin, TX 78704")):
        land(database, number, address=address)
    batch = uuid.uuid4()
    run(database, batch, until="normalize")
    assert enrich(database, batch, google).waiting == 0
    assert vendors.calls("google") == []


TROUBLES = {
    "slow": {"latency_ms": 5000},
    "failing three times in ten": {"failure_rate": 0.3},
    "down": {"down": True},
    "over its limit": {"limit_per_minute": 0},
}


@pytest.mark.parametrize("trouble", TROUBLES)
def test_a_vendor_in_trouble_makes_no_lead_late_and_each_address_is_found_later_and_paid_once(
    database: Database,
    google: Enrichment,
    vendors: ServedVendors,
    add_agents: Callable[[int], list[str]],
    query: Query,
    trouble: str,
) -> None:
    """The promise is 90 s from arrival to assigned; the vendors' share of it here is 2 s."""
    add_agents(2)
    vendors.control("google", **TROUBLES[trouble])
    batch = land_houses(database, 40, budget="$750,000")
    enrich(database, batch, replace(google, most_seconds=2))
    assign(database, batch)
    assert query("select count(*), max(assigned_at - received_at) < interval '90 s' from leads.assigned_leads") == [
        (40, True)
    ]
    if trouble != "failing three times in ten":
        assert query("select count(*) from leads.enriched_leads where waits_for ->> 0 = 'google'") == [(40,)]
    vendors.control("google", latency_ms=0, failure_rate=0, down=False, limit_per_minute=100_000)
    fetch_until_nothing_waits(database, google)
    assert query("select count(*) from leads.enriched_leads where address_verified") == [(40,)]
    assert set(vendors.answered("google", "address").values()) == {1}
    assert query("select cost::float8 from vendors.usage") == [(pytest.approx(40 * 0.005),)]


def test_a_vendor_that_refuses_us_is_asked_no_more_and_a_person_is_told_once(
    database: Database,
    google: Enrichment,
    vendors: ServedVendors,
    add_agents: Callable[[int], list[str]],
    query: Query,
) -> None:
    """A key that was withdrawn: the adapter's key stands in for it."""
    add_agents(1)
    query("update vendors.budgets set longest_pause_seconds = 2")
    google.close()
    bad = GoogleGeocoder(key="AIzaWithdrawn", url=f"{vendors.url}/google")
    bad._client.key = "withdrawn"
    refused = replace(google, clients={"google": bad})
    batch = land_houses(database, 20)
    enrich(database, batch, refused)
    assign(database, batch)
    assert query("select count(*) from leads.assigned_leads") == [(20,)]
    assert len(vendors.calls("google")) <= 8, "those under way when the first refusal came"
    assert query("select count(*), min(payload->>'text') like '%%REQUEST_DENIED%%' from delivery.outbox"
                 " where kind = 'ops_alert'") == [(1, True)]  # fmt: skip
    assert not is_late_work_due(database, refused)
    time.sleep(2.1)
    assert is_late_work_due(database, google)
    fetch_until_nothing_waits(database, google)
    assert query("select count(*) from leads.enriched_leads where address_verified") == [(20,)]
    assert query("select cost::float8 from vendors.usage") == [(pytest.approx(20 * 0.005),)]
    refused.close()


def test_a_lead_of_the_drip_is_assigned_when_it_is_no_longer_low(
    database: Database,
    google: Enrichment,
    vendors: ServedVendors,
    add_agents: Callable[[int], list[str]],
    query: Query,
) -> None:
    """10 for the phone is low; with 15 for the address, which comes late, it is standard."""
    add_agents(1)
    vendors.control("google", down=True)
    batch = land_houses(database, 2)
    enrich(database, batch, google)
    assign(database, batch)
    assert query("select distinct method, bucket from leads.assigned_leads") == [("drip", "low")]
    first = query("select lead_id, assigned_at from leads.assigned_leads order by 1")
    vendors.control("google", down=False)
    fetch_until_nothing_waits(database, google)
    assert query("select count(*) from routing.waiting_leads") == [(2,)]
    run(database)  # the run that the waiting leads ask for
    assert query("select distinct method, bucket, agent_id, passed_on_at is not null from leads.assigned_leads") == [
        ("rotation", "standard", "agent-1", True)
    ]
    assert query("select lead_id, assigned_at from leads.assigned_leads order by 1") == first
    assert query("select count(*) from routing.waiting_leads") == [(0,)]
    run(database)
    assert query("select count(*) from ops.lead_events where kind = 'assigned'") == [(4,)]


def test_an_assigned_lead_stays_with_its_agent_when_more_becomes_known(
    database: Database,
    google: Enrichment,
    vendors: ServedVendors,
    add_agents: Callable[[int], list[str]],
    query: Query,
) -> None:
    add_agents(2)
    vendors.control("google", down=True)
    batch = land_houses(database, 1, budget="$900k")
    enrich(database, batch, google)
    assign(database, batch)
    before = query("select agent_id, method, assigned_at from leads.assigned_leads")
    vendors.control("google", down=False)
    fetch_until_nothing_waits(database, google)
    fetch_late(database, google)
    run(database)
    assert query("select agent_id, method, assigned_at from leads.assigned_leads") == before
    assert query("select score from leads.scored_leads") == [(50,)]
    assert query("select count(*) from delivery.outbox where kind like 'crm%%'") == [(0,)], "there is no CRM"


def test_late_answers_wait_while_a_lead_is_on_its_way(
    database: Database, google: Enrichment, vendors: ServedVendors
) -> None:
    """Its batch holds it; what comes late is added when it has found its place."""
    vendors.control("google", down=True)
    batch = land_houses(database, 1)
    enrich(database, batch, google)
    vendors.control("google", down=False)
    time.sleep(0.3)
    assert fetch_late(database, google).tried == 0
    assign(database, batch)
    assert fetch_late(database, google).completed == 1


def test_a_spike_goes_before_late_answers_and_steady_traffic_does_not(
    database: Database, google: Enrichment, vendors: ServedVendors, query: Query
) -> None:
    """Where leads come all the time one waits at almost every look; it may not keep the others' facts away."""
    vendors.control("google", down=True)
    batch = land_houses(database, 1)
    enrich(database, batch, google)
    assign(database, batch)
    time.sleep(0.3)
    assert is_late_work_due(database, google)
    land(database, 77)
    assert is_late_work_due(database, google)
    query("update landing.events set landed_at = now() - %s * interval '1 s' where status = 'pending'", SPIKE_SECONDS)
    assert not is_late_work_due(database, google)


def test_the_first_provider_that_knows_a_person_wins(
    database: Database, people: Enrichment, vendors: ServedVendors, query: Query
) -> None:
    emails = [f"someone{number}@company.example" for number in range(40)]
    emails = [email for email in emails if find_outcome(email) != "queued"][:30]
    for number, email in enumerate(emails):
        land(database, number, email=email)
    batch = uuid.uuid4()
    run(database, batch, until="normalize")
    enrich(database, batch, people)
    fetch_until_nothing_waits(database, people)
    told = query("select enriched_by, count(*), bool_and(company is not null) from leads.enriched_leads group by 1")
    assert {name for name, _, _ in told} == {"clearbit", "pdl", None}
    assert all(has_company for name, _, has_company in told if name)
    by_clearbit = query("select email from leads.enriched_leads join leads.normalized_leads using (lead_id)"
                        " where enriched_by = 'clearbit'")  # fmt: skip
    asked_pdl = set(vendors.answered("pdl", "email"))
    assert asked_pdl.isdisjoint(email for (email,) in by_clearbit)
    assert len(asked_pdl) + len(by_clearbit) == 30


def test_relay_role_and_disposable_addresses_are_sent_to_nobody(
    database: Database, people: Enrichment, vendors: ServedVendors
) -> None:
    addresses = ("lead-x7@convo.zillow.com", "info@company.example", "someone@mailinator.com", "abc@duck.com")
    for number, email in enumerate(addresses):
        land(database, number, email=email, phone="(512) 555-0142")
    batch = uuid.uuid4()
    run(database, batch, until="normalize")
    enrich(database, batch, people)
    sent = [call["query"] for vendor in ("clearbit", "pdl") for call in vendors.calls(vendor)]
    assert sent, "People Data Labs is asked by phone"
    assert not any("email" in query for query in sent)


def test_a_person_nobody_knows_is_asked_about_once_and_the_unknown_is_billed_as_documented(
    database: Database, people: Enrichment, vendors: ServedVendors, query: Query
) -> None:
    """Clearbit bills a 404, People Data Labs does not."""
    for number in range(2):
        land(database, number, email="Nobody@Company.Example", phone="")
        batch = uuid.uuid4()
        run(database, batch, until="normalize")
        enrich(database, batch, people)
    assert (len(vendors.calls("clearbit")), len(vendors.calls("pdl"))) == (1, 1)
    assert query("select vendor, cost::float8 from vendors.usage order by 1") == [
        ("clearbit", pytest.approx(0.10)), ("pdl", 0),
    ]  # fmt: skip


def test_a_queued_answer_is_fetched_later_and_billed_once(database: Database, people: Enrichment, query: Query) -> None:
    land(database, 1, email="queued@company.example", phone="")
    batch = uuid.uuid4()
    run(database, batch, until="normalize")
    assert enrich(database, batch, people).waiting == 1
    assign(database, batch)
    assert fetch_late(database, people).still_waiting == 1, "the vendor is given a minute"
    query("update vendors.answers set claimed_until = now()")
    assert fetch_late(database, people).completed == 1
    assert query("select enriched_by, job_title is not null from leads.enriched_leads") == [("clearbit", True)]
    assert query("select calls, cost::float8 from vendors.usage") == [(2, pytest.approx(0.10))]


def test_a_used_up_plan_stops_the_vendor_and_tells_a_person(
    database: Database, people: Enrichment, query: Query
) -> None:
    land(database, 1, email="quota@company.example")
    batch = uuid.uuid4()
    run(database, batch, until="normalize")
    assert enrich(database, batch, people).waiting == 1
    assert query("select open_reason from vendors.budgets where vendor = 'clearbit'") == [("refused",)]
    assert query("select count(*) from delivery.outbox where kind = 'ops_alert'") == [(1,)]


def test_the_daily_cap_is_a_hard_stop(
    database: Database, google: Enrichment, vendors: ServedVendors, query: Query
) -> None:
    query("update vendors.budgets set daily_cap = 0.02 where vendor = 'google'")
    batch = land_houses(database, 10)
    counts = enrich(database, batch, google)
    assert (counts.verified_addresses, counts.waiting) == (4, 6)
    assert len(vendors.calls("google")) == 4


def test_coordinates_are_forgotten_after_the_days_that_the_terms_allow(
    database: Database, google: Enrichment, vendors: ServedVendors, query: Query
) -> None:
    """The place's id may be kept, and that the address was found is our own finding."""
    batch = land_houses(database, 1)
    enrich(database, batch, google)
    query("update leads.enriched_leads set geocoded_at = now() - interval '31 days'")
    query("update vendors.answers set expires_at = now() - interval '1 day'")
    assert forget_expired(database, coordinates_days=30) == (1, 1)
    assert query("select latitude, county, zip, formatted_address, address_verified, place_id is null"
                 " from leads.enriched_leads") == [(None, None, None, None, True, False)]  # fmt: skip
    assert query("select count(*) from vendors.answers") == [(0,)]
    second = land_houses(database, 1)
    enrich(database, second, google)
    assert len(vendors.calls("google")) == 2


def test_a_batch_that_was_taken_over_writes_nothing(database: Database, google: Enrichment, query: Query) -> None:
    batch = land_houses(database, 1)
    query("update leads.staged_leads set batch_id = gen_random_uuid()")
    assert enrich(database, batch, google).leads == 0
    assert query("select count(*) from leads.enriched_leads") == [(0,)]


def test_without_vendors_leads_go_on_and_wait_for_nobody(database: Database, query: Query) -> None:
    batch = land_houses(database, 1)
    none = Enrichment(clients={}, keep_days=KEEP_DAYS)
    assert enrich(database, batch, none).waiting == 0
    assert query("select address_verified, waits_for from leads.enriched_leads") == [(False, [])]


def test_who_waits_for_a_provider_that_is_no_longer_configured_waits_no_longer(
    database: Database, people: Enrichment, vendors: ServedVendors, query: Query
) -> None:
    """The next one in the order is asked instead; without any, the lead is done."""
    vendors.control("clearbit", down=True)
    land(database, email="rosa@example.com", phone="")
    batch = uuid.uuid4()
    run(database, batch, until="normalize")
    enrich(database, batch, people)
    assign(database, batch)
    assert query("select waits_for from leads.enriched_leads") == [(["clearbit"],)]
    without = replace(people, clients={"pdl": people.clients["pdl"]})
    assert is_late_work_due(database, without)
    fetch_late(database, without)
    assert query("select waits_for from leads.enriched_leads") == [([],)]
    assert len(vendors.calls("pdl")) == 1
    query("update leads.enriched_leads set waits_for = '[\"clearbit\"]'")
    nobody = replace(people, clients={})
    fetch_late(database, nobody)
    assert not list_waiting(database)
    assert not is_late_work_due(database, nobody)


def test_the_record_says_who_answered_and_what_it_cost_and_nothing_about_the_person(
    database: Database, people: Enrichment, query: Query
) -> None:
    land(database, 1, email="rosa@example.com")
    land(database, 2, email="rosa@example.com")
    land(database, 3, email="nobody@example.com", phone="")
    batch = uuid.uuid4()
    run(database, batch, until="normalize")
    enrich(database, batch, people)
    enrich(database, batch, people)
    assert query("select lead_id, detail from ops.lead_events where kind = 'enriched' order by lead_id") == [
        (1, {"clearbit": "found", "cost_dollars": 0.1}),
        (2, {"clearbit": "found", "cost_dollars": 0}),
        (3, {"clearbit": "none", "pdl": "none", "cost_dollars": 0.1}),
    ]
    assert query("select sum(cost) from vendors.usage") == query("select sum(cost) from vendors.lead_costs")
    assert query("select source, vendor, answers, dollars from analytics.vendor_costs") == [
        ("website", "clearbit", 2, pytest.approx(Decimal("0.2")))
    ]


def test_what_was_paid_while_no_lead_waited_for_it_is_borne_by_the_lead_that_gets_it(
    database: Database, google: Enrichment, vendors: ServedVendors, query: Query
) -> None:
    """The batch's time is over before Google answers; the answer is kept, and the lead has it later from the cache."""
    vendors.control("google", latency_ms=800)
    batch = land_houses(database, 1)
    enrich(database, batch, replace(google, most_seconds=0.2))
    assign(database, batch)
    assert query("select detail from ops.lead_events where kind = 'enriched'") == [
        ({"google": "awaited", "cost_dollars": 0},)
    ]
    time.sleep(1.5)
    fetch_late(database, google)
    assert len(vendors.calls("google")) == 1
    assert query("select vendor, cost from vendors.lead_costs") == [("google", Decimal("0.005"))]
    assert query("select detail from ops.lead_events where kind = 'enriched' order by lead_event_id desc limit 1") == [
        ({"google": "verified", "cost_dollars": 0.005},)
    ]
