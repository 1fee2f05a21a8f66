"""Adds to a batch's leads what vendors know, in the time that the batch has for it; the rest comes later.

What is asked and in which order is decided in `domain.enrichment`; `stages.late_enrichment` fetches what is missing.
"""

import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from leadflow_pipeline.domain.enrichment import (
    GEOCODER,
    Known,
    LeadQuestions,
    list_verdicts,
    plan_questions,
    seconds_for_vendors,
    tell_lead,
    urgency,
)
from leadflow_pipeline.stages.isolation import UNKNOWN_VERSION, judge_each, write_or_quarantine
from leadflow_pipeline.stages.store import Store, StoreTransaction, as_json_rows
from leadflow_pipeline.stages.vendor_answers import FetchTerms, VendorClient, fetch_answers
from leadflow_pipeline.stages.vendor_budgets import list_bills

STAGE = "enriched_leads"
# For how long a batch waits for the budgets of those who tell of people to refill. Whoever waits, a budget grants the
# same number of calls a minute: a batch that waited longer would have more of its leads told of, the next one fewer,
# and both late. The geocoder's is waited for: it refills fast, and an address may decide between drip and agent.
PEOPLE_RATE_SECONDS = 1.0


@dataclass(frozen=True, kw_only=True)
class Enrichment:
    """The vendors at hand and how they are used, by the settings."""

    clients: Mapping[str, VendorClient]  # in the order in which providers are asked
    keep_days: Mapping[str, int]
    most_seconds: float = 8.0  # a batch never waits longer for vendors
    share: float = 0.1  # of what its oldest lead has left of the 90 s
    at_once: int = 8
    batch_size: int = 500

    def close(self) -> None:
        """Close the vendors' idle connections."""
        for client in self.clients.values():
            client.close()

    def plan(self, lead: Mapping[str, Any]) -> LeadQuestions:
        """What to ask about a lead."""
        enrichers = [name for name in self.clients if name != GEOCODER]
        return plan_questions(lead, geocoder=GEOCODER in self.clients, enrichers=enrichers)

    def fetch(
        self, store: Store, plans: Mapping[int, LeadQuestions], seconds: float, *, people_rate_seconds: float
    ) -> Known:
        """What is known of these leads' questions after so many seconds; those of the first are asked first."""
        chains = [[plan.place] for plan in plans.values() if plan.place]
        chains += [list(plan.people) for plan in plans.values() if plan.people]
        terms = FetchTerms(
            seconds=seconds,
            rate_seconds={name: people_rate_seconds for name in self.clients if name != GEOCODER},
            at_once=self.at_once,
            keep_days=self.keep_days,
        )
        return fetch_answers(store, self.clients, chains, terms)


@dataclass(frozen=True, kw_only=True)
class EnrichedCounts:
    """What became of a batch, and what vendors were asked today in all. Money in US dollars."""

    leads: int
    verified_addresses: int
    known_people: int
    waiting: int
    seconds_given: float
    seconds_taken: float
    calls_today: int
    cache_hits_today: int
    cost_today: float
    breakers_open: int
    quarantined: int


def enrich_leads(
    store: Store, *, batch_id: uuid.UUID, enrichment: Enrichment, rules_version: str = UNKNOWN_VERSION
) -> EnrichedCounts:
    """Write what vendors tell of the batch's leads within its time; leads whose answer is missing wait for it."""
    began = time.monotonic()
    with store.transaction() as transaction:
        leads = transaction.rows("read_leads_to_enrich", batch_id=batch_id)
        behind: int = transaction.value("count_events_behind", waited_seconds=0)
    seconds = seconds_for_vendors(
        max((lead["age_seconds"] for lead in leads), default=0.0),
        -(-behind // enrichment.batch_size),
        most=enrichment.most_seconds,
        share=enrichment.share,
    )
    plans, bad = judge_each(sorted(leads, key=urgency, reverse=True), enrichment.plan, doing="enriching")
    known = enrichment.fetch(store, plans, seconds, people_rate_seconds=PEOPLE_RATE_SECONDS)
    told = {lead_id: tell_lead(plan, known) for lead_id, plan in plans.items()}

    def write(transaction: StoreTransaction, part: Sequence[tuple[int, Mapping[str, Any]]]) -> None:
        rows = as_json_rows({"lead_id": lead_id, **facts} for lead_id, facts in part)
        written = transaction.rows("write_enriched_leads", batch_id=batch_id, rows=rows)
        note_answers(transaction, batch_id, {row["lead_id"]: plans[row["lead_id"]] for row in written}, known)

    quarantined = write_or_quarantine(
        store, write, leads=told, bad=bad, batch_id=batch_id, stage=STAGE, version=rules_version
    )
    rows = told.values()
    bills = [bill for bill in list_bills(store) if bill.vendor in enrichment.clients]
    return EnrichedCounts(
        leads=len(told),
        verified_addresses=sum(row["address_verified"] for row in rows),
        known_people=sum(row["enriched_by"] is not None for row in rows),
        waiting=sum(bool(row["waits_for"]) for row in rows),
        seconds_given=seconds,
        seconds_taken=time.monotonic() - began,
        calls_today=sum(bill.calls_today for bill in bills),
        cache_hits_today=sum(bill.cache_hits_today for bill in bills),
        cost_today=float(sum((bill.cost_today for bill in bills), Decimal(0))),
        breakers_open=sum(bill.breaker != "closed" for bill in bills),
        quarantined=quarantined,
    )


def note_answers(
    transaction: StoreTransaction, batch_id: uuid.UUID, plans: Mapping[int, LeadQuestions], known: Known
) -> None:
    """Note of these leads who answered what, and charge them with what it cost."""
    rows = [
        {"lead_id": lead_id, "vendor": question.vendor, "request_key": question.key, "verdict": verdict}
        for lead_id, plan in plans.items()
        for question, verdict in list_verdicts(plan, known)
    ]
    if rows:
        transaction.execute("book_answers", batch_id=batch_id, rows=as_json_rows(rows))
