"""Routing on a real PostgreSQL: agents from a file, turns over processes, caps, waiting, and the record of why."""

import csv
import io
import multiprocessing
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import pytest

from leadflow_pipeline.adapters.database import Database
from leadflow_pipeline.domain.errors import PermanentError
from leadflow_pipeline.stages.agents import (
    AgentFileError,
    export_agents,
    import_agents,
    pause_agent,
    read_agents,
    resume_agent,
)
from leadflow_pipeline.stages.batches import BatchLimits, ask_for_batches
from leadflow_pipeline.stages.checks import list_unfair
from leadflow_pipeline_tests.integration.test_pipeline import land, run, work_until_nothing_is_left

Query = Callable[..., list[tuple[Any, ...]]]
AddAgents = Callable[[int], list[str]]
LIMITS = BatchLimits(batch_size=500, max_batches=2, lease_seconds=45)
FULL = (
    "agent_id,name,email,phone,active,slack_id,followupboss_id,hubspot_id,weight,territories,price_low,price_high,"
    "lead_types,languages,listings,time_zone,working_hours,time_off,cap_open,cap_per_day\r\n"
    'ana,Ana Torres,ana@example.org,\'+15125550190,true,U0ANA12,12,345,3,"787*; 78704; Austin, TX; Travis County",'
    "250000,900000,buyer; seller,en; es,MLS-1; MLS-2,America/Chicago,Mon-Fri 09:00-17:00; Sat 10:00-14:00,"
    "2026-12-24..2026-12-26,20,5\r\n"
    "bo,Bo Lee,,,false,,,,1,,,,,,,UTC,,,,\r\n"
)


def test_all_columns_come_back_as_they_went_in(database: Database) -> None:
    import_agents(database, read_agents(FULL, region="US"))
    exported = export_agents(database)
    assert list(csv.reader(io.StringIO(exported))) == list(csv.reader(io.StringIO(FULL)))
    import_agents(database, read_agents(exported, region="US"))
    assert export_agents(database) == exported


def test_columns_that_a_file_does_not_have_stay_as_they_are(database: Database, query: Query) -> None:
    import_agents(database, read_agents(FULL, region="US"))
    import_agents(database, read_agents("agent_id,name,weight\nana,Ana T.,2\n", region="US"))
    assert query(
        "select name, weight, slack_id, cap_open, territories[1] from routing.agents where agent_id = 'ana'"
    ) == [("Ana T.", 2, "U0ANA12", 20, "787*")]
    import_agents(database, read_agents("agent_id,name,territories,slack_id\nana,Ana T.,,\n", region="US"))
    assert query("select territories, slack_id from routing.agents where agent_id = 'ana'") == [([], None)]


def test_somebody_else_s_slack_id_is_refused_and_nothing_changes(database: Database, query: Query) -> None:
    import_agents(database, read_agents(FULL, region="US"))
    with pytest.raises(AgentFileError, match="row 3, slack_id: belongs to agent ana already"):
        import_agents(database, read_agents("agent_id,name,slack_id\ndee,Dee,U0DEE12\ncy,Cy,U0ANA12\n", region="US"))
    assert query("select count(*) from routing.agents") == [(2,)]


def test_a_paused_agent_gets_nothing_until_resumed(database: Database, add_agents: AddAgents, query: Query) -> None:
    add_agents(2)
    pause_agent(database, "agent-1", reason="on the road")
    land(database, 1, message="investor")
    run(database)
    resume_agent(database, "agent-1")
    land(database, 2, message="investor")
    run(database)
    assert query("select agent_id from leads.assigned_leads order by lead_id") == [("agent-2",), ("agent-1",)]
    with pytest.raises(PermanentError, match="There is no agent nobody"):
        pause_agent(database, "nobody")


def test_a_lead_that_waits_because_all_are_paused_is_given_out_when_one_is_resumed_and_an_alert_is_queued(
    database: Database, add_agents: AddAgents, query: Query
) -> None:
    add_agents(1)
    pause_agent(database, "agent-1")
    land(database, message="investor")
    run(database)
    assert query("select reason from routing.waiting_leads") == [("every active agent is paused, away or at a cap",)]
    [(alert,)] = query("select payload ->> 'text' from delivery.outbox where kind = 'ops_alert'")
    assert alert.startswith("1 lead waits for an agent")
    assert ask_for_batches(database, LIMITS) == 0
    resume_agent(database, "agent-1")
    assert ask_for_batches(database, LIMITS) == 1
    run(database)
    assert query("select agent_id from leads.assigned_leads") == [("agent-1",)]


def test_caps_hold_over_batches_and_whoever_is_full_is_passed_over(
    database: Database, add_agents: AddAgents, query: Query
) -> None:
    add_agents(2)
    query("update routing.agents set cap_per_day = 3 where agent_id = 'agent-1'")
    for number in range(10):
        land(database, number, message="investor")
    while run(database, batch_size=3):
        pass
    assert query("select agent_id, count(*) from leads.assigned_leads group by 1 order by 1") == [
        ("agent-1", 3),
        ("agent-2", 7),
    ]


def test_four_runs_at_once_give_weights_their_share_within_one(
    database: Database, database_url: str, add_agents: AddAgents, query: Query
) -> None:
    add_agents(4)
    query("update routing.agents set weight = 3 where agent_id = 'agent-2'")
    for number in range(600):
        land(database, number, message="investor")
    with ProcessPoolExecutor(4, mp_context=multiprocessing.get_context("spawn")) as pool:
        assert sum(pool.map(work_until_nothing_is_left, [database_url] * 4)) == 600
    counts = dict(query("select agent_id, count(*) from leads.assigned_leads group by 1"))
    for agent_id, count in counts.items():
        assert abs(count - 600 * (3 if agent_id == "agent-2" else 1) / 6) < 1, counts
    assert query("select turns from routing.rotation_state") == [(600,)]


def test_why_somebody_got_a_lead_is_on_record(database: Database, query: Query) -> None:
    text = "agent_id,name,territories\nana,Ana,78704\nbo,Bo,Dallas\n"
    import_agents(database, read_agents(text, region="US"))
    land(database, message="investor", address="1208 Alder Creek Dr, Austin, TX 78704")
    run(database)
    [(detail,)] = query("select detail from ops.lead_events where kind = 'assigned'")
    assert detail["agent_id"] == "ana"
    assert detail["out"] == {"territory": {"elsewhere": ["bo"]}}
    assert detail["left"] == ["ana"]


def test_a_row_that_a_person_has_spoilt_stops_nobody_else(
    database: Database, add_agents: AddAgents, query: Query
) -> None:
    add_agents(2)
    query("update routing.agents set working_hours = 'when I like', time_zone = 'Mars' where agent_id = 'agent-1'")
    land(database, message="investor")
    run(database)
    assert query("select agent_id from leads.assigned_leads") == [("agent-2",)]


def test_the_check_of_fair_turns_judges_by_the_record(database: Database, query: Query) -> None:
    rows = [
        {"row_number": at, "agent_id": f"agent-{at}", "name": f"Agent {at}", "active": True, "weight": at}
        for at in (1, 2, 3)
    ]
    import_agents(database, rows)
    for number in range(20):
        land(database, number, message="investor")
    run(database)
    assert query("select count(*) from ops.lead_events where kind = 'assigned'") == [(20,)]
    assert list_unfair(database) == []
    query(
        """update ops.lead_events set detail = detail || '{"agent_id": "agent-1"}'
           where kind = 'assigned' and detail ->> 'agent_id' = 'agent-3'"""
    )
    assert {found.agent_id for found in list_unfair(database)} >= {"agent-1", "agent-3"}
