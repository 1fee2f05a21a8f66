"""Lets events out of quarantine to be judged anew, and sees what becomes of them.

Released events take the way of any other: the hot path judges them by the rules in force. Their first arrival time
stays; an old one does not wake agents at night.
"""

import time as clock
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from leadflow_pipeline.domain.errors import PermanentError
from leadflow_pipeline.domain.replays import Quarantined
from leadflow_pipeline.stages.store import Store

SETTLE_SECONDS = 5  # what arrives together is one group in one run
PATIENCE_SECONDS = 120  # a run that was asked for and has not ended by then is asked for again
MOST_IN_TABLE = 200
LOOK_SECONDS = 0.5


@dataclass(frozen=True, kw_only=True)
class ReplayGroup:
    """Events that wait for the same reason."""

    group_id: int
    source: str
    stage: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class Holding:
    """When old leads that come out of quarantine are not taken up before some moment; None: they are at once."""

    after_hours: int
    until: datetime | None


@dataclass(frozen=True, kw_only=True)
class Selection:
    """Which events to replay; what is None does not narrow it."""

    source: str | None = None
    stage: str | None = None
    reason: str | None = None
    event_ids: Sequence[int] | None = None


@dataclass(frozen=True, kw_only=True)
class Replay:
    """What became of a replay."""

    released: int  # judged anew
    held: int  # of these: not before working hours
    under_way: int  # of these: nobody has settled them within the time given
    remaining: int  # in quarantine now
    examples: Sequence[Quarantined]


def ask_for_replays(store: Store, *, rules_version: str) -> list[ReplayGroup]:
    """The groups to start a replay run for now: new ones, and those that other rules judged. Ends empty groups."""
    with store.transaction() as transaction:
        transaction.execute("close_quarantine_groups")
        rows = transaction.rows(
            "ask_for_replays",
            rules_version=rules_version,
            settle_seconds=SETTLE_SECONDS,
            patience_seconds=PATIENCE_SECONDS,
        )
    return [ReplayGroup(**row) for row in rows]


def replay_group(
    store: Store, group_id: int, *, run_id: str, judged_before: str | None, holding: Holding, seconds: float
) -> Replay:
    """Replay a group within a run of Dagster: those events that other rules than `judged_before` judged, or all (None).

    Raises `PermanentError` when there is no such group.
    """
    with store.transaction() as transaction:
        group = transaction.row("start_replay", group_id=group_id, run_id=run_id)
    if group is None:
        raise PermanentError(f"There is no quarantine group {group_id}.")
    try:
        return replay_events(store, Selection(**group), judged_before=judged_before, holding=holding, seconds=seconds)
    finally:
        with store.transaction() as transaction:
            transaction.execute("end_replay", group_id=group_id, run_id=run_id)


def replay_events(
    store: Store, selection: Selection, *, judged_before: str | None, holding: Holding, seconds: float
) -> Replay:
    """Release events and look for at most `seconds` what becomes of them."""
    asked: dict[str, Any] = {
        "source": selection.source,
        "stage": selection.stage,
        "reason": selection.reason,
        "event_ids": None if selection.event_ids is None else list(selection.event_ids),
    }
    with store.transaction() as transaction:
        rows = transaction.rows(
            "release_quarantined",
            **asked,
            rules_version=judged_before,
            held_after_hours=holding.after_hours,
            hold_until=holding.until,
        )
        transaction.execute("announce_landing")
    released = [row["event_id"] for row in rows]
    under_way = _wait_until_settled(store, released, seconds)
    with store.transaction() as transaction:
        remaining = transaction.rows(
            "list_remaining",
            **{**asked, "event_ids": [*released, *(selection.event_ids or ())]},
            is_narrowed=selection.event_ids is None,
            most=MOST_IN_TABLE,
        )
    return Replay(
        released=len(released),
        held=sum(row["hold_until"] is not None for row in rows),
        under_way=under_way,
        remaining=remaining[0]["events"] if remaining else 0,
        examples=[Quarantined(**{name: row[name] for name in row if name != "events"}) for row in remaining],
    )


def list_groups(store: Store) -> list[dict[str, Any]]:
    """What waits in quarantine, by source, stage and reason: events, since when, and the latest run that shows it."""
    with store.transaction() as transaction:
        return [dict(row) for row in transaction.rows("list_quarantine_groups")]


def read_raw(store: Store, event_id: int) -> bytes:
    """What arrived, byte by byte. Raises `PermanentError` when there is no such event or its bytes are gone."""
    with store.transaction() as transaction:
        event = transaction.row("read_raw_event", event_id=event_id)
    if event is None:
        raise PermanentError(f"There is no event {event_id}.")
    if not event["raw"]:
        raise PermanentError(f"Of event {event_id} nothing is kept: it came without content, or its time was over.")
    return bytes(event["raw"])


def _wait_until_settled(store: Store, event_ids: Sequence[int], seconds: float) -> int:
    """How many of the events are still on their way when they are all settled, or the time is over."""
    deadline = clock.monotonic() + seconds
    while True:
        with store.transaction() as transaction:
            unsettled: int = transaction.value("count_unsettled", event_ids=list(event_ids))
        if not unsettled or clock.monotonic() >= deadline:
            return unsettled
        clock.sleep(LOOK_SECONDS)
