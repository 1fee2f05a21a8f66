"""The first-touch timer on a real PostgreSQL: a reminder, another agent, and a pause for who never calls."""

from collections.abc import Callable
from typing import Any

import pytest

from leadflow_pipeline.adapters.database import Database
from leadflow_pipeline.domain.lead_effects import Channels
from leadflow_pipeline.stages.first_touches import TouchCounts, has_due_touches, touch_lead, watch_first_touches
from leadflow_pipeline_tests.integration.test_pipeline import land, run

Query = Callable[..., list[tuple[Any, ...]]]


@pytest.fixture
def given_lead(database: Database, add_agents: Callable[[int], list[str]]) -> None:
    add_agents(3)
    land(database, message="investor")
    run(database)


def let_time_pass(query: Query) -> None:
    query("update routing.first_touches set due_at = now() - interval '1 second'")


def turn(database: Database) -> TouchCounts:
    return watch_first_touches(database, minutes=15, channels=Channels(crm=True))


@pytest.mark.usefixtures("given_lead")
def test_it_is_off_unless_minutes_are_set(database: Database, query: Query) -> None:
    assert watch_first_touches(database, minutes=0) == TouchCounts(started=0, reminded=0, reassigned=0, given_up=0)
    assert query("select count(*) from routing.first_touches") == [(0,)]


@pytest.mark.usefixtures("given_lead")
def test_without_a_touch_the_agent_is_reminded_and_then_another_is_given_the_lead(
    database: Database, query: Query
) -> None:
    assert turn(database).started == 1
    assert not has_due_touches(database)
    let_time_pass(query)
    assert has_due_touches(database)
    assert turn(database).reminded == 1
    assert query("select agent_id from leads.assigned_leads") == [("agent-1",)]
    let_time_pass(query)
    assert turn(database).reassigned == 1
    assert query("select agent_id, method from leads.assigned_leads") == [("agent-2", "rotation")]
    assert query("select kind, agent_id from delivery.outbox order by outbox_id") == [
        ("slack_message", "agent-1"),
        ("crm_contact", "agent-2"),
        ("crm_owner", "agent-2"),
        ("crm_note", "agent-2"),
        ("crm_task", "agent-2"),
    ]
    assert [row[0] for row in query("select kind from ops.lead_events order by lead_event_id")][-2:] == [
        "reminded",
        "reassigned",
    ]


@pytest.mark.usefixtures("given_lead")
def test_a_touch_stops_the_timer(database: Database, query: Query) -> None:
    turn(database)
    assert not touch_lead(database, lead_id=1, agent_id="agent-2", source="command"), "it is agent-1's"
    assert touch_lead(database, lead_id=1, agent_id="agent-1", source="command")
    assert touch_lead(database, lead_id=1, agent_id="agent-1", source="command"), "twice is harmless"
    let_time_pass(query)
    assert turn(database) == TouchCounts(started=0, reminded=0, reassigned=0, given_up=0)
    assert query("select status from routing.first_touches") == [("touched",)]


@pytest.mark.usefixtures("given_lead")
def test_when_three_have_not_called_people_are_told_and_the_lead_stays(database: Database, query: Query) -> None:
    turn(database)
    given = []
    for _ in range(6):
        let_time_pass(query)
        turn(database)
        given += [row[0] for row in query("select agent_id from leads.assigned_leads")]
    assert given == ["agent-1", "agent-2", "agent-2", "agent-3", "agent-3", "agent-3"]
    assert query("select status from routing.first_touches") == [("given_up",)]
    assert query("select idempotency_key from delivery.outbox where kind = 'ops_alert'") == [("ops_alert:untouched:1",)]


def test_who_misses_three_is_paused_and_people_are_told(
    database: Database, add_agents: Callable[[int], list[str]], query: Query
) -> None:
    add_agents(2)
    query("update routing.agents set paused = true where agent_id = 'agent-2'")
    for number in range(3):
        land(database, number, message="investor")
    run(database)
    query("update routing.agents set paused = false where agent_id = 'agent-2'")
    turn(database)
    for _ in range(2):
        let_time_pass(query)
        turn(database)
    assert query("select agent_id, paused, pause_reason from routing.agents order by 1") == [
        ("agent-1", True, "missed 3 first calls within 7 days"),
        ("agent-2", False, None),
    ]
    assert query("select count(*) from leads.assigned_leads where agent_id = 'agent-2'") == [(3,)]
    assert query("select payload ->> 'text' from delivery.outbox where kind = 'ops_alert'")[0][0].startswith(
        "Agent agent-1 is paused"
    )
