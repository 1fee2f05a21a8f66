"""Who gets each lead of a batch: a function of the leads that are due, the agents, and the state of the turns.

In order: the agent who has the person; the drip for low scores; the listing's own agent; an offer to all for hot
leads; then the pool, narrowed step by step, and a turn in it. A pool that nobody is left in is widened, never
given up. Reading all that under the rotation's lock, and writing the answer, is the work of `stages.assigned_leads`.
"""

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from leadflow_pipeline.domain.routing.agents import RoutingAgent
from leadflow_pipeline.domain.routing.claims import ClaimTerms, find_slot
from leadflow_pipeline.domain.routing.due_leads import FILTERS, DueLead, Filter
from leadflow_pipeline.domain.routing.rotation import PoolState, take_turn

NO_ACTIVE_AGENT = "no agent is active"
NOBODY_FREE = "every active agent is paused, away or at a cap"

Outs = dict[str, dict[str, list[str]]]  # step → reason → agents


@dataclass(frozen=True, kw_only=True)
class Assignment:
    """A lead's place: an agent, or None for the drip; and the verdict that led there."""

    lead_id: int
    agent_id: str | None
    method: str
    verdict: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Offer:
    """A lead that is offered in the hot channel."""

    lead_id: int
    post_at: datetime
    post_until: datetime
    verdict: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class WaitingLead:
    """A lead that nobody can take at present."""

    lead_id: int
    reason: str
    verdict: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Turns:
    """The state of all rotations."""

    pools: Mapping[str, PoolState] = field(default_factory=dict)
    number: int = 0  # of the last turn, over all pools
    next_card_at: datetime | None = None  # when the hot channel takes the next card


@dataclass(frozen=True, kw_only=True)
class RoutingDecision:
    """What becomes of each due lead, and the state behind it."""

    assignments: tuple[Assignment, ...]
    offers: tuple[Offer, ...]
    waiting: tuple[WaitingLead, ...]
    pools: Mapping[str, PoolState]  # those that changed
    last_turns: Mapping[str, int]  # agent → number of their last turn, of those who had one
    turns: int  # how many were used
    next_card_at: datetime | None


def route_leads(
    due: Sequence[DueLead],
    agents: Sequence[RoutingAgent],
    turns: Turns,
    *,
    now: datetime,
    terms: ClaimTerms | None = None,
) -> RoutingDecision:
    """Decide on all due leads, in the order given. Without `terms` nothing is offered."""
    router = _Router(agents, turns, now, terms)
    for lead in due:
        router.route(lead)
    return router.decision()


def name_pool(members: Sequence[str]) -> str:
    """The name under which the turns of these agents are kept."""
    return hashlib.sha256("\n".join(sorted(members)).encode()).hexdigest()[:16]


class _Router:
    """One batch's decisions, each seeing the turns and loads of those before it."""

    def __init__(self, agents: Sequence[RoutingAgent], turns: Turns, now: datetime, terms: ClaimTerms | None) -> None:
        self._agents = {agent.agent_id: agent for agent in agents}
        self._now = now
        self._terms = terms
        self._pools = dict(turns.pools)
        self._changed: set[str] = set()
        self._turn = self._first_turn = turns.number
        self._seniority = {agent.agent_id: agent.seniority for agent in agents}
        self._next_card_at = turns.next_card_at
        self._given: Counter[str] = Counter()
        # Neither changes within a batch, caps aside.
        self._away = {agent.agent_id: agent.why_away(now) for agent in agents}
        self._off_hours = {agent.agent_id for agent in agents if not agent.schedule.is_working(now)}
        self._owners: dict[int, str] = {}  # contact → agent, of this batch
        self._fits: dict[object, tuple[Outs, tuple[str, ...]]] = {}
        self._assignments: list[Assignment] = []
        self._offers: list[Offer] = []
        self._waiting: list[WaitingLead] = []

    def route(self, lead: DueLead) -> None:
        steps: Outs = {}
        owner = lead.owner_id or self._owners.get(lead.contact_id or 0)
        if owner and self._gives_to(lead, owner, "person's agent", steps):
            return
        if lead.bucket == "low":
            self._assignments.append(Assignment(lead_id=lead.lead_id, agent_id=None, method="drip"))
            return
        for agent in self._agents.values():
            listed = lead.listing is not None and lead.listing in agent.listings
            if listed and self._gives_to(lead, agent.agent_id, "listing's agent", steps):
                return
        if lead.bucket == "hot" and not lead.was_offered and self._offers_to_all(lead, steps):
            return
        self._take_turn(lead, steps)

    def decision(self) -> RoutingDecision:
        return RoutingDecision(
            assignments=tuple(self._assignments),
            offers=tuple(self._offers),
            waiting=tuple(self._waiting),
            pools={pool: self._pools[pool] for pool in self._changed},
            last_turns={
                agent_id: seniority.last_turn
                for agent_id, seniority in self._seniority.items()
                if seniority.last_turn > self._first_turn
            },
            turns=self._turn - self._first_turn,
            next_card_at=self._next_card_at,
        )

    def _gives_to(self, lead: DueLead, agent_id: str, step: str, steps: Outs) -> bool:
        """Gives the lead to one certain agent, past rotation, hours and caps, unless they are away."""
        reason = self._away[agent_id] if agent_id in self._agents else "not active"
        if reason:
            steps[step] = {reason: [agent_id]}
            return False
        verdict = _describe(steps, left=[agent_id], chosen_by=step)
        self._give(lead, agent_id, "owner", verdict)
        return True

    def _give(self, lead: DueLead, agent_id: str, method: str, verdict: Mapping[str, Any]) -> None:
        self._given[agent_id] += 1
        if lead.contact_id is not None:
            self._owners[lead.contact_id] = agent_id
        self._assignments.append(Assignment(lead_id=lead.lead_id, agent_id=agent_id, method=method, verdict=verdict))

    def _offers_to_all(self, lead: DueLead, steps: Outs) -> bool:
        if self._terms is None:
            return False
        claimers = [agent.agent_id for agent in self._agents.values() if agent.slack_id and self._can_take(agent)]
        slot = find_slot(lead.received_at, self._now, self._next_card_at, self._terms) if claimers else None
        if slot is None:
            steps["offer"] = {"no agent can be reached in Slack" if not claimers else "too late for an offer": []}
            return False
        self._next_card_at = slot.post_at + timedelta(seconds=self._terms.pace)
        self._offers.append(
            Offer(
                lead_id=lead.lead_id,
                post_at=slot.post_at,
                post_until=slot.post_until,
                verdict=_describe(steps, left=claimers),
            )
        )
        return True

    def _can_take(self, agent: RoutingAgent) -> bool:
        return not (self._away[agent.agent_id] or agent.why_full(self._given[agent.agent_id]))

    def _take_turn(self, lead: DueLead, steps: Outs) -> None:
        widened, group, free = self._find_free(lead, steps)
        if not free:
            reason = NOBODY_FREE if self._agents else NO_ACTIVE_AGENT
            self._waiting.append(WaitingLead(lead_id=lead.lead_id, reason=reason, verdict=_describe(steps)))
            return
        pool = name_pool(group)
        weights = {agent_id: self._agents[agent_id].weight for agent_id in free}
        chosen, self._pools[pool] = take_turn(weights, self._pools.get(pool, PoolState()), self._seniority)
        self._changed.add(pool)
        self._turn += 1
        self._seniority[chosen] = replace(self._seniority[chosen], last_turn=self._turn)
        method = "claim_timeout" if lead.was_offered else "rotation"
        self._give(lead, chosen, method, _describe(steps, left=free, widened=widened, pool=pool))

    def _find_free(self, lead: DueLead, steps: Outs) -> tuple[str | None, Sequence[str], Sequence[str]]:
        """What had to be ignored, the agents whom the lead suits, and those of them who can take it now."""
        outs, suited = self._find_suited(lead, FILTERS)
        steps.update(outs)
        strict = self._find_available(suited, steps, ignoring_hours=False)
        if strict:
            return None, suited, strict
        anywhere = self._find_suited(lead, FILTERS[1:])[1]
        for widened, group in (("hours", suited), ("territory", anywhere), ("everything", tuple(self._agents))):
            if free := self._find_available(group, None, ignoring_hours=True):
                return widened, group, free
        return None, (), ()

    def _find_suited(self, lead: DueLead, filters: Sequence[Filter]) -> tuple[Outs, tuple[str, ...]]:
        """Those whom the lead suits, whether they are there or not; the same for all leads of the same kind."""
        kind = (len(filters), lead.place, lead.price, lead.lead_type, lead.language)
        if kind in self._fits:
            return self._fits[kind]
        outs: Outs = {}
        left = list(self._agents)
        for step, reason, suits in filters:
            passed = [agent_id for agent_id in left if suits(self._agents[agent_id], lead)]
            if len(passed) < len(left):
                kept = set(passed)
                outs[step] = {reason: [agent_id for agent_id in left if agent_id not in kept]}
            left = passed
        self._fits[kind] = outs, tuple(left)
        return self._fits[kind]

    def _find_available(self, group: Sequence[str], steps: Outs | None, *, ignoring_hours: bool) -> list[str]:
        left = []
        reasons: dict[str, list[str]] = {}
        for agent_id in group:
            reason = self._away[agent_id]
            if reason is None and not ignoring_hours and agent_id in self._off_hours:
                reason = "outside working hours"
            reason = reason or self._agents[agent_id].why_full(self._given[agent_id])
            if reason:
                reasons.setdefault(reason, []).append(agent_id)
            else:
                left.append(agent_id)
        if reasons and steps is not None:
            steps["available now"] = reasons
        return left


def _describe(
    steps: Outs,
    *,
    left: Sequence[str] = (),
    chosen_by: str | None = None,
    widened: str | None = None,
    pool: str | None = None,
) -> dict[str, Any]:
    """The verdict as it is kept: who fell out at which step and why, who was left. Ids and reasons only."""
    described = {"out": {**steps}, "left": list(left), "chosen_by": chosen_by, "ignored": widened, "pool": pool}
    return {name: value for name, value in described.items() if value}
