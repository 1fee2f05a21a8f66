"""Senders of the CRM's effects: contact, owner, note, task, facts.

What may have been done is looked for before it is done. What is written is decided in `domain.crm_leads`; how a CRM
spells it, in its adapter.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

from leadflow_pipeline.domain.crm_leads import (
    CrmContact,
    CrmFacts,
    CrmLead,
    CrmNote,
    CrmTask,
    describe_facts,
    describe_for_crm,
    owner_to_write,
    write_note,
    write_task,
)
from leadflow_pipeline.domain.errors import PermanentError, TransientError
from leadflow_pipeline.domain.quiet_hours import read_quiet_hours, read_time_zone
from leadflow_pipeline.domain.routing.working_hours import HoursError, Schedule, read_schedule
from leadflow_pipeline.stages.deliveries import Effect, Sender
from leadflow_pipeline.stages.store import Store


class Crm(Protocol):
    """A CRM, whichever it is. Every method raises our two kinds of error."""

    name: str

    def find_lead(self, lead: CrmLead) -> CrmContact | None: ...

    def add_lead(self, lead: CrmLead, owner_id: str | None) -> CrmContact: ...

    def add_facts(self, contact_id: str, facts: CrmFacts) -> None: ...

    def find_user(self, email: str) -> str | None: ...

    def read_contact(self, contact_id: str) -> CrmContact: ...

    def change_owner(self, contact_id: str, owner_id: str) -> None: ...

    def find_note(self, contact_id: str, note: CrmNote) -> str | None: ...

    def add_note(self, contact_id: str, note: CrmNote) -> str: ...

    def find_task(self, contact_id: str, task: CrmTask) -> str | None: ...

    def add_task(self, contact_id: str, task: CrmTask, owner_id: str) -> str: ...


def build_crm_senders(
    store: Store, crm: Crm, *, time_zone: str, now: Callable[[], datetime] = lambda: datetime.now(UTC)
) -> dict[str, Sender]:
    """The senders of all CRM kinds. `time_zone` is that of agents who have named none."""
    desk = CrmDesk(store, crm)
    return {
        "crm_contact": ContactSender(desk),
        "crm_owner": OwnerSender(desk),
        "crm_note": NoteSender(desk),
        "crm_task": TaskSender(desk, time_zone, now),
        "crm_facts": FactsSender(desk),
    }


class CrmDesk:
    """A CRM beside what we remember of it: which contact a lead has, which user an agent is."""

    def __init__(self, store: Store, crm: Crm) -> None:
        self._store = store
        self.crm = crm
        self._users: dict[str, str] = {}  # a CRM's users change their e-mail more rarely than this process lives

    def read_lead(self, effect: Effect) -> Mapping[str, Any]:
        """The lead of an effect, as it is known now."""
        with self._store.transaction() as transaction:
            lead = transaction.row("read_delivery_lead", lead_id=effect.lead_id)
        if lead is None:
            raise PermanentError(f"Lead {effect.lead_id} is no longer there.")
        return lead

    def read_agent(self, agent_id: str | None) -> Mapping[str, Any] | None:
        """An agent with what a CRM calls the agent."""
        with self._store.transaction() as transaction:
            return transaction.row("read_delivery_agent", agent_id=agent_id)

    def find_user(self, agent: Mapping[str, Any] | None) -> str | None:
        """The CRM's user for an agent: as configured, else the one with the agent's e-mail."""
        if agent is None:
            return None
        known = (agent["crm_ids"] or {}).get(self.crm.name) or self._users.get(agent["agent_id"])
        if known is None and agent["email"]:
            known = self.crm.find_user(agent["email"])
            if known is not None:
                self._users[agent["agent_id"]] = known
        return None if known is None else str(known)

    def need_user(self, agent_id: str | None) -> str:
        """The CRM's user for an agent who has to have one."""
        user = self.find_user(self.read_agent(agent_id))
        if user is None:
            raise PermanentError(
                f"Agent {agent_id} is no user of {self.crm.name}: add one with the agent's e-mail there, or name the "
                "user in the agent's crm_ids; then `leadflow deliveries retry`."
            )
        return user

    def need_contact(self, lead_id: int | None) -> CrmContact:
        """The contact that a lead became."""
        with self._store.transaction() as transaction:
            row = transaction.row("find_crm_contact", lead_id=lead_id, crm=self.crm.name)
        if row is None:
            raise TransientError(f"Lead {lead_id} is not in {self.crm.name} yet.")
        return CrmContact(**row)

    def find_known_contact(self, lead_id: int | None) -> str | None:
        """The contact that the lead's person became by another lead."""
        with self._store.transaction() as transaction:
            known: str | None = transaction.value("find_contact_of_person", lead_id=lead_id, crm=self.crm.name)
        return known

    def list_written_owners(self, contact_id: str) -> list[str]:
        """The owners that we gave this contact."""
        with self._store.transaction() as transaction:
            rows = transaction.rows("list_written_owners", crm=self.crm.name, contact_id=contact_id)
        return [row["owner_id"] for row in rows]

    def remember(self, lead_id: int | None, contact_id: str, owner_id: str | None) -> None:
        """Write down whom the CRM made of a lead, and the owner we gave."""
        with self._store.transaction() as transaction:
            transaction.execute(
                "write_crm_contact", lead_id=lead_id, crm=self.crm.name, contact_id=contact_id, owner_id=owner_id
            )


@dataclass(frozen=True)
class ContactSender:
    """Takes a lead into the CRM."""

    desk: CrmDesk

    def send(self, effect: Effect) -> str:
        """Gives the contact's id."""
        lead = describe_for_crm(self.desk.read_lead(effect), self.desk.find_known_contact(effect.lead_id))
        wanted = self.desk.find_user(self.desk.read_agent(effect.agent_id)) if effect.agent_id else None
        contact = self.desk.crm.find_lead(lead) if effect.may_have_acted else None
        if contact is None:
            contact = self.desk.crm.add_lead(lead, wanted)
        # Only an owner that the CRM took over from us is ours to change later.
        owner_id = wanted if contact.owner_id == wanted else None
        self.desk.remember(effect.lead_id, contact.contact_id, owner_id)
        return contact.contact_id


@dataclass(frozen=True)
class OwnerSender:
    """Gives a contact to the agent whose lead it is; an owner that a person chose in the CRM stays."""

    desk: CrmDesk

    def send(self, effect: Effect) -> str:
        """Gives the owner that the contact has in the end."""
        wanted = self.desk.need_user(effect.agent_id)
        contact = self.desk.need_contact(effect.lead_id)
        if contact.owner_id == wanted:
            return wanted  # the CRM took this owner with the contact, or at an earlier try
        there = self.desk.crm.read_contact(contact.contact_id)
        owner = owner_to_write(there.owner_id, wanted, self.desk.list_written_owners(contact.contact_id))
        if owner is not None:
            self.desk.crm.change_owner(contact.contact_id, owner)
        elif there.owner_id != wanted:
            return f"{there.owner_id} (chosen in the CRM)"
        self.desk.remember(effect.lead_id, contact.contact_id, wanted)
        return wanted


@dataclass(frozen=True)
class NoteSender:
    """Writes the note with the reasons for the score, and a further one when vendors tell more."""

    desk: CrmDesk

    def send(self, effect: Effect) -> str:
        """Gives the note's id."""
        contact = self.desk.need_contact(effect.lead_id)
        note = write_note(self.desk.read_lead(effect), effect.payload.get("vendors", ()))
        there = self.desk.crm.find_note(contact.contact_id, note) if effect.may_have_acted else None
        return there or self.desk.crm.add_note(contact.contact_id, note)


@dataclass(frozen=True)
class FactsSender:
    """Adds to the contact what vendors know; done again, it finds nothing left to add."""

    desk: CrmDesk

    def send(self, effect: Effect) -> str | None:
        """Gives the contact's id; None where vendors know nothing that a CRM has a place for."""
        facts = describe_facts(self.desk.read_lead(effect))
        if facts.is_empty:
            return None
        contact = self.desk.need_contact(effect.lead_id)
        self.desk.crm.add_facts(contact.contact_id, facts)
        return contact.contact_id


@dataclass(frozen=True)
class TaskSender:
    """Makes the agent's follow-up task."""

    desk: CrmDesk
    time_zone: str
    now: Callable[[], datetime]

    def send(self, effect: Effect) -> str:
        """Gives the task's id."""
        contact = self.desk.need_contact(effect.lead_id)
        agent = self.desk.read_agent(effect.agent_id)
        owner_id = self.desk.need_user(effect.agent_id)
        zone = read_time_zone(agent["time_zone"] if agent else None, self.time_zone)
        quiet = read_quiet_hours(agent["quiet_hours"] if agent else None)
        schedule = _read_schedule(agent) if agent else None
        task = write_task(self.desk.read_lead(effect), self.now(), zone, quiet, schedule)
        there = self.desk.crm.find_task(contact.contact_id, task) if effect.may_have_acted else None
        return there or self.desk.crm.add_task(contact.contact_id, task, owner_id)


def _read_schedule(agent: Mapping[str, Any]) -> Schedule | None:
    """When the agent works; None where a person has written what cannot be read."""
    try:
        return read_schedule(agent["time_zone"], agent["working_hours"], agent["time_off"])
    except HoursError:
        return None
