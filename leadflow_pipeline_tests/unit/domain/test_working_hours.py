"""Hours on the agent's own clock: daylight saving, midnight, days off, and what a person may write."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from leadflow_pipeline.domain.routing.territories import TerritoryError, read_territories
from leadflow_pipeline.domain.routing.working_hours import HoursError, Schedule, read_schedule

CHICAGO = ZoneInfo("America/Chicago")
OFFICE = read_schedule("America/Chicago", "Mon-Fri 09:00-17:00", "2026-12-24..2026-12-26; 2027-01-01")
NIGHT = read_schedule("America/Chicago", "Sat-Sun 22:00-06:00", "")


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("schedule", "moment", "is_working"),
    [
        # The clocks of Chicago went back on 2026-11-01: 9:00 is 14:00 UTC before and 15:00 UTC after.
        (OFFICE, "2026-10-30 14:00", True),
        (OFFICE, "2026-10-30 13:59", False),
        (OFFICE, "2026-11-02 14:59", False),
        (OFFICE, "2026-11-02 15:00", True),
        # And they go forward on 2027-03-14.
        (OFFICE, "2027-03-12 15:00", True),
        (OFFICE, "2027-03-15 14:00", True),
        # Saturday's night ends on Sunday morning; the hour that is there twice is worked twice.
        (NIGHT, "2026-11-01 03:00", True),
        (NIGHT, "2026-11-01 06:30", True),
        (NIGHT, "2026-11-01 07:30", True),
        (NIGHT, "2026-11-01 11:59", True),
        (NIGHT, "2026-11-01 12:00", False),
        # Sunday's night goes on into Monday.
        (NIGHT, "2026-11-02 11:59", True),
        (NIGHT, "2026-11-03 04:00", False),
    ],
)
def test_work_is_by_the_wall_clock(schedule: Schedule, moment: str, is_working: bool) -> None:
    assert schedule.is_working(utc(moment)) is is_working


@pytest.mark.parametrize(
    ("moment", "is_off"),
    [
        ("2026-12-24 05:59", False),
        ("2026-12-24 06:00", True),
        ("2026-12-27 05:59", True),
        ("2026-12-27 06:00", False),
        ("2027-01-01 12:00", True),
    ],
)
def test_a_day_off_is_a_day_of_the_agent_s_own_clock(moment: str, is_off: bool) -> None:
    assert OFFICE.is_day_off(utc(moment)) is is_off


@pytest.mark.parametrize(
    ("start", "minutes", "due"),
    [
        ("2026-11-24 16:00", 30, "2026-11-24 16:30"),
        ("2026-11-24 22:50", 30, "2026-11-25 15:20"),  # ten minutes today, twenty tomorrow
        ("2026-11-27 22:50", 30, "2026-11-30 15:20"),  # over the weekend
        ("2026-12-23 22:50", 30, "2026-12-28 15:20"),  # over days off and a weekend
        ("2026-11-28 12:00", 15, "2026-11-30 15:15"),  # on a free day
    ],
)
def test_minutes_count_within_working_hours(start: str, minutes: int, due: str) -> None:
    assert OFFICE.add_working_minutes(utc(start), minutes) == utc(due)


def test_without_hours_minutes_count_by_the_clock_and_without_any_work_there_is_no_end() -> None:
    assert read_schedule("UTC", "", "").add_working_minutes(utc("2026-11-24 23:50"), 30) == utc("2026-11-25 00:20")
    never = Schedule(zone=CHICAGO, hours={})
    assert never.add_working_minutes(utc("2026-11-24 12:00"), 1) is None


def test_the_day_of_a_cap_begins_at_the_agent_s_midnight() -> None:
    assert OFFICE.start_of_day(utc("2026-11-24 05:59")) == utc("2026-11-23 06:00")
    assert OFFICE.start_of_day(utc("2026-11-01 20:00")) + timedelta(hours=25) == OFFICE.start_of_day(
        utc("2026-11-02 12:00")
    )


@pytest.mark.parametrize(
    ("hours", "days_off", "zone", "fault"),
    [
        ("9 to 5", "", "UTC", "is not like Mon-Fri 09:00-17:00"),
        ("Mon 09:00", "", "UTC", "is not like 09:00-17:00"),
        ("Mon 09:00-25:00", "", "UTC", "is no span of a day"),
        ("Mon 09:00-09:00", "", "UTC", "is no span of a day"),
        ("Mon 09:60-17:00", "", "UTC", "is no span of a day"),
        ("", "24.12.2026", "UTC", "is not like 2026-12-24"),
        ("", "2026-12-26..2026-12-24", "UTC", "ends before it begins"),
        ("", "", "Austin", "is no time zone"),
        ("", "", "../etc/passwd", "is no time zone"),
    ],
)
def test_what_says_no_hours_is_refused_in_words(hours: str, days_off: str, zone: str, fault: str) -> None:
    with pytest.raises(HoursError, match=fault):
        read_schedule(zone, hours, days_off)


def test_days_may_be_a_list_or_go_over_the_end_of_the_week() -> None:
    schedule = read_schedule("UTC", "Sat-Mon 10:00-12:00; Wed,Fri 8:00-9:00, 13:00-24:00", "")
    working = [schedule.is_working(utc(f"2026-11-{day} 11:00")) for day in range(23, 30)]
    assert working == [True, False, False, False, False, True, True]
    assert schedule.is_working(utc("2026-11-25 23:59"))


@pytest.mark.parametrize("text", ["787", "7870*4", "787**", "78704x", ", TX", "Austin, Texas"])
def test_what_names_no_territory_is_refused(text: str) -> None:
    with pytest.raises(TerritoryError):
        read_territories([text])
