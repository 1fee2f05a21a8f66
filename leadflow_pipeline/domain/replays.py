"""Quarantine as far as it is decisions: what to do about a reason, and when a replayed lead may wake agents."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta


@dataclass(frozen=True, kw_only=True)
class Quarantined:
    """An event in quarantine, as a person sees it: ids and our own words."""

    event_id: int
    source: str
    channel: str
    stage: str
    reason: str
    rule: str | None
    received_at: datetime


def find_opening(now: datetime, opens: time, closes: time) -> datetime | None:
    """When working hours begin next; None while they last. `now` is on the office's clock, `opens` before `closes`."""
    if opens <= now.timetz().replace(tzinfo=None) < closes:
        return None
    day = now if now.time() < opens else now + timedelta(days=1)
    return day.replace(hour=opens.hour, minute=opens.minute, second=0, microsecond=0)


def advise(stage: str, reason: str) -> str:
    """What a person can do about events that wait for this reason."""
    if stage == "landed_mails":
        return "The mail server did not give the mail; it is asked again by itself for a day. Look at the mailbox."
    if reason.startswith("layout of"):
        return (
            "The sender has changed its mails. Save one with `leadflow quarantine show EVENT > mail.eml`, mend its "
            "rule (`leadflow rules test`), put it into LEADFLOW_RULES_DIR. The events are then replayed by themselves."
        )
    if reason.startswith("given up after"):
        return "It took its worker down. Look into the log of dagster-daemon, mend the cause, then replay."
    if "a fault in leadflow" in reason or "do not fit" in reason:
        return (
            "A fault in leadflow. Report it with the event's id; after an update the events are replayed by themselves."
        )
    return (
        "Look at one with `leadflow quarantine show EVENT`. If it is a lead, write a rule for it (docs/mail-rules.md); "
        "the events are then replayed by themselves."
    )


def tabulate(events: Sequence[Quarantined]) -> str:
    """A Markdown table of events, for the page of a red run."""
    lines = ["| event | received | source | stage | rule | reason |", "| --- | --- | --- | --- | --- | --- |"]
    for event in events:
        reason = event.reason.replace("|", "\\|").replace("\n", " ")
        lines.append(
            f"| {event.event_id} | {event.received_at:%Y-%m-%d %H:%M:%S} | {event.source} | {event.stage} "
            f"| {event.rule or '–'} | {reason} |"
        )
    return "\n".join(lines)
