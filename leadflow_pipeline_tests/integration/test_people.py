"""People and inquiries on a real PostgreSQL: one lead with all its sources, and everybody's own agent."""

import json
import multiprocessing
import uuid
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from typing import Any

from leadflow_pipeline.adapters.database import Database
from leadflow_pipeline.domain.lead_effects import Channels
from leadflow_pipeline.stages.assigned_leads import assign_leads
from leadflow_pipeline.stages.checks import count_unplaced_leads
from leadflow_pipeline.stages.status import explain_lead
from leadflow_pipeline_tests.integration.test_pipeline import (
    end_leases,
    land,
    land_raw,
    run,
    run_step,
    work_until_nothing_is_left,
)

Query = Callable[..., list[tuple[Any, ...]]]
AddAgents = Callable[[int], list[str]]
MARIA = {"name": "Maria O'Neil", "email": "maria@example.com", "message": "investor"}


def test_the_same_inquiry_by_two_ways_is_one_lead_with_both_sources(
    database: Database, add_agents: AddAgents, query: Query
) -> None:
    add_agents(3)
    first = land(database, **MARIA, address="1208 Alder Creek Dr, Austin, TX 78704")
    run(database)
    second = land(database, **{**MARIA, "email": "MARIA@example.com", "message": "Investor. Forwarded by the CRM."})
    run(database)
    assert query("select lead_id, event_id, agent_id from leads.assigned_leads") == [(1, first, "agent-1")]
    assert query("select event_id, is_first from leads.lead_sources where lead_id = 1 order by 1") == [
        (first, True),
        (second, False),
    ]
    assert query("select status, lease_until from landing.events where event_id = %s", second) == [("staged", None)]
    assert query("select turns from routing.rotation_state") == [(1,)]
    assert count_unplaced_leads(database) == 0
    told = explain_lead(database, 2)
    assert told is not None
    assert told.lead["merged_into"] == 1
    assert [event["kind"] for event in told.history] == ["staged", "scored", "merged"]
    assert query("select count(*) from analytics.scored_leads") == [(1,)]


def test_a_later_inquiry_goes_to_the_person_s_agent_who_is_told_and_uses_no_turn(
    database: Database, add_agents: AddAgents, query: Query
) -> None:
    add_agents(3)
    query("update routing.agents set slack_id = 'U' || upper(replace(agent_id, '-', ''))")
    land(database, **MARIA)
    run(database)
    query("update leads.inquiries set received_at = now() - interval '1 day'")
    land(database, 2, **{**MARIA, "message": "We are an investor couple and want to sell another one."})
    batch = uuid.uuid4()
    run(database, batch, until="score")
    assign_leads(database, batch_id=batch, channels=Channels(slack=True))
    assert query("select agent_id, method from leads.assigned_leads order by lead_id") == [
        ("agent-1", "rotation"),
        ("agent-1", "owner"),
    ]
    assert query("select turns from routing.rotation_state") == [(1,)]
    assert query("select idempotency_key from delivery.outbox where agent_id is not null") == [
        ("slack_message:2:0:agent-1",)
    ]


def test_a_person_whose_agent_has_left_goes_to_the_rotation(
    database: Database, add_agents: AddAgents, query: Query
) -> None:
    add_agents(2)
    land(database, **MARIA)
    run(database)
    query("update leads.inquiries set received_at = now() - interval '1 day'")
    query("update routing.agents set active = false where agent_id = 'agent-1'")
    land(database, 2, **{**MARIA, "message": "an investor again"})
    run(database)
    assert query("select agent_id, method from leads.assigned_leads order by lead_id") == [
        ("agent-1", "rotation"),
        ("agent-2", "rotation"),
    ]


def test_different_people_behind_one_number_stay_different(
    database: Database, add_agents: AddAgents, query: Query
) -> None:
    """The office's number, a couple's number: each name is a lead of its own."""
    add_agents(2)
    for number, name in enumerate(("Ana Torres", "Bob Stone", "Liam Chen"), start=1):
        land(database, number, name=name, message="investor")
    run(database)
    assert query("select count(*), count(distinct contact_id) from leads.inquiries") == [(3, 3)]
    assert query("select count(*) from leads.assigned_leads") == [(3,)]


def test_a_number_that_everybody_gives_recognises_nobody_and_costs_little(
    database: Database, add_agents: AddAgents, query: Query
) -> None:
    add_agents(2)
    for number in range(120):
        land(database, number, name=f"Person {number}", email="", message="investor")
    run(database, batch_size=60)
    run(database, batch_size=60)
    assert query("select count(*) from leads.assigned_leads") == [(120,)]
    land_raw(database, json.dumps({"phone": "(512) 555-0142", "message": "investor"}).encode())
    run(database)
    assert query("select count(*) from leads.inquiries where merged_into is not null") == [(0,)]


def test_an_agent_s_own_address_recognises_nobody(database: Database, add_agents: AddAgents, query: Query) -> None:
    """A CRM's copy can carry the agent's address instead of the person's."""
    add_agents(2)
    query("update routing.agents set email = 'desk@example.com' where agent_id = 'agent-1'")
    for number in (1, 2):
        land(database, number, name="Ana Roe", email="desk@example.com", phone="", message=f"investor {number}")
    run(database)
    assert query("select count(*) from leads.assigned_leads") == [(2,)]
    assert query("select count(*) from leads.contacts") == [(0,)]


def test_a_low_copy_does_not_take_a_better_one_into_the_drip(
    database: Database, add_agents: AddAgents, query: Query
) -> None:
    add_agents(1)
    land(database, **{**MARIA, "message": "hello"})
    run(database)
    land(database, **MARIA, budget="$800k")
    run(database)
    assert query("select bucket, method from leads.assigned_leads order by lead_id") == [
        ("low", "drip"),
        ("hot", "rotation"),
    ]


def test_two_runs_with_the_same_person_at_once_make_one_lead(
    database: Database, database_url: str, add_agents: AddAgents, query: Query
) -> None:
    """Sixty people, each by five ways, worked on by four processes."""
    add_agents(7)
    for copy in range(5):
        for number in range(60):
            land(database, number, name=f"Person {number}", message=f"investor, copy {copy}")
    with ProcessPoolExecutor(4, mp_context=multiprocessing.get_context("spawn")) as pool:
        assert sum(pool.map(work_until_nothing_is_left, [database_url] * 4)) == 300
    assert query("select count(*), count(distinct lead_id) from leads.assigned_leads") == [(60, 60)]
    assert query("select count(*) from leads.inquiries where merged_into is not null") == [(240,)]
    assert query("select min(n), max(n) from (select count(*) as n from leads.lead_sources group by lead_id)") == [
        (5, 5)
    ]
    counts = [row[0] for row in query("select count(*) from leads.assigned_leads group by agent_id")]
    assert max(counts) - min(counts) <= 1


def test_recognising_the_same_batch_twice_changes_nothing(
    database: Database, add_agents: AddAgents, query: Query
) -> None:
    add_agents(2)
    land(database, **MARIA)
    land(database, **{**MARIA, "message": "investor, again"})
    batch = uuid.uuid4()
    run(database, batch)
    before = query("select * from leads.inquiries order by 1")
    run_step(database, batch, "assign")
    end_leases(query)
    run_step(database, batch, "assign")
    assert query("select * from leads.inquiries order by 1") == before
    assert query("select count(*) from leads.assigned_leads") == [(1,)]
