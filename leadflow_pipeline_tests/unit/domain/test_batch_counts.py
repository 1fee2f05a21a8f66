"""How many runs to start: over all small states of the queue."""

import itertools

from leadflow_pipeline.domain.batch_counts import BatchCounts

MOST = 3
STATES = [
    BatchCounts(waiting=waiting, at_work=at_work, awaited=awaited, overdue=overdue)
    for waiting, at_work, awaited in itertools.product(range(5), range(6), range(5))
    for overdue in range(awaited + 1)
]


def test_what_waits_gets_a_run_each_as_far_as_places_are_free() -> None:
    for state in STATES:
        runs = state.runs_to_start(MOST, has_ended_claims=False, has_waiting_leads=False)
        under_way = state.at_work + state.awaited
        if runs:
            assert runs + under_way <= MOST, f"{state}: more than may work at a time"
            assert runs + state.awaited - state.overdue <= state.waiting, f"{state}: one that finds nothing"
        else:
            is_covered = state.waiting <= state.awaited - state.overdue
            assert is_covered or under_way >= MOST, f"{state}: a batch that waits for nobody"


def test_an_ended_offer_adds_one_run_and_only_when_no_other_comes() -> None:
    for state in STATES:
        without = state.runs_to_start(MOST, has_ended_claims=False, has_waiting_leads=False)
        comes = without > 0 or state.awaited > state.overdue
        runs = state.runs_to_start(MOST, has_ended_claims=True, has_waiting_leads=False)
        assert runs == (without if comes else 1), state


def test_a_waiting_lead_adds_one_run_and_only_where_a_place_is_free() -> None:
    for state in STATES:
        without = state.runs_to_start(MOST, has_ended_claims=False, has_waiting_leads=False)
        comes = without > 0 or state.awaited > state.overdue
        is_free = state.at_work + state.awaited < MOST
        runs = state.runs_to_start(MOST, has_ended_claims=False, has_waiting_leads=True)
        assert runs == (1 if is_free and not comes else without), state
