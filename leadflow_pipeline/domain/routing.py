"""Who gets a lead: a function of the leads that are due, the agents, and whose turn it was last.

Reading those under the rotation's lock, and writing the answer, is the work of `stages.assigned_leads`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

NO_ACTIVE_AGENT = "no agent is active"


@dataclass(frozen=True, kw_only=True)
class DueLead:
    """A scored lead that has no place yet."""

    lead_id: int
    bucket: str


@dataclass(frozen=True, kw_only=True)
class RotationAgent:
    """An active agent and its place in the rotation."""

    agent_id: str
    rotation_order: int


@dataclass(frozen=True, kw_only=True)
class Assignment:
    """A lead's place: an agent, or None for the drip."""

    lead_id: int
    agent_id: str | None
    method: str


@dataclass(frozen=True, kw_only=True)
class WaitingLead:
    """A lead that nobody can take at present."""

    lead_id: int
    reason: str


@dataclass(frozen=True, kw_only=True)
class RoutingDecision:
    """What becomes of each due lead, and whose turn it was last afterwards."""

    assignments: tuple[Assignment, ...]
    waiting: tuple[WaitingLead, ...]
    last_rotation_order: int
    turns: int


def route_leads(due: Sequence[DueLead], agents: Sequence[RotationAgent], last_rotation_order: int) -> RoutingDecision:
    """Low leads go to the drip; the others to the next agent in turn, in the order given.

    `agents` are in rotation order. The turn goes on behind `last_rotation_order` even if that agent has left.
    """
    assignments: list[Assignment] = []
    waiting: list[WaitingLead] = []
    turns = 0
    first = next((place for place, agent in enumerate(agents) if agent.rotation_order > last_rotation_order), 0)
    for lead in due:
        if lead.bucket == "low":
            assignments.append(Assignment(lead_id=lead.lead_id, agent_id=None, method="drip"))
        elif not agents:
            waiting.append(WaitingLead(lead_id=lead.lead_id, reason=NO_ACTIVE_AGENT))
        else:
            agent = agents[(first + turns) % len(agents)]
            assignments.append(Assignment(lead_id=lead.lead_id, agent_id=agent.agent_id, method="rotation"))
            last_rotation_order = agent.rotation_order
            turns += 1
    return RoutingDecision(
        assignments=tuple(assignments),
        waiting=tuple(waiting),
        last_rotation_order=last_rotation_order,
        turns=turns,
    )
