"""Was the lead worked? The first-touch timer: remind, give the lead to another, and in the end pause the agent.

A touch is noted by the button in Slack, by a CRM's event or by a command. Off unless a number of minutes is set;
minutes count within the agent's working hours (`domain.routing.working_hours`).
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from leadflow_pipeline.domain.lead_effects import Channels
from leadflow_pipeline.domain.routing.agents import RoutingAgent
from leadflow_pipeline.domain.routing.decision import Turns, route_leads
from leadflow_pipeline.domain.routing.due_leads import DueLead
from leadflow_pipeline.stages.assigned_leads import (
    NOWHERE,
    POOL,
    read_lead,
    read_pools,
    read_routing_agents,
    save_turns,
)
from leadflow_pipeline.stages.claims import UNKNOWN_USER, ClickAnswer
from leadflow_pipeline.stages.effects import NewEffect, queue_effects
from leadflow_pipeline.stages.lead_effects import queue_lead_effects
from leadflow_pipeline.stages.people import People
from leadflow_pipeline.stages.store import Store, StoreTransaction, as_json_rows

AT_ONCE = 200
MISSES_BEFORE_PAUSE = 3  # within MISSED_DAYS
MISSED_DAYS = 7
MOST_AGENTS = 3  # who are given one lead, before people have to look at it


@dataclass(frozen=True, kw_only=True)
class TouchCounts:
    """What the timer did."""

    started: int
    reminded: int
    reassigned: int
    given_up: int


def touch_lead(store: Store, *, lead_id: int, agent_id: str, source: str, touched_at: datetime | None = None) -> bool:
    """Note that an agent has got in touch with a lead of theirs; whether it is theirs at all. None: just now."""
    with store.transaction() as transaction:
        return bool(
            transaction.execute("write_touch", lead_id=lead_id, agent_id=agent_id, source=source, touched_at=touched_at)
        )


def touch_lead_by_slack(store: Store, *, lead_id: int, slack_user: str, channel: str) -> ClickAnswer:
    """The button "I've called"."""
    with store.transaction() as transaction:
        agent_id = transaction.value("find_agent_in_slack", slack_user=slack_user)
        if agent_id is None:
            return ClickAnswer(outcome="refused", text=UNKNOWN_USER)
        touched = transaction.execute(
            "write_touch", lead_id=lead_id, agent_id=agent_id, source="slack", touched_at=None
        )
        text = "Noted. Good luck!" if touched else "This lead is somebody else's by now."
        payload = {"about": "click", "slack_user": slack_user, "channel": channel, "reason": text}
        key = f"slack_message:touched:{lead_id}:{slack_user}:{touched}"
        queue_effects(
            transaction,
            [NewEffect(idempotency_key=key, kind="slack_message", lead_id=lead_id, payload=payload)],
        )
    return ClickAnswer(outcome="touched" if touched else "refused", text=text)


def has_due_touches(store: Store) -> bool:
    """Whether a turn of the timer would find anything to do."""
    with store.transaction() as transaction:
        return bool(transaction.value("has_due_touches"))


def watch_first_touches(store: Store, *, minutes: int, channels: Channels = NOWHERE) -> TouchCounts:
    """One turn of the timer: start it for new assignments, remind, give leads to others. `minutes` 0: nothing."""
    if not minutes:
        return TouchCounts(started=0, reminded=0, reassigned=0, given_up=0)
    with store.transaction() as transaction:
        rotation = transaction.row("lock_rotation", pool=POOL)
        assert rotation is not None
        agents = {agent.agent_id: agent for agent in read_routing_agents(transaction, rotation["now"])}
        started = _start_timers(transaction, agents, minutes)
        due = transaction.rows("list_due_touches", most=AT_ONCE)
        reminded = _remind(transaction, [row for row in due if row["status"] == "waiting"], agents, minutes)
        missed = [row for row in due if row["status"] == "reminded"]
        reassigned = _reassign(transaction, missed, agents, rotation, minutes, channels) if missed else 0
    return TouchCounts(started=started, reminded=reminded, reassigned=reassigned, given_up=len(missed) - reassigned)


def _start_timers(transaction: StoreTransaction, agents: Mapping[str, RoutingAgent], minutes: int) -> int:
    rows = transaction.rows("list_untimed_assignments", most=5 * AT_ONCE)
    timers = [
        {
            "lead_id": row["lead_id"],
            "agent_id": row["agent_id"],
            "given_at": row["assigned_at"].isoformat(),
            "due_at": _due_at(agents.get(row["agent_id"]), row["assigned_at"], minutes).isoformat(),
        }
        for row in rows
    ]
    return transaction.execute("start_touch_timers", rows=as_json_rows(timers)) if timers else 0


def _due_at(agent: RoutingAgent | None, start: datetime, minutes: int) -> datetime:
    """So many minutes of the agent's work later; of somebody without hours, by the clock."""
    due = agent.schedule.add_working_minutes(start, minutes) if agent else None
    return due or start + timedelta(minutes=minutes)


def _remind(
    transaction: StoreTransaction,
    rows: Sequence[Mapping[str, Any]],
    agents: Mapping[str, RoutingAgent],
    minutes: int,
) -> int:
    reminded = [
        {
            "lead_id": row["lead_id"],
            "due_at": _due_at(agents.get(row["agent_id"]), row["now"], minutes).isoformat(),
        }
        for row in rows
    ]
    if reminded:
        transaction.execute("note_reminders", rows=as_json_rows(reminded))
    queue_effects(
        transaction,
        [
            NewEffect(
                idempotency_key=f"slack_message:reminder:{row['lead_id']}:{row['agent_id']}",
                kind="slack_message",
                lead_id=row["lead_id"],
                agent_id=row["agent_id"],
                payload={"about": "reminder"},
            )
            for row in rows
        ],
    )
    return len(reminded)


def _reassign(
    transaction: StoreTransaction,
    missed: Sequence[Mapping[str, Any]],
    agents: Mapping[str, RoutingAgent],
    rotation: Mapping[str, Any],
    minutes: int,
    channels: Channels,
) -> int:
    """Give missed leads to whoever is next and has not had them; pause agents who miss again and again."""
    lead_ids = [row["lead_id"] for row in missed]
    transaction.execute("write_missed_touches", lead_ids=lead_ids)
    had: dict[int, set[str]] = {}
    for row in transaction.rows("list_missed_by_lead", lead_ids=lead_ids):
        had.setdefault(row["lead_id"], set()).add(row["agent_id"])
    turns = Turns(pools=read_pools(transaction), number=rotation["turns"], next_card_at=rotation["next_card_at"])
    changes: list[dict[str, Any]] = []
    for row in transaction.rows("read_routing_facts", lead_ids=lead_ids):
        others = [agent for agent in agents.values() if agent.agent_id not in had[row["lead_id"]]]
        if len(had[row["lead_id"]]) >= MOST_AGENTS:
            others = []
        decision = route_leads([_as_due(row)], others, turns, now=rotation["now"])
        given = next(iter(decision.assignments), None)
        chosen = given.agent_id if given else None
        verdict = given.verdict if given else {}
        changes.append({"lead_id": row["lead_id"], "agent_id": chosen, "due_at": None, "verdict": verdict})
        if chosen is None:
            continue
        changes[-1]["due_at"] = _due_at(agents[chosen], rotation["now"], minutes).isoformat()
        save_turns(transaction, decision)
        turns = Turns(
            pools={**turns.pools, **decision.pools},
            number=turns.number + decision.turns,
            next_card_at=turns.next_card_at,
        )
    transaction.execute("reassign_leads", batch_id=uuid.uuid4(), rows=as_json_rows(changes))
    _tell_of_nobody(transaction, [change["lead_id"] for change in changes if change["agent_id"] is None])
    for turn in sorted({len(agents_before) for agents_before in had.values()}):
        moved = [change["lead_id"] for change in changes if change["agent_id"] and len(had[change["lead_id"]]) == turn]
        queue_lead_effects(transaction, moved, channels, now=rotation["now"], turn=turn)
    _pause_idle(transaction)
    return sum(change["agent_id"] is not None for change in changes)


def _as_due(row: Mapping[str, Any]) -> DueLead:
    """The lead as it is routed anew: among all whom it suits, whatever its score, and not offered again."""
    lead = read_lead(row, People(contact_of={}, agent_of={}, copies=frozenset()))
    return replace(lead, bucket="standard", listing=None, was_offered=False)


def _tell_of_nobody(transaction: StoreTransaction, lead_ids: Sequence[int]) -> None:
    queue_effects(
        transaction,
        [
            NewEffect(
                idempotency_key=f"ops_alert:untouched:{lead_id}",
                kind="ops_alert",
                payload={
                    "text": f"Lead {lead_id} was not called by anybody it was given to, "
                    "and there is nobody else to give it to."
                },
            )
            for lead_id in lead_ids
        ],
    )


def _pause_idle(transaction: StoreTransaction) -> None:
    """Pause who has missed too many, and tell the people who run this."""
    reason = f"missed {MISSES_BEFORE_PAUSE} first calls within {MISSED_DAYS} days"
    paused = transaction.rows("pause_idle_agents", misses=MISSES_BEFORE_PAUSE, days=MISSED_DAYS, reason=reason)
    queue_effects(
        transaction,
        [
            NewEffect(
                idempotency_key=f"ops_alert:paused:{row['agent_id']}:{row['updated_at']:%Y%m%dT%H%M%S}",
                kind="ops_alert",
                payload={
                    "text": f"Agent {row['agent_id']} is paused: {reason}. "
                    f"`leadflow agents resume {row['agent_id']}` ends it."
                },
            )
            for row in paused
        ],
    )
