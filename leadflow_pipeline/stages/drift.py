"""Watches the sources: fields that come filled less often than they used to, and whoever has gone silent.

What counts as a change is decided in `domain.drift`. Each finding is one alert as long as it lasts.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from leadflow_pipeline.domain.alerts import Condition
from leadflow_pipeline.domain.drift import (
    FillCount,
    FillDrift,
    Silence,
    average_week,
    describe_drift,
    describe_silence,
    find_fill_drift,
    find_silence,
)
from leadflow_pipeline.stages.alerts import sync_alerts_in
from leadflow_pipeline.stages.mail_intake import list_silent_mailboxes
from leadflow_pipeline.stages.store import Store, StoreTransaction

LAST_LEADS = 50  # what counts as now: this many leads of a source, no older than a week
NOW_DAYS = 7
PAST_DAYS = 56  # what they are held against: eight weeks, so that every hour of the week comes eight times
EVENTS_TO_LOOK_AT = 3
WEEK_SECONDS = 7 * 24 * 3600


@dataclass(frozen=True, kw_only=True)
class Finding:
    """Something to tell people: what it is about, and the line that says it."""

    key: str  # the same for the same cause
    text: str


def watch_fill_rates(store: Store) -> list[Finding]:
    """The fields of mail sources that come filled less often than they used to; each has its alert."""
    with store.transaction() as transaction:
        rows = transaction.rows("count_fill_rates", last_leads=LAST_LEADS, now_days=NOW_DAYS, past_days=PAST_DAYS)
        event_ids = {(row["source"], row["field"]): (row["event_ids"] or ())[:EVENTS_TO_LOOK_AT] for row in rows}
        drifts = find_fill_drift(_fill_count(row) for row in rows)
        findings = [_fill_finding(drift, event_ids[drift.source, drift.field]) for drift in drifts]
        _alert(transaction, findings, "changed_layout")
    return findings


def watch_rhythms(store: Store, *, now: datetime) -> list[Finding]:
    """The sources that have been silent for longer than their own rhythm explains; each has its alert."""
    with store.transaction() as transaction:
        rows = transaction.rows("count_source_rhythms", past_days=PAST_DAYS)
        silences = [silence for silence in _silences(rows, now) if silence is not None]
        findings = [
            Finding(key=f"silence:{silence.source}", text=describe_silence(silence, now)) for silence in silences
        ]
        _alert(transaction, findings, "silent_source")
    return findings


def watch_answers(store: Store, mailboxes: Sequence[tuple[str, str]]) -> list[Finding]:
    """The mailboxes (account and folder) that have stopped answering; each has its alert."""
    findings = [
        Finding(
            key=f"mailbox:{silent.account}/{silent.folder}",
            text=f"The mailbox {silent.account}, folder {silent.folder}, has not answered "
            + (f"since {silent.checked_at:%Y-%m-%d %H:%M:%S %Z}" if silent.checked_at else "at all")
            + ". Mails wait there until it does; `leadflow doctor` tells what is wrong",
        )
        for silent in list_silent_mailboxes(store, mailboxes)
    ]
    with store.transaction() as transaction:
        _alert(transaction, findings, "silent_mailbox")
    return findings


def _fill_count(row: Mapping[str, Any]) -> FillCount:
    return FillCount(**{name: value for name, value in row.items() if name != "event_ids"})


def _fill_finding(drift: FillDrift, event_ids: Sequence[int]) -> Finding:
    return Finding(key=f"fill_rate:{drift.source}:{drift.field}", text=describe_drift(drift, event_ids))


def _silences(rows: Iterable[Mapping[str, Any]], now: datetime) -> list[Silence | None]:
    by_source: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        by_source.setdefault(f"{row['source']} ({row['channel']})", []).append(row)
    found = []
    for source, hours in by_source.items():
        weeks = (now - min(hour["first_at"] for hour in hours)).total_seconds() / WEEK_SECONDS
        weekly = average_week({hour["hour_of_week"]: hour["events"] for hour in hours}, weeks)
        last_at = max(hour["last_at"] for hour in hours)
        found.append(find_silence(source, last_at=last_at, now=now, weekly=weekly))
    return found


def _alert(transaction: StoreTransaction, findings: Sequence[Finding], kind: str) -> None:
    """One alert for each finding as long as it lasts."""
    conditions = [Condition(cause=finding.key, kind=kind, text=finding.text) for finding in findings]
    sync_alerts_in(transaction, conditions, kinds=(kind,))
