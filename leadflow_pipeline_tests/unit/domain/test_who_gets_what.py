"""Who gets what: each row a sentence. The agents are the same in every row, the time is Austin's own."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from leadflow_pipeline.domain.routing.agents import RoutingAgent, read_agent
from leadflow_pipeline.domain.routing.claims import ClaimTerms
from leadflow_pipeline.domain.routing.decision import (
    NO_ACTIVE_AGENT,
    NOBODY_FREE,
    RoutingDecision,
    Turns,
    route_leads,
)
from leadflow_pipeline.domain.routing.due_leads import DueLead
from leadflow_pipeline.domain.routing.territories import Place

AUSTIN = ZoneInfo("America/Chicago")
TUESDAY_NOON = "2026-11-24 12:00"


def agent(name: str, order: int, **columns: Any) -> RoutingAgent:
    """An agent as the table has them."""
    row = {
        "agent_id": name,
        "rotation_order": order,
        "last_turn": 0,
        "weight": 1,
        "slack_id": None,
        "territories": [],
        "price_low": None,
        "price_high": None,
        "lead_types": [],
        "languages": [],
        "listings": [],
        "time_zone": "America/Chicago",
        "working_hours": "",
        "time_off": "",
        "paused": False,
        "cap_open": None,
        "cap_per_day": None,
    }
    return read_agent({**row, **columns})


ANA = agent("ana", 1, territories=["787*"], languages=["en", "es"], listings=["MLS-77"])
BO = agent("bo", 2, territories=["Travis County"], price_high=Decimal(600_000), languages=["en"])
CY = agent("cy", 3, territories=["Round Rock, TX", "78704"], lead_types=["seller"], languages=["en"])
DEE = agent("dee", 4, territories=["Dallas, TX"], working_hours="Mon-Fri 09:00-17:00; Sat 10:00-14:00")
NIGHT = agent("night", 5, territories=["Dallas, TX"], working_hours="Mon-Sun 22:00-06:00")
TEAM = [ANA, BO, CY, DEE, NIGHT]
IN_78704 = Place(zip="78704", city="Austin", state="TX", county="Travis County")
IN_DALLAS = Place(zip="75201", city="Dallas", state="TX")
IN_ROUND_ROCK = Place(city="Round Rock", state="TX")
IN_EL_PASO = Place(zip="79901", city="El Paso", state="TX")


def at(local: str) -> datetime:
    return datetime.strptime(local, "%Y-%m-%d %H:%M").replace(tzinfo=AUSTIN).astimezone(UTC)


def decide(team: list[RoutingAgent], now: datetime, terms: ClaimTerms | None = None, **lead: Any) -> RoutingDecision:
    given = {"lead_id": 1, "bucket": "standard", "received_at": now, **lead}
    return route_leads([DueLead(**given)], team, Turns(), now=now, terms=terms)


def place_of(decision: RoutingDecision) -> str:
    """An agent and the method, `drip`, `offer` or why it waits; in brackets what had to be ignored."""
    if decision.offers:
        return "offer"
    if decision.waiting:
        return f"waits: {decision.waiting[0].reason}"
    [given] = decision.assignments
    ignored = given.verdict.get("ignored")
    return (given.method if given.agent_id is None else f"{given.agent_id} by {given.method}") + (
        f" [{ignored}]" if ignored else ""
    )


@pytest.mark.parametrize(
    ("sentence", "lead", "now", "expected"),
    [
        ("a ZIP prefix is a territory", {"place": Place(zip="78745")}, TUESDAY_NOON, "ana by rotation"),
        ("a ZIP code is one too", {"place": Place(zip="78704"), "lead_type": "seller", "language": "en"},
         TUESDAY_NOON, "ana by rotation"),
        ("a county is one", {"place": Place(county="travis county")}, TUESDAY_NOON, "bo by rotation"),
        ("a county may come without the word", {"place": Place(county="Travis", state="TX")}, TUESDAY_NOON,
         "bo by rotation"),
        ("a city is one", {"place": IN_ROUND_ROCK, "lead_type": "seller"}, TUESDAY_NOON, "cy by rotation"),
        ("the same city in another state is not", {"place": Place(city="Round Rock", state="AZ")}, TUESDAY_NOON,
         "ana by rotation [territory]"),
        ("where nothing is known of the place, all are in the pool", {}, TUESDAY_NOON, "ana by rotation"),
        ("above the price band the agent is out", {"place": Place(county="Travis County"), "price": Decimal(600_001)},
         TUESDAY_NOON, "ana by rotation [territory]"),
        ("the band's end belongs to it", {"place": Place(county="Travis County"), "price": Decimal(600_000)},
         TUESDAY_NOON, "bo by rotation"),
        ("an agent for sellers gets no buyer", {"place": IN_ROUND_ROCK, "lead_type": "buyer"}, TUESDAY_NOON,
         "ana by rotation [territory]"),
        ("a lead in Spanish goes to who speaks it", {"place": IN_78704, "language": "es"}, TUESDAY_NOON,
         "ana by rotation"),
        ("within working hours", {"place": IN_DALLAS}, TUESDAY_NOON, "dee by rotation"),
        ("the first minute of work is work", {"place": IN_DALLAS}, "2026-11-24 09:00", "dee by rotation"),
        ("the last hour's end is not", {"place": IN_DALLAS}, "2026-11-24 17:00", "dee by rotation [hours]"),
        ("a span over midnight holds before midnight", {"place": IN_DALLAS}, "2026-11-24 23:59", "night by rotation"),
        ("and at midnight", {"place": IN_DALLAS}, "2026-11-25 00:00", "night by rotation"),
        ("and until its end in the morning", {"place": IN_DALLAS}, "2026-11-25 05:59", "night by rotation"),
        ("and no longer", {"place": IN_DALLAS}, "2026-11-25 06:00", "dee by rotation [hours]"),
        ("each weekday has its own hours", {"place": IN_DALLAS}, "2026-11-28 13:59", "dee by rotation"),
        ("on the day of spring forward 9:00 is 9:00", {"place": IN_DALLAS}, "2027-03-15 09:00", "dee by rotation"),
        ("in a territory of nobody it goes to all", {"place": IN_EL_PASO}, TUESDAY_NOON, "ana by rotation [territory]"),
        ("the person's agent comes before the territory", {"place": IN_DALLAS, "owner_id": "bo"}, TUESDAY_NOON,
         "bo by owner"),
        ("and outside working hours", {"place": IN_DALLAS, "owner_id": "dee"}, "2026-11-24 03:00", "dee by owner"),
        ("and for a low lead", {"bucket": "low", "owner_id": "bo"}, TUESDAY_NOON, "bo by owner"),
        ("an agent who has left has nobody", {"place": IN_DALLAS, "owner_id": "gone"}, TUESDAY_NOON,
         "dee by rotation"),
        ("who asks about a listing goes to its agent", {"place": IN_DALLAS, "listing": "mls-77"}, TUESDAY_NOON,
         "ana by owner"),
        ("a low lead goes to the drip", {"bucket": "low", "place": IN_DALLAS}, TUESDAY_NOON, "drip"),
        ("a low lead about a listing too", {"bucket": "low", "listing": "mls-77"}, TUESDAY_NOON, "drip"),
        ("a hot lead without anybody in Slack goes to the pool", {"bucket": "hot", "place": IN_DALLAS}, TUESDAY_NOON,
         "dee by rotation"),
        ("a hot lead that nobody claimed goes to the pool", {"bucket": "hot", "place": IN_DALLAS, "was_offered": True},
         TUESDAY_NOON, "dee by claim_timeout"),
    ],
)  # fmt: skip
def test_who_gets_it(sentence: str, lead: dict[str, Any], now: str, expected: str) -> None:
    assert place_of(decide(TEAM, at(now), ClaimTerms(), **lead)) == expected, sentence


@pytest.mark.parametrize(
    ("sentence", "changes", "expected"),
    [
        ("all there: the first", {}, "ana by rotation"),
        ("paused is out, at any hour", {"ana": {"paused": True}}, "bo by rotation"),
        ("a day off is out", {"ana": {"time_off": "2026-11-23..2026-11-24"}}, "bo by rotation"),
        ("the day before a day off is in", {"ana": {"time_off": "2026-11-25"}}, "ana by rotation"),
        ("a full day is out", {"ana": {"cap_per_day": 0}}, "bo by rotation"),
        ("a full desk is out", {"ana": {"cap_open": 0}}, "bo by rotation"),
        ("a row that a person has spoilt is out", {"ana": {"working_hours": "whenever"}}, "bo by rotation"),
        ("hours are given up before anything else", {"ana": {"working_hours": "Sun 09:00-10:00"},
         "bo": {"paused": True}, "cy": {"paused": True}}, "ana by rotation [hours]"),
        ("then territory", {"ana": {"paused": True}, "bo": {"paused": True}, "cy": {"territories": ["Waco"]}},
         "cy by rotation [territory]"),
        ("then everything but pauses, days off and caps", {"ana": {"paused": True}, "bo": {"paused": True},
         "cy": {"territories": ["Waco"], "lead_types": ["renter"]}}, "cy by rotation [everything]"),
        ("nobody is left: it waits", {name: {"paused": True} for name in ("ana", "bo", "cy")}, f"waits: {NOBODY_FREE}"),
    ],
)  # fmt: skip
def test_who_is_left(sentence: str, changes: dict[str, dict[str, Any]], expected: str) -> None:
    team = [agent(name, order, **changes.get(name, {})) for order, name in enumerate(("ana", "bo", "cy"))]
    decision = decide(team, at(TUESDAY_NOON), place=IN_78704, lead_type="buyer")
    assert place_of(decision) == expected, sentence


def test_nobody_active_at_all_is_said_so() -> None:
    assert place_of(decide([], at(TUESDAY_NOON))) == f"waits: {NO_ACTIVE_AGENT}"


def test_a_person_whose_agent_is_away_goes_to_the_pool_and_it_is_noted() -> None:
    decision = decide([replace(BO, paused=True), ANA], at(TUESDAY_NOON), owner_id="bo")
    assert place_of(decision) == "ana by rotation"
    assert decision.assignments[0].verdict["out"]["person's agent"] == {"paused": ["bo"]}


def test_the_verdict_tells_for_every_agent_at_which_step_and_why_they_fell_out() -> None:
    verdict = decide(TEAM, at("2026-11-24 20:00"), place=IN_DALLAS).assignments[0].verdict
    assert verdict["out"] == {
        "territory": {"elsewhere": ["ana", "bo", "cy"]},
        "available now": {"outside working hours": ["dee", "night"]},
    }
    assert verdict["left"] == ["dee", "night"]
    assert verdict["ignored"] == "hours"


def test_caps_count_what_the_same_batch_has_given() -> None:
    team = [agent("ana", 1, cap_per_day=2), agent("bo", 2)]
    now = at(TUESDAY_NOON)
    leads = [DueLead(lead_id=number, bucket="standard", received_at=now) for number in range(1, 8)]
    given = [each.agent_id for each in route_leads(leads, team, Turns(), now=now).assignments]
    assert given.count("ana") == 2


def test_one_person_s_leads_in_one_batch_go_to_one_agent() -> None:
    now = at(TUESDAY_NOON)
    leads = [DueLead(lead_id=number, bucket="standard", received_at=now, contact_id=9) for number in (1, 2, 3)]
    decision = route_leads(leads, [ANA, BO], Turns(), now=now)
    assert [(given.agent_id, given.method) for given in decision.assignments] == [
        ("ana", "rotation"),
        ("ana", "owner"),
        ("ana", "owner"),
    ]
    assert decision.turns == 1


IN_SLACK = [agent("ana", 1, slack_id="U1"), agent("bo", 2)]


@pytest.mark.parametrize(
    ("sentence", "team", "age_seconds", "queue_seconds", "expected"),
    [
        ("a hot lead is offered", IN_SLACK, 0, 0, "offer"),
        ("with 20 seconds left it still is", IN_SLACK, 55, 0, "offer"),
        ("with less it is not", IN_SLACK, 56, 0, "ana by rotation"),
        ("cards that wait count too", IN_SLACK, 0, 55, "offer"),
        ("too many of them leave no time", IN_SLACK, 0, 56, "ana by rotation"),
        ("an old lead, found in a backfill, is not", IN_SLACK, 86_400, 0, "ana by rotation"),
        ("when the only one in Slack is paused it is not", [agent("ana", 1, slack_id="U1", paused=True),
         agent("bo", 2)], 0, 0, "bo by rotation"),
    ],
)  # fmt: skip
def test_what_is_offered(
    sentence: str, team: list[RoutingAgent], age_seconds: int, queue_seconds: int, expected: str
) -> None:
    now = at(TUESDAY_NOON)
    lead = DueLead(lead_id=1, bucket="hot", received_at=now - timedelta(seconds=age_seconds))
    turns = Turns(next_card_at=now + timedelta(seconds=queue_seconds))
    assert place_of(route_leads([lead], team, turns, now=now, terms=ClaimTerms())) == expected, sentence


def test_a_person_s_agent_gets_a_hot_lead_without_an_offer() -> None:
    assert place_of(decide(IN_SLACK, at(TUESDAY_NOON), ClaimTerms(), bucket="hot", owner_id="bo")) == "bo by owner"


def test_500_leads_and_50_agents_are_decided_in_one_go_and_in_proportion() -> None:
    team = [agent(f"agent-{number}", number, territories=[f"{70 + number % 25}*"]) for number in range(50)]
    now = at(TUESDAY_NOON)
    leads = [
        DueLead(lead_id=number, bucket="standard", received_at=now, place=Place(zip=f"{70 + number % 25}123"))
        for number in range(500)
    ]
    decision = route_leads(leads, team, Turns(), now=now)
    counts = [sum(given.agent_id == each.agent_id for given in decision.assignments) for each in team]
    assert set(counts) == {10}
    assert len(decision.pools) == 25
