"""Fetches what vendors did not answer in time, adds it to the leads, scores them anew, and passes on what changed.

A lead of the drip that is no longer low is assigned, by the run that gives out leads; one that has an agent stays
there, and the CRM is told. Leads that are still on their way are left alone.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from leadflow_pipeline.domain.enrichment import tell_lead, urgency
from leadflow_pipeline.stages.effects import NewEffect, queue_effects
from leadflow_pipeline.stages.enriched_leads import Enrichment
from leadflow_pipeline.stages.store import Store, StoreTransaction, as_json_rows
from leadflow_pipeline.stages.vendor_budgets import list_bills

GIVE_UP_DAYS = 14
PATIENCE_SECONDS = 20.0  # between two tries for the same lead


@dataclass(frozen=True, kw_only=True)
class LateCounts:
    """What came late."""

    tried: int
    completed: int
    rescored: int
    out_of_drip: int
    still_waiting: int


@dataclass(frozen=True, kw_only=True)
class WaitingForVendor:
    """Leads that wait for a vendor's answer."""

    vendor: str
    waiting: int
    given_up: int  # they waited too long and are not asked about any more


def list_waiting(store: Store) -> list[WaitingForVendor]:
    """For whose answers leads wait."""
    with store.transaction() as transaction:
        return [WaitingForVendor(**row) for row in transaction.rows("count_waiting_enrichments", days=GIVE_UP_DAYS)]


def is_late_work_due(store: Store, enrichment: Enrichment) -> bool:
    """Whether leads wait for a vendor that may be asked now, and no new lead waits for a batch."""
    vendors = _vendors_to_ask(store, enrichment)
    if not any(each.waiting and each.vendor in vendors for each in list_waiting(store)):
        return False
    with store.transaction() as transaction:
        return not transaction.value("count_events_behind")


def forget_expired(store: Store, *, coordinates_days: int) -> tuple[int, int]:
    """Forget what may not be kept any longer; gives the numbers of answers and of leads that lost coordinates."""
    with store.transaction() as transaction:
        return (
            transaction.execute("forget_answers"),
            transaction.execute("forget_coordinates", keep_days=coordinates_days),
        )


def enrich_late(
    store: Store,
    *,
    batch_id: uuid.UUID,
    enrichment: Enrichment,
    seconds: float,
    most: int = 500,
    patience_seconds: float = PATIENCE_SECONDS,
) -> LateCounts:
    """One round of at most `most` leads and about `seconds`; what is still missing waits for the next."""
    with store.transaction() as transaction:
        leads = transaction.rows(
            "claim_waiting_enrichments",
            vendors=_vendors_to_ask(store, enrichment),
            most=most,
            days=GIVE_UP_DAYS,
            patience_seconds=patience_seconds,
        )
    plans = {lead["lead_id"]: enrichment.plan(lead) for lead in sorted(leads, key=urgency, reverse=True)}
    known = enrichment.fetch(store, plans, seconds)
    rows = [{"lead_id": lead_id, **tell_lead(plan, known)} for lead_id, plan in plans.items()]
    with store.transaction() as transaction:
        learned = _add(transaction, leads, rows)
        rescored, out_of_drip = _pass_on(transaction, batch_id, learned)
    return LateCounts(
        tried=len(leads),
        completed=sum(not row["waits_for"] for row in rows),
        rescored=rescored,
        out_of_drip=out_of_drip,
        still_waiting=sum(bool(row["waits_for"]) for row in rows),
    )


def _vendors_to_ask(store: Store, enrichment: Enrichment) -> list[str]:
    """Those that are at hand and whose breaker does not say no."""
    return [bill.vendor for bill in list_bills(store) if bill.vendor in enrichment.clients and bill.breaker != "open"]


@dataclass(frozen=True, kw_only=True)
class _Learned:
    lead_id: int
    vendors: tuple[str, ...]  # whose answer came


def _add(
    transaction: StoreTransaction, leads: Sequence[Mapping[str, Any]], rows: Sequence[Mapping[str, Any]]
) -> list[_Learned]:
    """Write what came; gives the leads of which something is known now that was not before."""
    if not rows:
        return []
    waited = {lead["lead_id"]: lead["waits_for"] for lead in leads}
    wait_still = {row["lead_id"]: row["waits_for"] for row in rows}
    return [
        _Learned(
            lead_id=row["lead_id"],
            vendors=tuple(sorted(set(waited[row["lead_id"]]) - set(wait_still[row["lead_id"]]))),
        )
        for row in transaction.rows("add_late_facts", rows=as_json_rows(rows))
    ]


def _pass_on(transaction: StoreTransaction, batch_id: uuid.UUID, learned: Sequence[_Learned]) -> tuple[int, int]:
    """Score anew and act on it; gives how many scores changed, and how many leads leave the drip."""
    if not learned:
        return 0, 0
    ids = [each.lead_id for each in learned]
    rescored = transaction.rows("rescore_leads", lead_ids=ids, batch_id=batch_id, because="a vendor answered late")
    places = {row["lead_id"]: row for row in transaction.rows("list_agents_of_leads", lead_ids=ids)}
    risen = [row["lead_id"] for row in rescored if row["bucket"] != "low"]
    out_of_drip = transaction.execute("take_out_of_drip", lead_ids=risen)
    if out_of_drip:
        transaction.execute("announce_landing")
    queue_effects(
        transaction,
        [
            NewEffect(
                idempotency_key=f"crm_note:enriched:{each.lead_id}:{'+'.join(each.vendors)}",
                kind="crm_note",
                lead_id=each.lead_id,
                agent_id=places[each.lead_id]["agent_id"],
                payload={"about": "enriched", "vendors": list(each.vendors)},
            )
            for each in learned
            if each.lead_id in places and places[each.lead_id]["agent_id"]
        ],
    )
    return len(rescored), out_of_drip
