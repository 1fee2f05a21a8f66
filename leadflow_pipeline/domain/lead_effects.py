"""Which effects a lead causes when it has found its place, or finds another one: CRM, text, direct message.

A function of the place, the agent's wishes and what is configured. A key names its cause, so that the same place told
twice causes nothing new, and another agent causes only what is new for that agent.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from leadflow_pipeline.domain.effects import NewEffect
from leadflow_pipeline.domain.quiet_hours import end_of_quiet, read_quiet_hours, read_time_zone


@dataclass(frozen=True, kw_only=True)
class Channels:
    """What leads are delivered through. By default nothing: whoever assigns says what is configured."""

    crm: bool = False
    sms: bool = False
    slack: bool = False
    time_zone: str = "America/New_York"  # of whoever has not named one


@dataclass(frozen=True, kw_only=True)
class PlacedLead:
    """A lead and its place, with what is known of how the agent is reached. `agent_id` None: the drip."""

    lead_id: int
    agent_id: str | None
    turn: int  # how many places the lead had before this one
    lead_before: int | None = None  # the person's lead that had its place before this one
    has_phone: bool = False
    has_slack: bool = False
    has_facts: bool = False  # vendors have told of the person
    notify_by: Sequence[str] | None = None
    quiet_hours: str | None = None
    time_zone: str | None = None


def effects_of_lead(placed: PlacedLead, channels: Channels, now: datetime) -> list[NewEffect]:
    """The effects of one place. The drip's own mails are queued by its schedule."""
    effects = list(_crm_effects(placed)) if channels.crm else []
    if placed.agent_id is not None:
        effects += _messages(placed, placed.agent_id, channels, now)
    return effects


def contact_key(lead_id: int) -> str:
    """The key of the effect that takes a lead into the CRM; notes, tasks and owners come after it."""
    return f"crm_contact:{lead_id}"


def effects_of_late_facts(lead_id: int, agent_id: str | None, vendors: Sequence[str]) -> Iterator[NewEffect]:
    """What is done when vendors tell more of a lead that is in the CRM already; an agent is told by a note."""
    about = {"about": "enriched", "vendors": list(vendors)}
    for kind in ("crm_facts", "crm_note") if agent_id else ("crm_facts",):
        yield NewEffect(
            idempotency_key=f"{kind}:enriched:{lead_id}:{'+'.join(vendors)}",
            kind=kind,
            lead_id=lead_id,
            agent_id=agent_id,
            payload=about,
            after_key=contact_key(lead_id),
        )


def _crm_effects(placed: PlacedLead) -> Iterator[NewEffect]:
    lead_id, agent_id = placed.lead_id, placed.agent_id
    contact = contact_key(lead_id)
    yield NewEffect(
        idempotency_key=contact,
        kind="crm_contact",
        lead_id=lead_id,
        agent_id=agent_id,
        # One after the other: two at once, of a person without an e-mail, would be two contacts.
        after_key=None if placed.lead_before is None else contact_key(placed.lead_before),
    )
    if placed.has_facts:
        yield NewEffect(idempotency_key=f"crm_facts:{lead_id}", kind="crm_facts", lead_id=lead_id, after_key=contact)
    if agent_id is None:
        return
    yield NewEffect(
        idempotency_key=f"crm_owner:{lead_id}:{placed.turn}:{agent_id}",
        kind="crm_owner",
        lead_id=lead_id,
        agent_id=agent_id,
        after_key=contact,
    )
    for kind in ("crm_note", "crm_task"):
        yield NewEffect(
            idempotency_key=f"{kind}:{lead_id}", kind=kind, lead_id=lead_id, agent_id=agent_id, after_key=contact
        )


def _messages(placed: PlacedLead, agent_id: str, channels: Channels, now: datetime) -> Iterator[NewEffect]:
    def wants(way: str) -> bool:
        return placed.notify_by is None or way in placed.notify_by

    zone = read_time_zone(placed.time_zone, channels.time_zone)
    speak_at = end_of_quiet(now, zone, read_quiet_hours(placed.quiet_hours))
    ways = []
    if channels.sms and placed.has_phone and wants("sms"):
        ways.append("sms")
    if channels.slack and placed.has_slack and wants("slack"):
        ways.append("slack_message")
    for kind in ways:
        yield NewEffect(
            idempotency_key=f"{kind}:{placed.lead_id}:{placed.turn}:{agent_id}",
            kind=kind,
            lead_id=placed.lead_id,
            agent_id=agent_id,
            payload={"about": "assigned"},
            due_at=speak_at if speak_at > now else None,
        )
