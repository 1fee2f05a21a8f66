"""Gives scored leads their place: an agent, the drip, the hot channel, or the waiting list.

Who gets whom is decided in `domain.routing`, who is who in `domain.identity`. Here the rotation is locked, read,
decided and written in one transaction, so that runs at the same time take turns and none is given twice.
"""

import uuid
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from statistics import quantiles
from typing import Any

from leadflow_pipeline.domain.languages import guess_language
from leadflow_pipeline.domain.lead_effects import Channels
from leadflow_pipeline.domain.routing.agents import RoutingAgent, read_agent
from leadflow_pipeline.domain.routing.claims import ClaimTerms
from leadflow_pipeline.domain.routing.decision import Offer, RoutingDecision, Turns, WaitingLead, route_leads
from leadflow_pipeline.domain.routing.due_leads import DueLead
from leadflow_pipeline.domain.routing.rotation import PoolState
from leadflow_pipeline.domain.routing.territories import Place
from leadflow_pipeline.stages.effects import NewEffect, queue_effects
from leadflow_pipeline.stages.lead_effects import queue_lead_effects
from leadflow_pipeline.stages.people import People, recognise_people
from leadflow_pipeline.stages.store import Store, StoreTransaction, as_json_rows

POOL = "default"
OPEN_DAYS = 30  # an older lead counts as open no longer
CLAIMS_AT_ONCE = 1_000
SAME_INQUIRY = timedelta(minutes=10)
NOWHERE = Channels()  # nothing is delivered


@dataclass(frozen=True, kw_only=True)
class RoutingTerms:
    """How leads are given out, by the settings."""

    claims: ClaimTerms | None = None  # None: hot leads are not offered, they go to the rotation like others
    same_inquiry: timedelta = SAME_INQUIRY  # the same person and property within this is the same inquiry


@dataclass(frozen=True, kw_only=True)
class AssignedCounts:
    """What became of a batch, and how long it took since arrival."""

    rotation: int
    owner: int
    claim_timeout: int
    drip: int
    offered: int
    merged: int
    waiting: int
    p50_seconds: float | None
    p95_seconds: float | None


def assign_leads(
    store: Store,
    *,
    batch_id: uuid.UUID,
    terms: RoutingTerms | None = None,
    channels: Channels = NOWHERE,
    lead_ids: Sequence[int] | None = None,
) -> AssignedCounts:
    """Place every scored lead of the batch, those that were waiting, and those whose offer has ended.

    What their places cause in the outside world is queued with them.
    With `lead_ids` only these, and no offer is ended: how a batch goes on without a lead that stops it.
    """
    terms = terms or RoutingTerms()
    with store.transaction() as transaction:
        rotation = transaction.row("lock_rotation", pool=POOL)
        assert rotation is not None
        ended = transaction.rows("close_claims", most=CLAIMS_AT_ONCE) if lead_ids is None else []
        closed = [row["lead_id"] for row in ended]
        due = transaction.rows("list_due_leads", batch_id=batch_id, closed=closed)
        if lead_ids is not None:
            due = [row for row in due if row["lead_id"] in set(lead_ids)]
        people = recognise_people(transaction, due, batch_id=batch_id, window=terms.same_inquiry)
        agents = read_routing_agents(transaction, rotation["now"])
        decision = route_leads(
            [read_lead(row, people) for row in due if row["lead_id"] not in people.copies],
            agents,
            Turns(pools=read_pools(transaction), number=rotation["turns"], next_card_at=rotation["next_card_at"]),
            now=rotation["now"],
            terms=terms.claims,
        )
        assigned = _write(transaction, batch_id, decision, was_offered=set(closed))
        queue_lead_effects(transaction, [row["lead_id"] for row in assigned], channels, now=rotation["now"])
        transaction.execute("release_events", batch_id=batch_id)
        transaction.execute("announce_landing")  # a place among the runs at work is free
    methods = Counter(row["method"] for row in assigned)
    seconds = [row["seconds"] for row in assigned]
    return AssignedCounts(
        rotation=methods["rotation"],
        owner=methods["owner"],
        claim_timeout=methods["claim_timeout"],
        drip=methods["drip"],
        offered=len(decision.offers),
        merged=len(people.copies),
        waiting=len(decision.waiting),
        p50_seconds=_percentile(seconds, 50),
        p95_seconds=_percentile(seconds, 95),
    )


def read_routing_agents(transaction: StoreTransaction, now: datetime) -> list[RoutingAgent]:
    """The active agents with what they have been given."""
    agents = [read_agent(row) for row in transaction.rows("list_agents_for_routing")]
    capped = [agent for agent in agents if agent.cap_open is not None or agent.cap_per_day is not None]
    if not capped:
        return agents
    asked = [
        {"agent_id": agent.agent_id, "day_start": agent.schedule.start_of_day(now).isoformat()} for agent in capped
    ]
    loads = {
        row["agent_id"]: row for row in transaction.rows("count_loads", rows=as_json_rows(asked), open_days=OPEN_DAYS)
    }
    return [
        replace(agent, open_leads=load["open_leads"], leads_today=load["leads_today"])
        if (load := loads.get(agent.agent_id))
        else agent
        for agent in agents
    ]


def read_pools(transaction: StoreTransaction) -> dict[str, PoolState]:
    """How far each pool is in its rotation."""
    return {
        row["pool"]: PoolState(weights=row["weights"], served=row["served"]) for row in transaction.rows("read_pools")
    }


def save_turns(transaction: StoreTransaction, decision: RoutingDecision) -> None:
    """Keep whose turn it was; only for whoever holds the rotation's lock."""
    transaction.execute(
        "save_turns",
        pool=POOL,
        turns=decision.turns,
        next_card_at=decision.next_card_at,
        pools=as_json_rows({"pool": pool, **vars(state)} for pool, state in decision.pools.items()),
        last_turns=as_json_rows(
            {"agent_id": agent_id, "last_turn": turn} for agent_id, turn in sorted(decision.last_turns.items())
        ),
    )


def read_lead(row: Mapping[str, Any], people: People) -> DueLead:
    """A due lead from a row of `list_due_leads`."""
    price = row["property_price"] if row["property_price"] is not None else row["budget"]
    contact_id = people.contact_of.get(row["lead_id"])
    return DueLead(
        lead_id=row["lead_id"],
        bucket=row["bucket"],
        received_at=row["received_at"],
        place=Place(zip=row["zip"], city=row["city"], state=row["state"], county=row["county"]),
        # A rental's price is a month's rent and says nothing about price bands.
        price=None if row["lead_type"] == "renter" else price,
        lead_type=row["lead_type"],
        language=guess_language(row["message"]),
        listing=row["property_mls_id"].casefold() if row["property_mls_id"] else None,
        contact_id=contact_id,
        owner_id=people.agent_of.get(contact_id) if contact_id is not None else None,
        was_offered=row["was_offered"],
    )


def _write(
    transaction: StoreTransaction,
    batch_id: uuid.UUID,
    decision: RoutingDecision,
    *,
    was_offered: set[int],
) -> list[Mapping[str, Any]]:
    """Assignments, offers, waiting leads, turns and what has to be told to whom; gives the assignments."""
    assigned = transaction.rows(
        "write_assigned_leads", batch_id=batch_id, rows=as_json_rows(map(vars, decision.assignments))
    )
    effects = [close_card(row["lead_id"]) for row in assigned if row["lead_id"] in was_offered]
    if decision.offers:
        offered = transaction.rows(
            "write_claims", batch_id=batch_id, rows=as_json_rows(map(_offer_row, decision.offers))
        )
        post_at = {offer.lead_id: offer.post_at for offer in decision.offers}
        effects += [
            NewEffect(
                idempotency_key=card_key(row["lead_id"]),
                kind="slack_card",
                lead_id=row["lead_id"],
                due_at=post_at[row["lead_id"]],
            )
            for row in offered
        ]
    if decision.waiting:
        effects += _write_waiting(transaction, batch_id, decision.waiting)
    if decision.turns or decision.offers:
        save_turns(transaction, decision)
    queue_effects(transaction, effects)
    return assigned


def card_key(lead_id: int) -> str:
    """Names the card of a lead's offer."""
    return f"slack_card:{lead_id}"


def close_card(lead_id: int) -> NewEffect:
    """The card's last state: who has the lead."""
    return NewEffect(
        idempotency_key=f"slack_card_update:{lead_id}",
        kind="slack_card_update",
        lead_id=lead_id,
        after_key=card_key(lead_id),
    )


def _offer_row(offer: Offer) -> dict[str, Any]:
    return {
        **vars(offer),
        "post_at": offer.post_at.isoformat(),
        "post_until": offer.post_until.isoformat(),
    }


def _write_waiting(
    transaction: StoreTransaction, batch_id: uuid.UUID, waiting: Sequence[WaitingLead]
) -> list[NewEffect]:
    """Put leads on the waiting list; the people who run this are told once for each batch that has new ones."""
    begun = transaction.rows("write_waiting_leads", batch_id=batch_id, rows=as_json_rows(map(vars, waiting)))
    if not begun:
        return []
    reason = begun[0]["reason"]
    leads = "1 lead waits" if len(begun) == 1 else f"{len(begun)} leads wait"
    text = f"{leads} for an agent: {reason}. As soon as somebody can take leads, they are given out."
    return [NewEffect(idempotency_key=f"ops_alert:waiting:{batch_id}", kind="ops_alert", payload={"text": text})]


def _percentile(values: Sequence[float], percent: int) -> float | None:
    if len(values) < 2:
        return values[0] if values else None
    return quantiles(values, n=100, method="inclusive")[percent - 1]
