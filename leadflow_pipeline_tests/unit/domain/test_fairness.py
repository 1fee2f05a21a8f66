"""Turns by the record: who is two leads away from their share, and when that is nobody's fault."""

from leadflow_pipeline.domain.routing.fairness import GivenTurns, Unfair, find_unfair

EQUAL = {"ana": 1, "ben": 1}


def given(batch: str, agent: str, turns: int, *, members: str = "ana ben", pool: str = "p") -> GivenTurns:
    return GivenTurns(batch=batch, pool=pool, members=frozenset(members.split()), agent_id=agent, turns=turns)


def test_turns_in_proportion_are_fair() -> None:
    assert find_unfair([given("1", "ana", 5), given("1", "ben", 5), given("2", "ana", 1)], EQUAL) == []
    assert find_unfair([given("1", "ana", 6), given("1", "ben", 2)], {"ana": 3, "ben": 1}) == []


def test_two_leads_off_is_unfair_and_somebody_without_any_is_named_too() -> None:
    assert find_unfair([given("1", "ana", 4)], EQUAL) == [
        Unfair(pool="p", agent_id="ana", turns=4, share=2.0),
        Unfair(pool="p", agent_id="ben", turns=0, share=2.0),
    ]


def test_each_pool_is_judged_by_itself() -> None:
    turns = [given("1", "ana", 4, pool="north"), given("1", "ben", 4, pool="south", members="ben")]
    assert {found.pool for found in find_unfair(turns, EQUAL)} == {"north"}


def test_only_the_time_since_the_pool_changed_counts() -> None:
    alone = [given("1", "ana", 9, members="ana"), given("2", "ana", 1), given("2", "ben", 1)]
    assert find_unfair(alone, EQUAL) == []
    within_a_batch = [given("1", "ana", 9, members="ana"), given("1", "ana", 1), given("1", "ben", 5)]
    assert find_unfair(within_a_batch, EQUAL) == [], "in which order the batch went is not known"


def test_a_pool_whose_member_has_left_is_not_judged() -> None:
    assert find_unfair([given("1", "ana", 9)], {"ana": 1}) == []
    assert find_unfair([], EQUAL) == []
