"""A lead as a CRM is told of it: the person, the inquiry, tags, the note with the reasons, the follow-up task.

The same for every CRM; how one of them spells it is its adapter's business. Everything a lead wrote is plain text in
here: an adapter escapes it where its CRM would read more into it. docs/delivery.md lists the fields that we write.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from leadflow_pipeline.domain.enrichment import address_to_ask
from leadflow_pipeline.domain.plain_text import clean_line, clean_paragraphs
from leadflow_pipeline.domain.quiet_hours import QuietHours, end_of_quiet
from leadflow_pipeline.domain.routing.working_hours import Schedule

FOLLOW_UP_MINUTES = 15
_MESSAGE_LIMIT = 5_000
_LINE_LIMIT = 200


@dataclass(frozen=True, kw_only=True)
class CrmLead:
    """One lead: a person and an inquiry."""

    lead_id: int
    reference: str  # stands in everything we write for this lead, so that it is found again
    first_name: str | None
    last_name: str | None
    full_name: str | None
    email: str | None  # the person's own address, or the portal's relay for it
    phone: str | None  # E.164
    lead_type: str | None  # buyer, seller, renter
    source: str  # the source's name in leadflow
    message: str | None
    property_address: str | None
    property_city: str | None
    property_state: str | None
    property_zip: str | None
    property_mls_id: str | None
    property_price: Decimal | None
    property_url: str | None
    contact_id: str | None  # the contact that the person became by an earlier lead
    tags: tuple[str, ...]
    received_at: datetime


@dataclass(frozen=True, kw_only=True)
class CrmNote:
    """A note on the contact."""

    reference: str
    subject: str
    lines: tuple[str, ...]
    at: datetime


@dataclass(frozen=True, kw_only=True)
class CrmTask:
    """A task for the agent."""

    reference: str
    name: str  # holds the reference
    due_at: datetime


@dataclass(frozen=True, kw_only=True)
class CrmAddress:
    """Where the person lives, as a geocoder has confirmed it."""

    street: str
    city: str | None
    state: str | None
    zip: str | None


@dataclass(frozen=True, kw_only=True)
class CrmFacts:
    """What vendors know of the person. An adapter writes it only where nothing stands."""

    company: str | None
    job_title: str | None
    address: CrmAddress | None

    @property
    def work(self) -> str | None:
        """Title and company as one line."""
        return " at ".join(filter(None, (self.job_title, self.company))) or None

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to write."""
        return not (self.company or self.job_title or self.address)


@dataclass(frozen=True, kw_only=True)
class CrmContact:
    """A contact that is in the CRM."""

    contact_id: str
    owner_id: str | None


def lead_reference(lead_id: int) -> str:
    """What names a lead in a CRM."""
    return f"leadflow lead {lead_id}"


def late_reference(lead_id: int, vendors: Sequence[str]) -> str:
    """What names the note on what these vendors told of a lead later; no lead's own reference is in it."""
    return f"leadflow facts {lead_id} {'+'.join(vendors)}"


def holds_reference(text: str | None, reference: str) -> bool:
    """Whether a text names exactly this: lead 17 is not lead 170."""
    return bool(text) and re.search(rf"{re.escape(reference)}(?![\w+])", text or "") is not None


def describe_for_crm(lead: Mapping[str, Any], contact_id: str | None = None) -> CrmLead:
    """A lead from the row of `read_delivery_lead`, and the contact that its person is already, where we know one."""

    def line(name: str) -> str | None:
        return clean_line(lead[name], _LINE_LIMIT) or None

    return CrmLead(
        lead_id=lead["lead_id"],
        reference=lead_reference(lead["lead_id"]),
        first_name=line("first_name") or line("full_name"),
        last_name=line("last_name"),
        full_name=line("full_name"),
        email=line("email"),
        phone=lead["phone_e164"],
        lead_type=lead["lead_type"],
        source=lead["source"],
        message=clean_paragraphs(lead["message"], _MESSAGE_LIMIT) or None,
        property_address=line("property_address"),
        property_city=line("property_city"),
        property_state=line("property_state"),
        property_zip=line("property_zip"),
        property_mls_id=line("property_mls_id"),
        property_price=lead["property_price"],
        property_url=line("property_url"),
        contact_id=contact_id,
        tags=tuple(
            tag
            for tag in (
                f"leadflow {lead['bucket']}" if lead["bucket"] else None,
                f"source {lead['source']}",
                lead["lead_type"],
            )
            if tag
        ),
        received_at=lead["received_at"],
    )


def describe_facts(lead: Mapping[str, Any]) -> CrmFacts:
    """What vendors know of a lead's person, from the row of `read_delivery_lead`."""
    lives_there = lead["address_verified"] and lead["address"] and address_to_ask(lead) == lead["address"]
    street = " ".join(filter(None, (lead["street"], lead["unit"])))
    return CrmFacts(
        company=clean_line(lead["company"], _LINE_LIMIT) or None,
        job_title=clean_line(lead["job_title"], _LINE_LIMIT) or None,
        address=CrmAddress(
            street=clean_line(street, _LINE_LIMIT), city=lead["city"], state=lead["state"], zip=lead["zip"]
        )
        if lives_there
        else None,
    )


def write_note(lead: Mapping[str, Any], vendors: Sequence[str] = ()) -> CrmNote:
    """Why the lead is worth what it is worth, and what else is known; `vendors`: those that told of it only now."""
    reference = late_reference(lead["lead_id"], vendors) if vendors else lead_reference(lead["lead_id"])
    score, bucket = lead["score"], lead["bucket"]
    lines = [f"Score {score} ({bucket})" if score is not None else "Not scored"]
    lines += [_reason(rule) for rule in lead["contributions"]]
    facts = (
        ("Kind", lead["lead_type"]),
        ("Budget", _dollars(lead["budget"])),
        ("Rent a month", _dollars(lead["rent_monthly"])),
        ("When", lead["timeframe"]),
        ("Lives at", lead["address"]),
        ("Address confirmed", "yes" if lead["address_verified"] else None),
        ("Works as", describe_facts(lead).work),
    )
    lines += [f"{name}: {clean_line(str(value), _LINE_LIMIT)}" for name, value in facts if value]
    lines.append(f"Came from {lead['source']} by {lead['channel']}")
    lines.append(reference)
    subject = "leadflow: more is known" if vendors else f"leadflow: {bucket or 'new'} lead"
    return CrmNote(reference=reference, subject=subject, lines=tuple(lines), at=lead["received_at"])


def write_task(
    lead: Mapping[str, Any], now: datetime, zone: ZoneInfo, quiet: QuietHours | None, schedule: Schedule | None = None
) -> CrmTask:
    """The follow-up, due within the agent's next minutes of work; by the clock for who has no working hours."""
    reference = lead_reference(lead["lead_id"])
    who = clean_line(lead["full_name"], 80) or "the lead"
    deed = "Call" if lead["phone_e164"] else "Answer"
    start = end_of_quiet(now, zone, quiet)
    due_at = schedule.add_working_minutes(start, FOLLOW_UP_MINUTES) if schedule else None
    due_at = due_at or start + timedelta(minutes=FOLLOW_UP_MINUTES)
    return CrmTask(
        reference=reference, name=f"{deed} {who} ({reference})", due_at=due_at.astimezone(zone).replace(microsecond=0)
    )


def owner_to_write(current: str | None, wanted: str, written: Sequence[str]) -> str | None:
    """The owner to write, None where none: a person's choice in the CRM stays, only what we wrote is ours to change."""
    if current == wanted or (current is not None and current not in written):
        return None
    return wanted


def _reason(rule: Mapping[str, Any]) -> str:
    evidence = clean_line(str(rule.get("evidence") or ""), _LINE_LIMIT)
    return f"+{rule['points']} {str(rule['rule']).replace('_', ' ')}" + (f": {evidence}" if evidence else "")


def _dollars(amount: Decimal | None) -> str | None:
    return None if amount is None else f"${amount:,.0f}"
