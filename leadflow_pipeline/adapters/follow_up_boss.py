"""Follow Up Boss: leads as events, then owner, note and task on the person that it made of them.

Documented (docs.followupboss.com, grade A): events and their types, Basic auth with the key as user, X-System headers,
204 for an ignored lead, 404 for an unknown person, 429 with Retry-After, an `occurredAt` older than a day as history,
people that cannot be reached for a moment. Unconfirmed, from general knowledge (K): searching people by e-mail, phone
or name, events, notes and tasks by `personId`, users by e-mail, `PUT /v1/people/{id}` and the form of addresses in it;
a call, text, e-mail or appointment by its id and the fields that say who it was with. Tasks' fields: C.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from leadflow_pipeline.adapters.vendor_calls import Answer, VendorCalls
from leadflow_pipeline.domain.crm_leads import CrmContact, CrmFacts, CrmLead, CrmNote, CrmTask, holds_reference
from leadflow_pipeline.domain.crm_notices import CrmActivity, CrmNotice
from leadflow_pipeline.domain.errors import PermanentError, TransientError

SYSTEM = "leadflow"
PAGE = 100
EVENT_TYPES = {"seller": "Seller Inquiry"}  # the others: Property Inquiry where a property is named, else General
UNREACHABLE_SECONDS = 5.0
ACTIVITIES = {
    "call": "/v1/calls",
    "text": "/v1/textMessages",
    "email": "/v1/emails",
    "appointment": "/v1/appointments",
}
SPOKEN = ("interested", "not interested")  # outcomes of a call that only a conversation can have


class FollowUpBoss:
    """A client of one account. Safe to share between threads."""

    name = "followupboss"

    def __init__(self, base_url: str, api_key: str, *, system_key: str | None = None, seconds: float = 8.0) -> None:
        headers = {"X-System": SYSTEM, "Accept": "application/json"}
        if system_key:
            headers["X-System-Key"] = system_key
        self._calls = VendorCalls(
            "Follow Up Boss", base_url, auth=(api_key, ""), headers=headers, seconds=seconds, read_rest=_read_rest
        )

    def find_lead(self, lead: CrmLead) -> CrmContact | None:
        """The person that holds this very inquiry; None where the lead has not come in."""
        for person in self._find_people(lead):
            events = self._list("/v1/events", "events", {"personId": person["id"]})
            if any(holds_reference(event.get("description"), lead.reference) for event in events):
                return _contact(person)
        return None

    def add_lead(self, lead: CrmLead, owner_id: str | None) -> CrmContact:
        """Send the lead as an event; the CRM finds the person or makes one, and runs its automations."""
        answer = self._calls.call("POST", "/v1/events", acts=True, json=_event(lead, owner_id))
        if answer.status == 204:
            raise PermanentError(
                f"Follow Up Boss ignored the lead (204): the lead flow of source {lead.source} is archived there. "
                "Restore it, then `leadflow deliveries retry`."
            )
        if answer.status not in (200, 201) or not isinstance(answer.body, Mapping) or "id" not in answer.body:
            raise self._calls.refuse(answer, "take the lead")
        return _contact(answer.body)

    def add_facts(self, contact_id: str, facts: CrmFacts) -> None:
        """Write job and address, each only where the person has none."""
        path = f"/v1/people/{contact_id}"
        there = self._of_person(self._calls.call("GET", path), "show the contact")
        gaps: dict[str, Any] = {}
        if facts.work and not there.get("background"):
            gaps["background"] = facts.work
        if facts.address and not there.get("addresses"):
            home = {
                "type": "home",
                "street": facts.address.street,
                "city": facts.address.city,
                "state": facts.address.state,
                "code": facts.address.zip,
            }
            gaps["addresses"] = [_without_gaps(home)]
        if gaps:
            self._of_person(self._calls.call("PUT", path, acts=True, json=gaps), "add to the contact")

    def find_user(self, email: str) -> str | None:
        """The id of the user with this e-mail."""
        for user in self._list("/v1/users", "users", {"email": email}):
            if str(user.get("email", "")).casefold() == email.casefold():
                return str(user["id"])
        return None

    def read_contact(self, contact_id: str) -> CrmContact:
        """A contact as it is now. Raises `TransientError` while a new one cannot be reached yet."""
        return _contact(self._of_person(self._calls.call("GET", f"/v1/people/{contact_id}"), "show the contact"))

    def change_owner(self, contact_id: str, owner_id: str) -> None:
        """Give the contact to another user."""
        body = {"assignedUserId": _number(owner_id)}
        answer = self._calls.call("PUT", f"/v1/people/{contact_id}", acts=True, json=body)
        self._of_person(answer, "change the owner")

    def find_note(self, contact_id: str, note: CrmNote) -> str | None:
        """The note that was written for this lead."""
        for found in self._list("/v1/notes", "notes", {"personId": contact_id}):
            if holds_reference(found.get("body"), note.reference):
                return str(found["id"])
        return None

    def add_note(self, contact_id: str, note: CrmNote) -> str:
        """Write a note, as plain text."""
        body = {
            "personId": _number(contact_id),
            "subject": note.subject,
            "body": "\n".join(note.lines),
            "isHtml": False,
        }
        answer = self._calls.call("POST", "/v1/notes", acts=True, json=body)
        return str(self._of_person(answer, "take the note")["id"])

    def find_task(self, contact_id: str, task: CrmTask) -> str | None:
        """The task that was made for this lead."""
        for found in self._list("/v1/tasks", "tasks", {"personId": contact_id}):
            if holds_reference(found.get("name"), task.reference):
                return str(found["id"])
        return None

    def add_task(self, contact_id: str, task: CrmTask, owner_id: str) -> str:
        """Make a task for the agent."""
        body = {
            "personId": _number(contact_id),
            "assignedUserId": _number(owner_id),
            "name": task.name,
            "type": "Follow Up",
            "dueDate": f"{task.due_at:%Y-%m-%d}",
            "dueDateTime": task.due_at.isoformat(),
        }
        answer = self._calls.call("POST", "/v1/tasks", acts=True, json=body)
        return str(self._of_person(answer, "take the task")["id"])

    def read_stage(self, contact_id: str) -> str | None:
        """The stage that a person is in now; None where there is no such person."""
        person = self._read_one(f"/v1/people/{contact_id}", "show the contact")
        return str(person["stage"]) if person and person.get("stage") else None

    def read_activity(self, notice: CrmNotice) -> CrmActivity | None:
        """With whom a call, text, e-mail or appointment was; None for one that is gone or names nobody."""
        found = self._read_one(f"{ACTIVITIES[notice.about]}/{notice.resource_id}", f"show the {notice.about}")
        contact_id = _person_of(found) if found else None
        if not found or contact_id is None:
            return None
        is_incoming = bool(found.get("isIncoming"))
        user_id = found.get("userId") or found.get("createdById")
        return CrmActivity(
            contact_id=contact_id,
            happened_at=notice.happened_at,
            outcome=_outcome_of(notice.about, found, is_incoming=is_incoming),
            is_touch=not is_incoming,
            user_id=str(user_id) if user_id else None,
        )

    def _read_one(self, path: str, doing: str) -> Mapping[str, Any] | None:
        answer = self._calls.call("GET", path)
        if answer.status == 404:
            return None
        if answer.status != 200 or not isinstance(answer.body, Mapping):
            raise self._calls.refuse(answer, doing)
        return answer.body

    def _find_people(self, lead: CrmLead) -> Iterator[Mapping[str, Any]]:
        """People that Follow Up Boss could have made of the lead, each once."""
        seen: set[Any] = set()
        searches = [("email", lead.email), ("phone", lead.phone), ("name", lead.full_name)]
        for field, value in searches:
            if value is None or (field == "name" and (lead.email or lead.phone)):
                continue
            for person in self._list("/v1/people", "people", {field: value}):
                if person["id"] not in seen:
                    seen.add(person["id"])
                    yield person

    def _list(self, path: str, what: str, query: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
        """All rows of a collection, page by page."""
        offset = 0
        while True:
            answer = self._calls.call("GET", path, params={**query, "limit": PAGE, "offset": offset})
            if answer.status == 404:
                return
            if answer.status != 200 or not isinstance(answer.body, Mapping):
                raise self._calls.refuse(answer, f"list {what}")
            rows = answer.body.get(what) or []
            yield from rows
            if len(rows) < PAGE:
                return
            offset += PAGE

    def _of_person(self, answer: Answer, doing: str) -> Mapping[str, Any]:
        """What came of a call that needs the person to be there."""
        if answer.status == 404:
            raise TransientError(
                f"Follow Up Boss does not know the person (404, to {doing}): new ones cannot be reached for a moment.",
                retry_after=UNREACHABLE_SECONDS,
            )
        if answer.status not in (200, 201) or not isinstance(answer.body, Mapping):
            raise self._calls.refuse(answer, doing)
        return answer.body


def _read_rest(headers: Mapping[str, str]) -> float | None:
    """Seconds until the window is over, where its calls are used up (`X-RateLimit-*`, A). Only for all calls: a
    stricter context, as that of GET /events, is told by 429."""
    if headers.get("X-RateLimit-Remaining") != "0" or headers.get("X-RateLimit-Context", "global") != "global":
        return None
    window = headers.get("X-RateLimit-Window", "10")
    return float(window) if window.isdecimal() else None


def _event(lead: CrmLead, owner_id: str | None) -> dict[str, Any]:
    has_property = bool(lead.property_address or lead.property_mls_id)
    person: dict[str, Any] = {
        "firstName": lead.first_name,
        "lastName": lead.last_name,
        "emails": [{"value": lead.email, "type": "home"}] if lead.email else None,
        "phones": [{"value": lead.phone, "type": "mobile"}] if lead.phone else None,
        "tags": list(lead.tags),
        "assignedUserId": _number(owner_id) if owner_id else None,
    }
    estate = {
        "street": lead.property_address,
        "city": lead.property_city,
        "state": lead.property_state,
        "code": lead.property_zip,
        "mlsNumber": lead.property_mls_id,
        "price": float(lead.property_price) if lead.property_price is not None else None,
        "url": lead.property_url,
    }
    return _without_gaps(
        {
            "source": lead.source,
            "system": SYSTEM,
            "type": EVENT_TYPES.get(lead.lead_type or "")
            or ("Property Inquiry" if has_property else "General Inquiry"),
            "message": lead.message,
            "description": lead.reference,
            # Its own time, so that a replay of old leads is history there and starts no automation.
            "occurredAt": lead.received_at.isoformat(),
            "person": _without_gaps(person),
            "property": _without_gaps(estate) if has_property else None,
        }
    )


def _without_gaps(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


def _contact(person: Mapping[str, Any]) -> CrmContact:
    owner = person.get("assignedUserId")
    return CrmContact(contact_id=str(person["id"]), owner_id=str(owner) if owner else None)


def _person_of(found: Mapping[str, Any]) -> str | None:
    """The person of an activity; an appointment has several invitees, of whom one may be a person."""
    ids = [found.get("personId"), *(each.get("personId") for each in found.get("invitees") or [])]
    return next((str(each) for each in ids if each), None)


def _outcome_of(about: str, found: Mapping[str, Any], *, is_incoming: bool) -> str | None:
    """A lead that answers, or that was spoken with, is contacted; one that was rung up is not."""
    if about == "appointment":
        return "appointment"
    has_spoken = about == "call" and str(found.get("outcome") or "").casefold() in SPOKEN
    return "contacted" if is_incoming or has_spoken else None


def _number(identifier: str) -> int | str:
    return int(identifier) if identifier.isdecimal() else identifier
