"""Whether a source has changed: its fields come filled less often than they used to, or it has gone silent.

Functions of counts, with a proper test and no fixed threshold: few mails never alarm, many mails alarm at a small
change. Counting, and telling somebody, is the work of `stages.drift`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import exp, lgamma

# One false alarm in ten thousand comparisons: a brokerage compares some hundred pairs of source and field a day.
ALARM_PROBABILITY = 1e-4
# A fall that a person would not call a change is none, however many mails prove it.
LEAST_FALL = 0.1


@dataclass(frozen=True, kw_only=True)
class FillCount:
    """How often a field was filled, of one source: in its past, and lately."""

    source: str
    field: str
    filled_before: int
    leads_before: int
    filled_now: int
    leads_now: int


@dataclass(frozen=True, kw_only=True)
class FillDrift:
    """A field that comes filled less often than it used to."""

    source: str
    field: str
    rate_before: float
    rate_now: float
    probability: float  # that so few are filled by chance, the past being the rule


@dataclass(frozen=True, kw_only=True)
class Silence:
    """A source that sends nothing although it should have by its own rhythm."""

    source: str
    last_at: datetime
    expected: float  # events that its past leads one to expect since
    probability: float  # that none comes by chance


def find_fill_drift(counts: Iterable[FillCount]) -> list[FillDrift]:
    """The fields whose fill rate has fallen, by Fisher's exact test, one-sided, the least likely first."""
    found = []
    for count in counts:
        if not count.leads_before or not count.leads_now:
            continue
        before, now = count.filled_before / count.leads_before, count.filled_now / count.leads_now
        if before - now < LEAST_FALL:
            continue
        probability = _fisher_tail(count)
        if probability < ALARM_PROBABILITY:
            found.append(
                FillDrift(
                    source=count.source, field=count.field, rate_before=before, rate_now=now, probability=probability
                )
            )
    return sorted(found, key=lambda drift: drift.probability)


def find_silence(source: str, *, last_at: datetime, now: datetime, weekly: Mapping[int, float]) -> Silence | None:
    """Whether a source's silence since `last_at` is too long for its own rhythm.

    `weekly` holds for each hour of the week (0 is Monday, 00:00 to 01:00, in the zone of `now`) how many events come
    in it on average. Arrivals are taken for a Poisson process: with λ expected, none comes with probability exp(-λ).
    """
    expected = 0.0
    moment = last_at.astimezone(now.tzinfo)
    while moment < now:
        end_of_hour = moment.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
        share = (min(end_of_hour, now) - moment) / timedelta(hours=1)
        expected += share * weekly.get(hour_of_week(moment), 0.0)
        moment = end_of_hour
    probability = exp(-expected)
    if probability >= ALARM_PROBABILITY:
        return None
    return Silence(source=source, last_at=last_at, expected=expected, probability=probability)


def average_week(events_by_hour: Mapping[int, int], weeks: float) -> dict[int, float]:
    """Events per hour of the week, from counts over some weeks. Less than two weeks know no rhythm: nothing."""
    if weeks < 2:
        return {}
    return {hour: events / weeks for hour, events in events_by_hour.items()}


def hour_of_week(moment: datetime) -> int:
    """0 for Monday's first hour to 167 for Sunday's last, in the moment's own zone."""
    return moment.weekday() * 24 + moment.hour


def describe_drift(drift: FillDrift, event_ids: Sequence[int]) -> str:
    """One line for people: source, field, before, now, and what to look at."""
    looked_at = ", ".join(map(str, event_ids))
    return (
        f"{drift.source}: {drift.field} is filled in {drift.rate_now:.0%} of the last leads, "
        f"before in {drift.rate_before:.0%}; look at events {looked_at}"
    )


def describe_silence(silence: Silence, now: datetime) -> str:
    """One line for people: who, since when, and what should have come."""
    hours = (now - silence.last_at) / timedelta(hours=1)
    return (
        f"{silence.source} has sent nothing for {hours:.0f} hours; by its own rhythm "
        f"{silence.expected:.0f} should have come. Look whether the mails or posts still reach us"
    )


def _fisher_tail(count: FillCount) -> float:
    """The probability of at most `filled_now` filled among the new ones, all margins being as they are."""
    filled, total = count.filled_before + count.filled_now, count.leads_before + count.leads_now
    least = max(0, count.leads_now - (total - filled))
    whole = _log_choose(total, count.leads_now)
    return min(
        1.0,
        sum(
            exp(_log_choose(filled, hit) + _log_choose(total - filled, count.leads_now - hit) - whole)
            for hit in range(least, count.filled_now + 1)
        ),
    )


def _log_choose(n: int, k: int) -> float:
    return lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1)
