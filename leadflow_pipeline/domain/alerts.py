"""What is worth an alert, and how an alert reads. Pure; finding and telling is the work of `stages`.

An alert speaks of counts, ids and our own reasons, never in a lead's words.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

SLA_SECONDS = 60.0  # of the 90 that are promised from arrival to agent
SILENT_DAEMON_SECONDS = 90.0
LEAST_FREE_SHARE = 0.05
LEAST_FREE_BYTES = 1_000_000_000
# Each has a page in docs/runbook/.
KINDS = frozenset(
    {
        "broken_rules",
        "changed_layout",
        "failed_run",
        "failed_tick",
        "full_disk",
        "late_leads",
        "open_breaker",
        "quarantine",
        "set_aside_effects",
        "silent_daemon",
        "silent_mailbox",
        "silent_source",
        "spent_budget",
    }
)


@dataclass(frozen=True, kw_only=True)
class Condition:
    """A cause of worry that lasts now."""

    cause: str  # the same cause gives the same alert
    kind: str  # also the name of its page in docs/runbook/
    text: str
    count: int = 1
    run_id: str | None = None

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"{self.kind} has no page in docs/runbook/")


@dataclass(frozen=True, kw_only=True)
class Alert:
    """An alert as it is told."""

    kind: str
    text: str
    count: int
    first_seen_at: datetime
    resolved_at: datetime | None
    run_url: str | None
    runbook: str  # an address or a path


def describe_alert(alert: Alert) -> str:
    """The message in Slack's mark-up, of our own words only."""
    links = f"<{alert.run_url}|Run> · " if alert.run_url else ""
    links += f"<{alert.runbook}|What to do>" if "://" in alert.runbook else f"What to do: {alert.runbook}"
    if alert.resolved_at is not None:
        minutes = max(1, round((alert.resolved_at - alert.first_seen_at).total_seconds() / 60))
        return f":white_check_mark: Over after {minutes} min: {_escape(alert.text)}\n{links}"
    return f":red_circle: {_escape(alert.text)}\nSince {alert.first_seen_at:%Y-%m-%d %H:%M:%S %Z} · {links}"


def judge_oldest_lead(seconds: float | None, leads: int) -> list[Condition]:
    """The promise of 90 seconds is at risk when a lead has waited for 60."""
    if seconds is None or seconds <= SLA_SECONDS:
        return []
    text = f"{leads} leads wait longer than {SLA_SECONDS:.0f} s for their place, the oldest for {_duration(seconds)}"
    return [Condition(cause="sla", kind="late_leads", text=text, count=leads)]


def judge_daemon(silent_seconds: float | None) -> list[Condition]:
    """Without Dagster's daemon no mail is read and no run is started."""
    if silent_seconds is None or silent_seconds <= SILENT_DAEMON_SECONDS:
        return []
    text = f"Dagster's daemon has given no sign of life for {_duration(silent_seconds)}"
    return [Condition(cause="daemon", kind="silent_daemon", text=text)]


def judge_disk(free: int, total: int) -> list[Condition]:
    """A full disk stops the database and with it everything."""
    if free >= LEAST_FREE_BYTES and free >= total * LEAST_FREE_SHARE:
        return []
    text = f"The disk with leadflow's state has {free / 1e9:.1f} GB left of {total / 1e9:.0f} GB"
    return [Condition(cause="disk", kind="full_disk", text=text)]


def judge_set_aside(effects: Mapping[str, int]) -> list[Condition]:
    """Effects that were given up wait for a person."""
    return [
        Condition(
            cause=f"set_aside:{kind}", kind="set_aside_effects", text=f"{count} effects of kind {kind} were given up",
            count=count,
        )
        for kind, count in effects.items()
    ]  # fmt: skip


def judge_budget(vendor: str, *, open_reason: str | None, spent: float, daily_cap: float | None) -> list[Condition]:
    """A vendor that is not asked any more: its breaker is open, or its money for the day is spent."""
    found = []
    if open_reason is not None:
        text = f"{vendor} is not asked for the time being ({open_reason}); leads go on without it"
        found.append(Condition(cause=f"breaker:{vendor}", kind="open_breaker", text=text))
    if daily_cap is not None:
        text = f"{vendor}: the day's budget of {daily_cap:.2f} dollars is spent ({spent:.2f}); leads go on without it"
        found.append(Condition(cause=f"budget:{vendor}", kind="spent_budget", text=text))
    return found


def judge_tick(name: str, statuses: Sequence[str], error: str | None) -> list[Condition]:
    """Whether a sensor or schedule fails now: the statuses of its latest ended ticks, the newest first."""
    failures = next((place for place, status in enumerate(statuses) if status != "FAILURE"), len(statuses))
    if not failures:
        return []
    more = "at least " if failures == len(statuses) and failures > 1 else ""
    text = f"{name} failed {more}{failures} times in a row" if failures > 1 else f"{name} failed"
    return [
        Condition(
            cause=f"tick:{name}", kind="failed_tick", text=f"{text}: {error}" if error else text, count=failures
        )
    ]  # fmt: skip


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"


def _escape(text: str) -> str:
    """Slack's three control characters (its documentation; grade A): no mention and no link comes out of a text."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
