"""When an agent works: hours per weekday and days off, on the clock of the agent's own time zone.

Written `Mon-Fri 09:00-17:00; Sat 10:00-14:00`; a span that ends before it begins goes over midnight and belongs to
the day it begins on. Days off are written `2026-12-24..2026-12-26; 2027-01-01`. Nothing written means always.
"""

import functools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
LONGEST_LOOK_AHEAD = timedelta(days=60)  # beyond it a schedule is taken to have no hours at all
_DAY = "|".join(DAYS)
_RULE = re.compile(rf"((?:{_DAY})(?:\s*[-,]\s*(?:{_DAY}))*)\s+(.+)", re.IGNORECASE)
_SPAN = re.compile(r"(\d{1,2}):(\d{2})\s*[-–]\s*(\d{1,2}):(\d{2})")
_MINUTES_OF_DAY = 24 * 60


class HoursError(ValueError):
    """The text says no working hours, days off or time zone; the message says why."""


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """When somebody works. Spans are minutes from midnight by the wall clock; the end may be the next day's."""

    zone: ZoneInfo
    # Weekday (0 is Monday) → spans. None: always.
    hours: Mapping[int, tuple[tuple[int, int], ...]] | None = None
    days_off: tuple[tuple[date, date], ...] = field(default=())  # first and last day, both off

    def is_day_off(self, now: datetime) -> bool:
        """Whether the local day of `now` is off."""
        today = now.astimezone(self.zone).date()
        return any(first <= today <= last for first, last in self.days_off)

    def is_working(self, now: datetime) -> bool:
        """Whether `now` lies within the hours, days off aside. The wall clock decides, through daylight saving too."""
        if self.hours is None:
            return True
        local = now.astimezone(self.zone)
        minute = local.hour * 60 + local.minute
        today, yesterday = local.weekday(), (local.weekday() - 1) % 7
        return any(
            start <= minute < (end if end > start else _MINUTES_OF_DAY) for start, end in self.hours.get(today, ())
        ) or any(end <= start and minute < end for start, end in self.hours.get(yesterday, ()))

    def start_of_day(self, now: datetime) -> datetime:
        """Midnight of the local day of `now`."""
        return datetime.combine(now.astimezone(self.zone).date(), time(), self.zone).astimezone(UTC)

    def add_working_minutes(self, start: datetime, minutes: float) -> datetime | None:
        """When so many minutes of work have passed since `start`; None for somebody without hours."""
        left = timedelta(minutes=minutes)
        for begin, end in self._spans_from(start):
            worked = end - max(begin, start)
            if worked >= left:
                return max(begin, start) + left
            left -= worked
        return None

    def _spans_from(self, start: datetime) -> Iterator[tuple[datetime, datetime]]:
        """Spans of work that end after `start`, in order and without overlap."""
        begun = start
        day = start.astimezone(self.zone).date() - timedelta(days=1)
        for offset in range(LONGEST_LOOK_AHEAD.days):
            current = day + timedelta(days=offset)
            if any(first <= current <= last for first, last in self.days_off):
                continue
            spans = ((0, _MINUTES_OF_DAY),) if self.hours is None else self.hours.get(current.weekday(), ())
            for first, last in sorted(spans):
                begin = self._instant(current, first)
                end = self._instant(current, last if last > first else last + _MINUTES_OF_DAY)
                if end > max(begin, begun):
                    yield max(begin, begun), end
                    begun = end

    def _instant(self, day: date, minute: int) -> datetime:
        days, minute = divmod(minute, _MINUTES_OF_DAY)
        moment = datetime.combine(day + timedelta(days=days), time(minute // 60, minute % 60), self.zone)
        return moment.astimezone(UTC)


@functools.cache
def read_schedule(zone: str, hours: str, days_off: str) -> Schedule:
    """A schedule from its texts. Raises `HoursError`."""
    return Schedule(zone=read_zone(zone), hours=read_hours(hours), days_off=read_days_off(days_off))


def read_zone(name: str) -> ZoneInfo:
    """The time zone of an IANA name, such as America/Chicago."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise HoursError(f"{name!r} is no time zone; write it like America/Chicago") from error


def read_hours(text: str) -> Mapping[int, tuple[tuple[int, int], ...]] | None:
    """Working hours by weekday; None where nothing is written."""
    if not text.strip():
        return None
    hours: dict[int, list[tuple[int, int]]] = {}
    for part in filter(None, (part.strip() for part in text.split(";"))):
        found = _RULE.fullmatch(part)
        if not found:
            raise HoursError(f"{part!r} is not like Mon-Fri 09:00-17:00")
        spans = [_read_span(span.strip()) for span in found[2].split(",")]
        for day in _read_days(found[1]):
            hours.setdefault(day, []).extend(spans)
    return {day: tuple(spans) for day, spans in hours.items()}


def read_days_off(text: str) -> tuple[tuple[date, date], ...]:
    """Stretches of days off."""
    stretches = []
    for part in filter(None, (part.strip() for part in text.split(";"))):
        first, _, last = part.partition("..")
        try:
            stretch = (date.fromisoformat(first.strip()), date.fromisoformat((last or first).strip()))
        except ValueError as error:
            raise HoursError(f"{part!r} is not like 2026-12-24 or 2026-12-24..2026-12-26") from error
        if stretch[1] < stretch[0]:
            raise HoursError(f"{part!r} ends before it begins")
        stretches.append(stretch)
    return tuple(stretches)


def _read_days(text: str) -> list[int]:
    days: list[int] = []
    for part in text.lower().replace(" ", "").split(","):
        first, _, last = part.partition("-")
        begin, end = DAYS.index(first), DAYS.index(last or first)
        days += [day % 7 for day in range(begin, end + 1 if end >= begin else end + 8)]
    return days


def _read_span(text: str) -> tuple[int, int]:
    found = _SPAN.fullmatch(text)
    if not found:
        raise HoursError(f"{text!r} is not like 09:00-17:00")
    start, end = (int(found[at]) * 60 + int(found[at + 1]) for at in (1, 3))
    if max(int(found[2]), int(found[4])) > 59 or start >= _MINUTES_OF_DAY or end > _MINUTES_OF_DAY or start == end:
        raise HoursError(f"{text!r} is no span of a day")
    return start, end
