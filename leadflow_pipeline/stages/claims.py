"""Decides a click on "Claim": one conditional update says who was first, every click is kept.

Called by the receiver, which has three seconds. What the outside world has to be told is queued in the same
transaction. Who may claim is decided by `domain.routing.agents`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from leadflow_pipeline.domain.lead_effects import Channels
from leadflow_pipeline.domain.routing.agents import RoutingAgent, read_agent
from leadflow_pipeline.domain.slack_cards import escape
from leadflow_pipeline.stages.assigned_leads import NOWHERE, OPEN_DAYS, close_card
from leadflow_pipeline.stages.effects import NewEffect, queue_effects
from leadflow_pipeline.stages.lead_effects import queue_lead_effects
from leadflow_pipeline.stages.store import Store, StoreTransaction, as_json_rows

UNKNOWN_USER = "Your Slack user does not belong to an agent here; ask for your member id to be entered."
OPEN = ("announced", "open")
NO_SUCH_LEAD = "This lead is no longer here."


@dataclass(frozen=True, kw_only=True)
class ClickAnswer:
    """What a click came to: won, again, lost, late or refused, in words for whoever clicked."""

    outcome: str
    text: str


def claim_lead(
    store: Store, *, lead_id: int, slack_user: str, channel: str, channels: Channels = NOWHERE
) -> ClickAnswer:
    """Give the lead to whoever's click this is, if it is the first of somebody who may."""
    with store.transaction() as transaction:
        state = transaction.row("read_click", lead_id=lead_id, slack_user=slack_user)
        assert state is not None
        if state["status"] is None:
            return ClickAnswer(outcome="late", text=NO_SUCH_LEAD)
        agent, refusal = _find_claimer(transaction, state)
        if agent is not None and refusal is None and state["status"] in OPEN:
            won = transaction.row("claim_lead", lead_id=lead_id, agent_id=agent.agent_id)
            if won is not None:
                answer = _win(transaction, lead_id, agent.agent_id, slack_user, channel, won["seconds"])
                queue_lead_effects(transaction, [lead_id], channels, now=state["now"])
                return answer
            # Somebody was quicker since we looked.
            state = transaction.row("read_claim_state", lead_id=lead_id)
            assert state is not None
        answer = _judge(state, agent, refusal)
        transaction.execute(
            "note_claim_attempt",
            lead_id=lead_id,
            slack_user=slack_user,
            agent_id=agent.agent_id if agent else None,
            outcome=answer.outcome,
            reason=refusal,
        )
        if answer.outcome != "again":
            queue_effects(transaction, [_answer_click(lead_id, slack_user, channel, answer)])
        return answer


def describe_state(state: Mapping[str, Any]) -> str:
    """Who has the lead, for whoever came too late."""
    name = escape(state["agent_name"] or "")
    if state["status"] == "claimed":
        return f"{name} was first, after {state['seconds']:.1f} s."
    if name:
        return f"The time to claim it is over; it went to {name}."
    return "The time to claim it is over; it goes to whoever is next in turn."


def _win(
    transaction: StoreTransaction, lead_id: int, agent_id: str, slack_user: str, channel: str, seconds: float
) -> ClickAnswer:
    transaction.execute("assign_claimed_lead", lead_id=lead_id, agent_id=agent_id, seconds=seconds)
    transaction.execute(
        "note_claim_attempt", lead_id=lead_id, slack_user=slack_user, agent_id=agent_id, outcome="won", reason=None
    )
    full_contact = NewEffect(
        idempotency_key=f"slack_message:claimed:{lead_id}",
        kind="slack_message",
        lead_id=lead_id,
        agent_id=agent_id,
        payload={"about": "claimed", "channel": channel},
    )
    queue_effects(transaction, [full_contact, close_card(lead_id)])
    return ClickAnswer(
        outcome="won", text=f"It is yours, after {seconds:.1f} s. The full contact is on its way to you."
    )


def _judge(state: Mapping[str, Any], agent: RoutingAgent | None, refusal: str | None) -> ClickAnswer:
    if state["status"] == "claimed":
        if agent is not None and agent.agent_id == state["claimed_by"]:
            return ClickAnswer(outcome="again", text="It is yours already.")
        return ClickAnswer(outcome="lost", text=describe_state(state))
    if refusal is not None and state["status"] in OPEN:
        return ClickAnswer(outcome="refused", text=refusal)
    return ClickAnswer(outcome="late", text=describe_state(state))


def _find_claimer(transaction: StoreTransaction, row: Mapping[str, Any]) -> tuple[RoutingAgent | None, str | None]:
    """Whose click it is, and why they may not claim; None where they may."""
    if row["agent_id"] is None:
        return None, UNKNOWN_USER
    agent = read_agent(row)
    if not row["active"]:
        return agent, "You are not among the agents who take leads."
    if away := agent.why_away(row["now"]):
        return agent, f"You cannot claim now: {away}."
    if agent.cap_open is None and agent.cap_per_day is None:
        return agent, None
    # Two clicks of one agent on two leads at once must not both fit under a cap.
    transaction.execute("lock_claimer", agent_id=agent.agent_id)
    asked = [{"agent_id": agent.agent_id, "day_start": agent.schedule.start_of_day(row["now"]).isoformat()}]
    for load in transaction.rows("count_loads", rows=as_json_rows(asked), open_days=OPEN_DAYS):
        agent = replace(agent, open_leads=load["open_leads"], leads_today=load["leads_today"])
    full = agent.why_full()
    return agent, f"You cannot claim now: your {full} is reached." if full else None


def _answer_click(lead_id: int, slack_user: str, channel: str, answer: ClickAnswer) -> NewEffect:
    """The answer as a message that only they see: Slack shows nothing of what a click is answered with."""
    payload = {"about": "click", "slack_user": slack_user, "channel": channel}
    if answer.outcome == "refused":
        payload["reason"] = answer.text
    return NewEffect(
        idempotency_key=f"slack_message:click:{lead_id}:{slack_user}:{answer.outcome}",
        kind="slack_message",
        lead_id=lead_id,
        payload=payload,
    )
