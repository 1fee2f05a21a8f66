"""Hours in which a person is left alone, in that person's own time zone. Pure: the moment is handed in."""

import re
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from leadflow_pipeline.domain.errors import PermanentError

_SPAN = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)\s*[-–]\s*([01]?\d|2[0-3]):([0-5]\d)")


@dataclass(frozen=True, kw_only=True)
class QuietHours:
    """From a time of day to another one; over midnight where the end is not behind the start."""

    start: time
    end: time


def read_quiet_hours(text: str | None) -> QuietHours | None:
    """`21:00-07:00` as quiet hours; None where there are none. Raises `PermanentError` for anything else."""
    if not text or not text.strip():
        return None
    match = _SPAN.fullmatch(text.strip())
    if match is None:
        raise PermanentError(f"quiet hours: {text!r} is not of the form 21:00-07:00")
    first_hour, first_minute, last_hour, last_minute = map(int, match.groups())
    start, end = time(first_hour, first_minute), time(last_hour, last_minute)
    return None if start == end else QuietHours(start=start, end=end)


def read_time_zone(name: str | None, default: str) -> ZoneInfo:
    """The zone of this IANA name; the default where it is missing or unknown."""
    # Asking for the list of all zones instead walks the whole zone database: 40 ms a time.
    with suppress(ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo(name or default)
    return ZoneInfo(default)


def end_of_quiet(now: datetime, zone: ZoneInfo, quiet: QuietHours | None) -> datetime:
    """`now` where the person may be spoken to, else the moment at which the quiet hours end."""
    if quiet is None:
        return now
    local = now.astimezone(zone)
    clock = local.time().replace(tzinfo=None)
    if quiet.start < quiet.end:
        is_quiet, days = quiet.start <= clock < quiet.end, 0
    else:
        is_quiet, days = clock >= quiet.start or clock < quiet.end, 1 if clock >= quiet.start else 0
    if not is_quiet:
        return now
    day = local.date() + timedelta(days=days)
    # A time of day that the change to summer time leaves out is read as an hour later.
    return datetime.combine(day, quiet.end, zone).astimezone(now.tzinfo)
