"""Fetches what vendors did not answer in time, adds it to the leads, scores them anew, and passes on what changed.

A lead of the drip that is no longer low is assigned, by the run that gives out leads; one that has an agent stays
there, and the CRM is told. Leads that are still on their way are left alone.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from leadflow_pipeline.domain.enrichment import list_tellers, tell_lead, urgency
from leadflow_pipeline.domain.lead_effects import effects_of_late_facts
from leadflow_pipeline.stages.effects import queue_effects
from leadflow_pipeline.stages.enriched_leads import Enrichment, note_answers
from leadflow_pipeline.stages.store import Store, StoreTransaction, as_json_rows
from leadflow_pipeline.stages.vendor_budgets import list_bills

GIVE_UP_DAYS = 14
PATIENCE_SECONDS = 20.0  # between two tries for the same lead
# In steady traffic there is always a lead that has just come; one that has waited for so long tells of a spike.
SPIKE_SECONDS = 5.0


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
    """Whether leads wait for a vendor that may be asked now, and new leads do not have to wait for a batch."""
    if not _vendors_to_settle(store, enrichment):
        return False
    with store.transaction() as transaction:
        return not transaction.value("count_events_behind", waited_seconds=SPIKE_SECONDS)


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
            vendors=_vendors_to_settle(store, enrichment),
            most=most,
            days=GIVE_UP_DAYS,
            patience_seconds=patience_seconds,
        )
    plans = {lead["lead_id"]: enrichment.plan(lead) for lead in sorted(leads, key=urgency, reverse=True)}
    known = enrichment.fetch(store, plans, seconds, people_rate_seconds=seconds)
    rows = [{"lead_id": lead_id, **tell_lead(plan, known)} for lead_id, plan in plans.items()]
    waited = {lead["lead_id"]: lead["waits_for"] for lead in leads}
    with store.transaction() as transaction:
        answered = transaction.rows("add_late_facts", rows=as_json_rows(rows)) if rows else []
        plans_answered = {row["lead_id"]: plans[row["lead_id"]] for row in answered}
        note_answers(transaction, batch_id, plans_answered, known)
        tellers = {lead_id: list_tellers(plan, known, waited[lead_id]) for lead_id, plan in plans_answered.items()}
        rescored, out_of_drip = _pass_on(transaction, batch_id, tellers)
    return LateCounts(
        tried=len(leads),
        completed=sum(not row["waits_for"] for row in rows),
        rescored=rescored,
        out_of_drip=out_of_drip,
        still_waiting=sum(bool(row["waits_for"]) for row in rows),
    )


def _vendors_to_settle(store: Store, enrichment: Enrichment) -> list[str]:
    """Vendors that leads wait for and that may be asked, and those that are no longer at hand and never will be."""
    resting = {
        bill.vendor for bill in list_bills(store) if bill.breaker == "open" and bill.vendor in enrichment.clients
    }
    return [each.vendor for each in list_waiting(store) if each.waiting and each.vendor not in resting]


def _pass_on(
    transaction: StoreTransaction, batch_id: uuid.UUID, tellers: Mapping[int, Sequence[str]]
) -> tuple[int, int]:
    """Score anew and act on it; gives how many scores changed, and how many leads leave the drip.

    `tellers`: by lead who has told something of it.
    """
    if not tellers:
        return 0, 0
    ids = list(tellers)
    rescored = transaction.rows("rescore_leads", lead_ids=ids, batch_id=batch_id, because="a vendor answered late")
    risen = [row["lead_id"] for row in rescored if row["bucket"] != "low"]
    out_of_drip = transaction.execute("take_out_of_drip", lead_ids=risen)
    if out_of_drip:
        transaction.execute("announce_landing")
    in_crm = {row["lead_id"]: row["agent_id"] for row in transaction.rows("list_leads_in_crm", lead_ids=ids)}
    queue_effects(
        transaction,
        (
            effect
            for lead_id, vendors in tellers.items()
            if vendors and lead_id in in_crm
            for effect in effects_of_late_facts(lead_id, in_crm[lead_id], vendors)
        ),
    )
    return len(rescored), out_of_drip
