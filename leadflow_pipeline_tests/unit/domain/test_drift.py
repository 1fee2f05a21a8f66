"""When a source counts as changed or silent, and when it is mere chance."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadflow_pipeline.domain.drift import (
    FillCount,
    average_week,
    describe_drift,
    find_fill_drift,
    find_silence,
    hour_of_week,
)

MONDAY = datetime(2026, 11, 23, tzinfo=UTC)


def count(filled_before: int, leads_before: int, filled_now: int, leads_now: int) -> FillCount:
    return FillCount(
        source="zillow",
        field="phone",
        filled_before=filled_before,
        leads_before=leads_before,
        filled_now=filled_now,
        leads_now=leads_now,
    )


@pytest.mark.parametrize(
    ("what", "counts", "alarms"),
    [
        ("a label renamed: all gone, ten leads are enough", (450, 500, 0, 10), True),
        ("three leads without a phone are chance", (450, 500, 0, 3), False),
        ("a field that was never filled cannot fall", (0, 500, 0, 50), False),
        ("a phone in every second lead, none in five", (250, 500, 0, 5), False),
        ("a phone in every second lead, none in twenty", (250, 500, 0, 20), True),
        ("half of the mails have the new layout", (475, 500, 25, 50), True),
        ("a little less is no change, however many prove it", (9000, 10000, 8300, 10000), False),
        ("more than before is no fall", (250, 500, 50, 50), False),
        ("no past, no alarm", (0, 0, 0, 50), False),
        ("nothing new, no alarm", (450, 500, 0, 0), False),
    ],
)
def test_a_fall_alarms_when_chance_does_not_explain_it(
    what: str, counts: tuple[int, int, int, int], alarms: bool
) -> None:
    assert bool(find_fill_drift([count(*counts)])) is alarms, what


@given(st.integers(0, 300), st.integers(0, 300), st.integers(0, 60), st.integers(0, 60))
def test_any_counts_give_an_answer(before: int, more_before: int, now: int, more_now: int) -> None:
    for drift in find_fill_drift([count(before, before + more_before, now, now + more_now)]):
        assert 0 <= drift.probability < 1
        assert drift.rate_now < drift.rate_before


def test_an_alarm_names_source_field_before_now_and_events() -> None:
    [drift] = find_fill_drift([count(450, 500, 0, 10)])
    assert describe_drift(drift, [7, 8, 9]) == (
        "zillow: phone is filled in 0% of the last leads, before in 90%; look at events 7, 8, 9"
    )


def test_a_busy_source_is_missed_within_hours_of_its_working_day() -> None:
    weekly = {hour_of_week(MONDAY + timedelta(hours=hour)): 5.0 for hour in range(8, 20)}
    noon = MONDAY.replace(hour=12)
    assert find_silence("zillow", last_at=MONDAY.replace(hour=8), now=noon, weekly=weekly) is not None
    assert find_silence("zillow", last_at=MONDAY.replace(hour=11), now=noon, weekly=weekly) is None


def test_the_night_is_no_silence() -> None:
    """A source that sends by day only would otherwise alarm every morning."""
    weekly = {hour_of_week(MONDAY + timedelta(days=day, hours=hour)): 5.0 for day in range(7) for hour in range(8, 20)}
    last = MONDAY.replace(hour=19, minute=55)
    assert find_silence("zillow", last_at=last, now=last + timedelta(hours=12, minutes=30), weekly=weekly) is None


def test_a_rare_source_may_be_silent_for_days() -> None:
    weekly = dict.fromkeys(range(168), 2 / 168)
    assert find_silence("avail", last_at=MONDAY, now=MONDAY + timedelta(days=10), weekly=weekly) is None
    assert find_silence("avail", last_at=MONDAY, now=MONDAY + timedelta(days=40), weekly=weekly) is not None


def test_less_than_two_weeks_know_no_rhythm() -> None:
    assert average_week({9: 100}, weeks=1.5) == {}
    assert average_week({9: 100}, weeks=4) == {9: 25.0}
    assert find_silence("new", last_at=MONDAY, now=MONDAY + timedelta(days=9), weekly={}) is None
