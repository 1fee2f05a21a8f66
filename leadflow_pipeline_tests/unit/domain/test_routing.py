"""Whose turn it is, as a function of leads, agents and the last turn."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from leadflow_pipeline.domain.routing import NO_ACTIVE_AGENT, DueLead, RotationAgent, route_leads


def leads(*buckets: str) -> list[DueLead]:
    return [DueLead(lead_id=number, bucket=bucket) for number, bucket in enumerate(buckets, start=1)]


def agents(*orders: int) -> list[RotationAgent]:
    return [RotationAgent(agent_id=f"agent-{order}", rotation_order=order) for order in orders]


def test_leads_go_round_in_rotation_order() -> None:
    decision = route_leads(leads("standard", "hot", "standard"), agents(1, 2), 0)
    assert [given.agent_id for given in decision.assignments] == ["agent-1", "agent-2", "agent-1"]
    assert decision.last_rotation_order == 1
    assert decision.turns == 3


def test_the_turn_goes_on_where_it_ended() -> None:
    decision = route_leads(leads("standard"), agents(1, 2, 3), 2)
    assert decision.assignments[0].agent_id == "agent-3"


def test_the_turn_goes_on_behind_an_agent_who_has_left() -> None:
    """The pointer names a place, not a person: whoever stands behind it is next."""
    decision = route_leads(leads("standard", "standard"), agents(1, 3), 2)
    assert [given.agent_id for given in decision.assignments] == ["agent-3", "agent-1"]


def test_a_low_lead_goes_to_the_drip_and_uses_no_turn() -> None:
    decision = route_leads(leads("low", "standard"), agents(1, 2), 0)
    assert decision.assignments[0].method == "drip"
    assert decision.assignments[0].agent_id is None
    assert decision.assignments[1].agent_id == "agent-1"
    assert decision.turns == 1


def test_without_an_active_agent_a_lead_waits_and_says_so() -> None:
    decision = route_leads(leads("hot", "low"), [], 5)
    assert [(waits.lead_id, waits.reason) for waits in decision.waiting] == [(1, NO_ACTIVE_AGENT)]
    assert [given.method for given in decision.assignments] == ["drip"]
    assert decision.last_rotation_order == 5


@given(st.lists(st.integers(0, 40), max_size=20), st.sets(st.integers(1, 30), min_size=1), st.integers(0, 40))
def test_however_leads_are_cut_into_batches_nobody_gets_more_than_one_above_another(
    sizes: list[int], orders: set[int], pointer: int
) -> None:
    pool = agents(*sorted(orders))
    got: Counter[str | None] = Counter({agent.agent_id: 0 for agent in pool})
    for size in sizes:
        decision = route_leads(leads(*["standard"] * size), pool, pointer)
        pointer = decision.last_rotation_order
        got.update(given.agent_id for given in decision.assignments)
    assert max(got.values()) - min(got.values()) <= 1
    assert sum(got.values()) == sum(sizes)
