"""The stages on a real PostgreSQL: the whole way of a lead, done twice, interrupted anywhere, by two runs at once."""

import json
import multiprocessing
import uuid
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest

from leadflow_pipeline.adapters.database import Database
from leadflow_pipeline.adapters.rule_files import load_rules
from leadflow_pipeline.domain.webhook_sources.payloads import NO_CONTACT
from leadflow_pipeline.stages.agents import import_agents
from leadflow_pipeline.stages.assigned_leads import assign_leads
from leadflow_pipeline.stages.batches import BatchLimits, ask_for_batches
from leadflow_pipeline.stages.checks import count_unplaced_leads, list_quarantined
from leadflow_pipeline.stages.normalized_leads import normalize_leads
from leadflow_pipeline.stages.posts import ArrivedPost, PostIdentity, land_posts
from leadflow_pipeline.stages.scored_leads import score_leads
from leadflow_pipeline.stages.staged_leads import MAX_ATTEMPTS, stage_leads

LIMITS = BatchLimits(batch_size=500, max_batches=2, lease_seconds=45)
RULES = load_rules(None)
STEPS = ("stage", "normalize", "score", "assign")

Query = Callable[..., list[tuple[Any, ...]]]


def land(database: Database, number: int = 1, **fields: object) -> int:
    """Land a form of person `number`; gives the event's id."""
    form = {"name": f"Person {number}", "email": f"person{number}@example.com", "phone": "(512) 555-0142", **fields}
    return land_raw(database, json.dumps(form).encode())


def land_raw(database: Database, raw: bytes) -> int:
    post = ArrivedPost(
        source="website",
        raw=raw,
        content_type="application/json",
        identity=PostIdentity(),
        headers={},
        received_at=datetime.now(UTC),
    )
    return land_posts(database, [post])[0].event_id


def run(database: Database, batch_id: uuid.UUID | None = None, *, until: str = "assign", batch_size: int = 500) -> int:
    """Run a batch up to a step; gives the number of events claimed."""
    batch_id = batch_id or uuid.uuid4()
    limits = BatchLimits(batch_size=batch_size, max_batches=2, lease_seconds=45)
    claimed = stage_leads(database, batch_id=batch_id, rules=RULES, limits=limits).claimed
    for step in STEPS[1 : STEPS.index(until) + 1]:
        run_step(database, batch_id, step)
    return claimed


def run_step(database: Database, batch_id: uuid.UUID, step: str) -> None:
    if step == "stage":
        stage_leads(database, batch_id=batch_id, rules=RULES, limits=LIMITS)
    elif step == "normalize":
        normalize_leads(database, batch_id=batch_id, region="US")
    elif step == "score":
        score_leads(database, batch_id=batch_id)
    else:
        assign_leads(database, batch_id=batch_id)


def work_until_nothing_is_left(url: str) -> int:
    """One worker process: small batches until it can claim nothing any more."""
    total = 0
    with Database(url, pool_size=2) as database:
        while claimed := run(database, batch_size=50):
            total += claimed
    return total


def end_leases(query: Query) -> None:
    query("update landing.events set lease_until = now() - interval '1 second' where lease_until is not null")


def test_a_post_travels_to_an_agent_with_its_facts_and_its_score(
    database: Database, add_agents: Callable[[int], list[str]], query: Query
) -> None:
    add_agents(2)
    event_id = land(
        database,
        name="MARIA O'NEIL-SMITH",
        message="We are Pre Approved.",
        budget="$1.2M",
        favourite_colour="green",
    )
    run(database)
    assert query(
        """select s.full_name, s.phone_e164, s.budget, st.extra->>'favourite_colour', sc.score, sc.bucket,
                  a.agent_id, a.method, a.event_id
           from leads.normalized_leads s join leads.staged_leads st using (lead_id)
           join leads.scored_leads sc using (lead_id) join leads.assigned_leads a using (lead_id)"""
    ) == [("Maria O'Neil-Smith", "+15125550142", 1_200_000, "green", 85, "hot", "agent-1", "rotation", event_id)]
    assert query("select score, bucket, source, channel, agent_name from analytics.scored_leads") == [
        (85, "hot", "website", "webhook", "Agent 1")
    ]


@pytest.mark.parametrize(
    ("fields", "score", "bucket"),
    [
        ({"phone": ""}, 0, "low"),
        ({"phone": "9999999999"}, 0, "low"),
        ({}, 10, "low"),
        ({"budget": "500000"}, 10, "low"),
        ({"phone": "", "budget": "500,001"}, 25, "standard"),
        ({"budget": "$500,001"}, 35, "standard"),
        ({"phone": "", "message": "cash buyer and investor, pre-approved"}, 50, "standard"),
        ({"message": "I am an INVESTOR"}, 60, "standard"),
        ({"phone": "", "message": "investor", "budget": "1m"}, 75, "standard"),
        ({"message": "cash buyer", "budget": "$750k"}, 85, "hot"),
        ({"message": "we are investors-in-waiting"}, 10, "low"),
        ({"message": "cash buyer", "budget": "$500,001"}, 85, "hot"),
        ({"message": "cash buyer", "budget": "$500,000"}, 60, "standard"),
        ({"message": "we are not pre-approved yet"}, 10, "low"),
        ({"message": "no cash buyer"}, 10, "low"),
        ({"message": "We are not investors."}, 10, "low"),
        ({"message": "I'm not just browsing, we are pre-approved"}, 60, "standard"),
        ({"message": "Estoy preaprobada"}, 60, "standard"),
    ],
)
def test_the_formula_gives_each_lead_its_score_and_bucket(
    database: Database, query: Query, fields: Mapping[str, str], score: int, bucket: str
) -> None:
    land(database, **fields)
    run(database)
    assert query("select score, bucket from leads.scored_leads") == [(score, bucket)]


@pytest.mark.parametrize(
    ("fields", "score", "bucket"),
    [
        ({"phone": ""}, 15, "low"),
        ({}, 25, "standard"),
        ({"phone": "", "message": "investor"}, 65, "standard"),
        ({"message": "investor"}, 75, "standard"),
        ({"phone": "", "message": "investor", "budget": "$500,001"}, 90, "hot"),
        ({"message": "investor", "budget": "$500,001"}, 100, "hot"),
    ],
)
def test_a_verified_address_is_worth_15_points_and_75_is_still_standard(
    database: Database, query: Query, fields: Mapping[str, str], score: int, bucket: str
) -> None:
    land(database, **fields)
    batch = uuid.uuid4()
    run(database, batch, until="normalize")
    query("insert into leads.enriched_leads (lead_id, batch_id, address_verified) select lead_id, batch_id, true "
          "from leads.staged_leads")  # fmt: skip
    run_step(database, batch, "score")
    assert query("select score, bucket from leads.scored_leads") == [(score, bucket)]


def test_an_assigned_lead_keeps_the_score_it_was_assigned_by(database: Database, query: Query) -> None:
    """An old run that is done again from the start would else score leads anew by today's weights."""
    land(database)
    batch = uuid.uuid4()
    run(database, batch)
    query("update leads.scored_leads set score = 12")
    run_step(database, batch, "score")
    assert query("select score from leads.scored_leads") == [(12,)]


def test_a_score_names_its_rules_and_their_evidence(database: Database, query: Query) -> None:
    land(database, message="Cash buyer here", budget="$600k")
    run(database)
    [(contributions,)] = query("select contributions from leads.scored_leads")
    assert contributions[:3] == [
        {"rule": "ready_keywords", "signal": "ready_keywords", "points": 50, "evidence": "cash buyer"},
        {"rule": "high_budget", "signal": "budget", "points": 25, "evidence": "$600,000"},
        {"rule": "has_phone", "signal": "has_phone", "points": 10, "evidence": "valid number"},
    ]
    assert all(watched["points"] == 0 for watched in contributions[3:])


def test_a_low_lead_goes_to_the_drip_without_an_agent(
    database: Database, add_agents: Callable[[int], list[str]], query: Query
) -> None:
    add_agents(1)
    land(database)
    run(database)
    assert query("select method, agent_id, bucket from leads.assigned_leads") == [("drip", None, "low")]


def test_every_step_done_twice_changes_nothing(
    database: Database, add_agents: Callable[[int], list[str]], query: Query
) -> None:
    add_agents(3)
    for number in range(5):
        land(database, number, message="investor")
    batch = uuid.uuid4()
    run(database, batch)
    before = query("select lead_id, agent_id, assigned_at from leads.assigned_leads order by 1")
    for step in STEPS:
        run_step(database, batch, step)
        run_step(database, batch, step)
    assert query("select lead_id, agent_id, assigned_at from leads.assigned_leads order by 1") == before
    assert query("select count(*) from leads.staged_leads") == [(5,)]


@pytest.mark.parametrize("died_after", ["claim", "stage", "normalize", "score"])
def test_leads_of_a_dead_worker_are_assigned_by_a_later_run_and_none_twice(
    database: Database, add_agents: Callable[[int], list[str]], query: Query, died_after: str
) -> None:
    """A worker killed between two steps leaves its lease behind; when it has run out, anybody takes over."""
    add_agents(3)
    for number in range(10):
        land(database, number, message="investor")
    if died_after == "claim":
        with database.transaction() as transaction:
            transaction.rows("claim_batch", batch_id=uuid.uuid4(), batch_size=500, lease_seconds=45)
    else:
        run(database, until=died_after)
    assert run(database) == 0, "the lease still holds"
    end_leases(query)
    assert ask_for_batches(database, LIMITS) == 1
    assert run(database) == 10
    assert query("select count(*), count(distinct lead_id), count(distinct event_id) from leads.assigned_leads") == [
        (10, 10, 10)
    ]
    assert query("select count(*) from landing.events where lease_until is not null") == [(0,)]
    assert count_unplaced_leads(database) == 0


@pytest.mark.parametrize("step", STEPS[1:])
def test_a_worker_that_lost_its_lease_writes_nothing(
    database: Database, add_agents: Callable[[int], list[str]], query: Query, step: str
) -> None:
    """A frozen worker that thaws after another has taken over must not touch the leads again."""
    add_agents(2)
    land(database, message="investor")
    frozen, later = uuid.uuid4(), uuid.uuid4()
    run(database, frozen, until=STEPS[STEPS.index(step) - 1])
    end_leases(query)
    run(database, later)
    run_step(database, frozen, step)
    for table in ("staged_leads", "normalized_leads", "scored_leads", "assigned_leads"):
        assert query(f"select batch_id from leads.{table}") == [(later,)], table


def test_a_run_that_is_done_again_takes_up_its_own_batch_at_once(
    database: Database, add_agents: Callable[[int], list[str]], query: Query
) -> None:
    """A re-execution keeps the batch id of its first run, so it need not wait for the lease."""
    add_agents(1)
    land(database, message="investor")
    batch = uuid.uuid4()
    run(database, batch, until="normalize")
    run(database, batch)
    assert query("select count(*) from leads.assigned_leads") == [(1,)]


def test_two_runs_at_once_over_1000_leads_give_seven_agents_the_same_within_one(
    database: Database, database_url: str, add_agents: Callable[[int], list[str]], query: Query
) -> None:
    """The naive read, compute, write gives one agent several leads for one turn."""
    add_agents(7)
    for number in range(1000):
        land(database, number, message="investor")
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
        claimed = list(pool.map(work_until_nothing_is_left, [database_url] * 2))
    assert sum(claimed) == 1000
    assert all(claimed), "both worked"
    counts = [row[0] for row in query("select count(*) from leads.assigned_leads group by agent_id")]
    assert len(counts) == 7
    assert sum(counts) == 1000
    assert max(counts) - min(counts) <= 1
    assert query("select turns from routing.rotation_state") == [(1000,)]


def test_a_lead_waits_while_no_agent_is_active_and_is_assigned_as_soon_as_one_is(
    database: Database, query: Query
) -> None:
    land(database, message="investor")
    run(database)
    assert query("select reason from routing.waiting_leads") == [("no agent is active",)]
    assert ask_for_batches(database, LIMITS) == 0
    assert count_unplaced_leads(database) == 0
    import_agents(database, [{"row_number": 1, "agent_id": "ana", "name": "Ana", "active": True}])
    assert ask_for_batches(database, LIMITS) == 1
    run(database)
    assert query("select agent_id, method from leads.assigned_leads") == [("ana", "rotation")]
    assert query("select count(*) from routing.waiting_leads") == [(0,)]
    assert ask_for_batches(database, LIMITS) == 0


def test_an_inactive_agent_gets_nothing(database: Database, query: Query) -> None:
    import_agents(
        database,
        [
            {"row_number": 1, "agent_id": "ana", "name": "Ana", "active": False},
            {"row_number": 2, "agent_id": "bo", "name": "Bo", "active": True},
        ],
    )
    for number in range(3):
        land(database, number, message="investor")
    run(database)
    assert query("select distinct agent_id from leads.assigned_leads") == [("bo",)]


def test_one_bad_event_is_quarantined_and_the_rest_of_the_batch_goes_on(
    database: Database, add_agents: Callable[[int], list[str]], query: Query
) -> None:
    add_agents(1)
    land(database, 1, message="investor")
    land_raw(database, b"{}")
    land(database, 2, message="investor")
    batch = uuid.uuid4()
    run(database, batch)
    assert query("select count(*) from leads.assigned_leads") == [(2,)]
    assert query("select status, reason from landing.events where status <> 'staged'") == [("quarantined", NO_CONTACT)]
    assert [(group.source, group.events) for group in list_quarantined(database, batch_id=batch)] == [("website", 1)]


def test_an_event_that_takes_its_worker_down_every_time_ends_in_quarantine(database: Database, query: Query) -> None:
    """A mail that kills the process must not be claimed for ever."""
    land(database)
    for _ in range(MAX_ATTEMPTS):
        with database.transaction() as transaction:
            transaction.rows("claim_batch", batch_id=uuid.uuid4(), batch_size=1, lease_seconds=45)
        end_leases(query)
    run(database)
    [(status, reason)] = query("select status, reason from landing.events")
    assert status == "quarantined"
    assert "given up after 5 tries" in reason


def test_hostile_text_travels_as_plain_text(
    database: Database, add_agents: Callable[[int], list[str]], query: Query
) -> None:
    add_agents(1)
    name = "Robert'); drop table leads.staged_leads; -- {{ 7 * 7 }} \u0000 \ud83d"
    land_raw(database, json.dumps({"name": name, "phone": "512-555-0142", "message": "investor %s %(x)s"}).encode())
    run(database)
    assert query("select message from leads.normalized_leads") == [("investor %s %(x)s",)]
    [(full_name,)] = query("select full_name from leads.normalized_leads")
    assert "{{ 7 * 7 }}" in full_name
    assert "\u0000" not in full_name


def test_the_record_tells_what_happened_in_order_and_holds_no_words_of_the_lead(
    database: Database, add_agents: Callable[[int], list[str]], query: Query
) -> None:
    add_agents(1)
    land(database, name="Zebulon Quux", message="investor from Zanzibar")
    run(database)
    assert [row[0] for row in query("select kind from ops.lead_events order by lead_event_id")] == [
        "staged",
        "scored",
        "assigned",
    ]
    [(text,)] = query("select string_agg(detail::text, ' ') from ops.lead_events")
    for word in ("Zebulon", "Quux", "Zanzibar", "example.com", "5550142"):
        assert word not in text
