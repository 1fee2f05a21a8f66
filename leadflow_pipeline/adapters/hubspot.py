"""HubSpot: a contact by e-mail, with the lead's note and task associated to it.

Documented (grade A): `POST /crm/v3/objects/contacts` with one of email, firstname, lastname; e-mail as the unique key;
tasks with properties and associations; rate headers. Unconfirmed (K): 409 with the existing id, search, owners, a
custom property with unique values, the property names of notes and tasks, association type ids 202 and 204.
Contacts get a property of ours with the id of the lead that made them, unique, so that a lead without an e-mail
cannot make two; it is made the first time it is missing.
"""

import html
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from leadflow_pipeline.adapters.vendor_calls import Answer, VendorCalls
from leadflow_pipeline.domain.crm_leads import CrmContact, CrmFacts, CrmLead, CrmNote, CrmTask, holds_reference
from leadflow_pipeline.domain.crm_notices import CrmActivity, CrmNotice
from leadflow_pipeline.domain.errors import TransientError

CONTACTS = "/crm/v3/objects/contacts"
OUR_PROPERTIES = {"leadflow_lead_id": "leadflow lead", "leadflow_tags": "leadflow tags"}
ADDRESS = ["address", "city", "state", "zip"]
READ = [
    *("email", "firstname", "lastname", "phone", "hubspot_owner_id", "message", "company", "jobtitle"),
    *ADDRESS,
    *OUR_PROPERTIES,
]
NOTE_TO_CONTACT, TASK_TO_CONTACT = 202, 204
PAGE = 100
_EXISTING = re.compile(r"Existing ID:\s*(\d+)")


class HubSpot:
    """A client of one account, by a private app's token. Safe to share between threads."""

    name = "hubspot"

    def __init__(self, base_url: str, token: str, *, seconds: float = 8.0) -> None:
        headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
        self._calls = VendorCalls("HubSpot", base_url, headers=headers, seconds=seconds, read_rest=_read_rest)

    def find_lead(self, lead: CrmLead) -> CrmContact | None:
        """The contact that this very lead has made; None where it is not known that there is one.

        With an e-mail nothing has to be asked: HubSpot answers a second one with the id of the first.
        """
        made = () if lead.email else self._search("leadflow_lead_id", str(lead.lead_id))
        return next(map(_contact, made), None)

    def add_lead(self, lead: CrmLead, owner_id: str | None) -> CrmContact:
        """Make the contact, or add to the one there is what it lacks; what stands there already stays."""
        known = self._find_person(lead)
        if known is None:
            properties = _properties(lead, owner_id)
            answer = self._calls.call("POST", CONTACTS, acts=True, json={"properties": properties})
            if answer.status == 400 and "PROPERTY_DOESNT_EXIST" in str(answer.body):
                self._add_our_properties()
                answer = self._calls.call("POST", CONTACTS, acts=True, json={"properties": properties})
            if answer.status == 201:
                return _contact(answer.body)
            existing = _existing_id(answer)
            if existing is None:
                raise self._calls.refuse(answer, "take the contact")
            known = CrmContact(contact_id=existing, owner_id=None)
        return self._fill_gaps(known.contact_id, lead, owner_id)

    def add_facts(self, contact_id: str, facts: CrmFacts) -> None:
        """Write job and address, each only where nothing stands."""
        there = self._read(contact_id)["properties"]
        wanted = {"company": facts.company, "jobtitle": facts.job_title}
        home = facts.address
        if home is not None and not any(there.get(name) for name in ADDRESS):
            wanted |= {"address": home.street, "city": home.city, "state": home.state, "zip": home.zip}
        gaps = {name: value for name, value in wanted.items() if value and not there.get(name)}
        if gaps:
            self._change(contact_id, gaps)

    def find_user(self, email: str) -> str | None:
        """The id of the owner with this e-mail."""
        answer = self._calls.call("GET", "/crm/v3/owners", params={"email": email, "limit": PAGE})
        if answer.status != 200:
            raise self._calls.refuse(answer, "list owners")
        for owner in answer.body.get("results", []):
            if str(owner.get("email", "")).casefold() == email.casefold():
                return str(owner["id"])
        return None

    def read_contact(self, contact_id: str) -> CrmContact:
        """A contact as it is now."""
        return _contact(self._read(contact_id))

    def change_owner(self, contact_id: str, owner_id: str) -> None:
        """Give the contact to another owner."""
        self._change(contact_id, {"hubspot_owner_id": owner_id})

    def find_note(self, contact_id: str, note: CrmNote) -> str | None:
        """The note that was written for this lead."""
        return self._find_related(contact_id, "notes", "hs_note_body", note.reference)

    def add_note(self, contact_id: str, note: CrmNote) -> str:
        """Write a note. HubSpot reads its body as HTML, so everything in it is escaped."""
        body = "<br>".join(html.escape(line) for line in (note.subject, *note.lines))
        properties = {"hs_timestamp": _milliseconds(note.at), "hs_note_body": body}
        return self._add_related(contact_id, "notes", NOTE_TO_CONTACT, properties, "take the note")

    def find_task(self, contact_id: str, task: CrmTask) -> str | None:
        """The task that was made for this lead."""
        return self._find_related(contact_id, "tasks", "hs_task_subject", task.reference)

    def add_task(self, contact_id: str, task: CrmTask, owner_id: str) -> str:
        """Make a task for the agent."""
        properties = {
            "hs_timestamp": _milliseconds(task.due_at),
            "hs_task_subject": task.name,
            "hs_task_status": "NOT_STARTED",
            "hs_task_priority": "HIGH",
            "hs_task_type": "CALL",
            "hubspot_owner_id": owner_id,
        }
        return self._add_related(contact_id, "tasks", TASK_TO_CONTACT, properties, "take the task")

    def read_stage(self, _: str) -> str | None:
        """None: a notice that says no stage tells of one that was emptied."""
        return None

    def read_activity(self, notice: CrmNotice) -> CrmActivity | None:
        """A touch: HubSpot moves `notes_last_contacted` on for logged calls, mails and meetings (K)."""
        return CrmActivity(contact_id=notice.resource_id, happened_at=notice.happened_at, is_touch=True)

    def _find_person(self, lead: CrmLead) -> CrmContact | None:
        """The contact that the person of a lead without an e-mail already is. HubSpot's search shows new ones late (K),
        so the one that we remember goes first."""
        if lead.email:
            return None
        if lead.contact_id and (there := self._show(lead.contact_id)).status == 200:
            return _contact(there.body)
        made = self.find_lead(lead)
        if made is not None or not lead.phone:
            return made
        return next(map(_contact, self._search("phone", lead.phone)), None)

    def _search(self, field: str, value: str) -> Sequence[Mapping[str, Any]]:
        body = {
            "filterGroups": [{"filters": [{"propertyName": field, "operator": "EQ", "value": value}]}],
            "properties": READ,
            "limit": 2,
        }
        answer = self._calls.call("POST", f"{CONTACTS}/search", json=body)
        if answer.status == 400 and field in OUR_PROPERTIES:
            return ()  # the property is not there yet, so nobody has it
        if answer.status != 200:
            raise self._calls.refuse(answer, "search contacts")
        results: Sequence[Mapping[str, Any]] = answer.body.get("results", [])
        return results

    def _show(self, contact_id: str, **query: str) -> Answer:
        params = {"properties": ",".join(READ), **query}
        return self._calls.call("GET", f"{CONTACTS}/{contact_id}", params=params)

    def _read(self, contact_id: str, **query: str) -> Mapping[str, Any]:
        answer = self._show(contact_id, **query)
        if answer.status == 404:
            raise TransientError("HubSpot does not know the contact (404).", retry_after=5.0)
        if answer.status != 200:
            raise self._calls.refuse(answer, "show the contact")
        body: Mapping[str, Any] = answer.body
        return body

    def _fill_gaps(self, contact_id: str, lead: CrmLead, owner_id: str | None) -> CrmContact:
        """Write only where nothing stands; tags are ours, so they grow."""
        there = self._read(contact_id)
        values = there["properties"]
        wanted = _properties(lead, owner_id)
        wanted.pop("leadflow_lead_id")
        gaps = {name: value for name, value in wanted.items() if not values.get(name)}
        tags = _join_tags(values.get("leadflow_tags"), lead.tags)
        if tags != (values.get("leadflow_tags") or ""):
            gaps["leadflow_tags"] = tags
        if not gaps:
            return _contact(there)
        return _contact(self._change(contact_id, gaps))

    def _change(self, contact_id: str, properties: Mapping[str, str]) -> Mapping[str, Any]:
        answer = self._calls.call("PATCH", f"{CONTACTS}/{contact_id}", acts=True, json={"properties": properties})
        if answer.status == 400 and "PROPERTY_DOESNT_EXIST" in str(answer.body):
            self._add_our_properties()
            return self._change(contact_id, properties)
        if answer.status != 200:
            raise self._calls.refuse(answer, "change the contact")
        body: Mapping[str, Any] = answer.body
        return body

    def _add_our_properties(self) -> None:
        for name, label in OUR_PROPERTIES.items():
            body = {
                "name": name,
                "label": label,
                "groupName": "contactinformation",
                "type": "string",
                "fieldType": "text",
                "hasUniqueValue": name == "leadflow_lead_id",
            }
            answer = self._calls.call("POST", "/crm/v3/properties/contacts", acts=True, json=body)
            if answer.status not in (201, 409):
                raise self._calls.refuse(answer, f"add the property {name}")

    def _related_ids(self, contact_id: str, what: str) -> Iterator[str]:
        found = self._read(contact_id, associations=what).get("associations", {}).get(what, {})
        for each in found.get("results", []):
            yield str(each["id"])

    def _find_related(self, contact_id: str, what: str, field: str, reference: str) -> str | None:
        ids = list(dict.fromkeys(self._related_ids(contact_id, what)))
        for start in range(0, len(ids), PAGE):
            body = {"properties": [field], "inputs": [{"id": each} for each in ids[start : start + PAGE]]}
            answer = self._calls.call("POST", f"/crm/v3/objects/{what}/batch/read", json=body)
            if answer.status not in (200, 207):
                raise self._calls.refuse(answer, f"list {what}")
            for each in answer.body.get("results", []):
                if holds_reference(each["properties"].get(field), reference):
                    return str(each["id"])
        return None

    def _add_related(self, contact_id: str, what: str, type_id: int, properties: Mapping[str, str], doing: str) -> str:
        association = {
            "to": {"id": contact_id},
            "types": [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": type_id}],
        }
        body = {"properties": properties, "associations": [association]}
        answer = self._calls.call("POST", f"/crm/v3/objects/{what}", acts=True, json=body)
        if answer.status != 201:
            raise self._calls.refuse(answer, doing)
        return str(answer.body["id"])


def _read_rest(headers: Mapping[str, str]) -> float | None:
    """Seconds until the window is over, where its calls are used up (`X-HubSpot-RateLimit-*`, A)."""
    if headers.get("X-HubSpot-RateLimit-Remaining") != "0":
        return None
    interval = headers.get("X-HubSpot-RateLimit-Interval-Milliseconds", "10000")
    return int(interval) / 1000 if interval.isdecimal() else None


def _properties(lead: CrmLead, owner_id: str | None) -> dict[str, str]:
    values = {
        "email": lead.email,
        "firstname": lead.first_name,
        "lastname": lead.last_name,
        "phone": lead.phone,
        "message": lead.message,
        "hubspot_owner_id": owner_id,
        "leadflow_lead_id": str(lead.lead_id),
        "leadflow_tags": _join_tags(None, lead.tags),
    }
    properties = {name: value for name, value in values.items() if value}
    if not properties.keys() & {"email", "firstname", "lastname"}:
        properties["firstname"] = "Unknown"  # HubSpot takes no contact without one of the three
    return properties


def _join_tags(there: str | None, tags: Sequence[str]) -> str:
    known = [tag.strip() for tag in (there or "").split(";") if tag.strip()]
    return "; ".join(dict.fromkeys([*known, *tags]))


def _existing_id(answer: Answer) -> str | None:
    match = _EXISTING.search(str(answer.body)) if answer.status == 409 else None
    return match[1] if match else None


def _contact(found: Mapping[str, Any]) -> CrmContact:
    return CrmContact(contact_id=str(found["id"]), owner_id=found["properties"].get("hubspot_owner_id") or None)


def _milliseconds(moment: datetime) -> str:
    return str(int(moment.timestamp() * 1000))
