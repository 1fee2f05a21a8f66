"""Whether two leads come from the same person, and whether they are the same inquiry.

A person is known by an address or number that reaches only them; a shared one (an office, a household, a colleague's
phone) is told apart by the name. A relay address stands for a conversation on a portal and never for a person.
An inquiry is a person, a property and a time: the portal's mail, the CRM's copy of it and the push are one.
"""

import re
import unicodedata
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from rapidfuzz import fuzz

_WORD = re.compile(r"[^\W_]+")
_APOSTROPHE = re.compile("['’`]")
_HOUSE = re.compile(r"(\d+)[a-z]?\s+(?:(?:n|s|e|w|north|south|east|west)\.?\s+)?([^\W\d_]+)", re.IGNORECASE)
SHARED_BY_MANY = 20  # a number or address that so many names have given is nobody's
_SAME_NAME = 85  # of 100: "Jon Smith" and "John Smith" are 95, "Ana Ruiz" and "Eva Ruiz" 75
Key = tuple[str, str]  # kind and value, such as ("phone", "+15125550142")
RANK = {"hot": 0, "standard": 1, "low": 2}


@dataclass(frozen=True, kw_only=True)
class Inquiry:
    """What identity looks at in a lead."""

    lead_id: int
    received_at: datetime
    bucket: str
    name: str | None
    keys: frozenset[Key]  # ways to reach this person alone; empty: nobody can be recognised
    properties: frozenset[Key]


@dataclass(frozen=True, kw_only=True)
class Contact:
    """A person we know. The id is that of their first lead."""

    contact_id: int
    name: str | None
    keys: frozenset[Key]


@dataclass(frozen=True, kw_only=True)
class EarlierInquiry:
    """A lead of a known person that has an agent, or is about to have one."""

    lead_id: int
    received_at: datetime
    properties: frozenset[Key]


@dataclass(frozen=True, kw_only=True)
class Recognition:
    """Whose inquiry a lead is, and the lead that it is the same inquiry as."""

    lead_id: int
    contact_id: int
    same_as: int | None = None


@dataclass
class _Known:
    contacts: dict[int, Contact]
    inquiries: dict[int, list[EarlierInquiry]] = field(default_factory=dict)
    by_key: dict[Key, set[int]] = field(default_factory=dict)

    def add(self, contact: Contact) -> None:
        self.contacts[contact.contact_id] = contact
        for key in contact.keys:
            self.by_key.setdefault(key, set()).add(contact.contact_id)


def person_keys(
    *, email: str | None, email_kind: str | None, phone: str | None, name: str | None, ours: Collection[str]
) -> frozenset[Key]:
    """By what a person can be recognised. `ours` are the agents' own addresses and numbers, which recognise nobody.

    A role address (info@, sales@) is somebody's only together with a name.
    """
    keys = set()
    if email and email.casefold() not in ours and (email_kind == "person" or (email_kind != "relay" and name)):
        keys.add(("email" if email_kind != "role" else "role email", email.casefold()))
    if phone and phone not in ours:
        keys.add(("phone", phone))
    return frozenset(keys)


def property_keys(*, mls_id: str | None, address: str | None, url: str | None) -> frozenset[Key]:
    """By what a property can be recognised: MLS number, house number and street, page."""
    keys = set()
    if mls_id:
        keys.add(("mls", re.sub(r"\W", "", mls_id).casefold()))
    if address and (found := _HOUSE.search(address)):
        keys.add(("address", f"{found[1]} {_fold(found[2])}"))
    if url:
        keys.add(("url", url.split("?")[0].split("#")[0].rstrip("/").casefold()))
    return frozenset(keys)


def recognise(
    inquiries: Iterable[Inquiry],
    contacts: Iterable[Contact],
    earlier: Mapping[int, Sequence[EarlierInquiry]],
    *,
    window: timedelta,
) -> list[Recognition]:
    """Whose inquiry each lead is; leads of the same batch are told from each other too.

    `earlier` are the inquiries of the known contacts around that time. The best lead of an inquiry stands for it.
    """
    known = _Known(contacts={}, inquiries={contact: list(rows) for contact, rows in earlier.items()})
    for contact in contacts:
        known.add(contact)
    found = []
    for inquiry in sorted(inquiries, key=lambda each: (RANK[each.bucket], each.received_at, each.lead_id)):
        if not inquiry.keys:
            continue
        contact_id = _find_contact(inquiry, known)
        before = known.contacts.get(contact_id or 0)
        contact = Contact(
            contact_id=contact_id or inquiry.lead_id,
            name=(before.name if before else None) or inquiry.name,
            keys=(before.keys if before else frozenset()) | inquiry.keys,
        )
        known.add(contact)
        rows = known.inquiries.setdefault(contact.contact_id, [])
        same = next((row for row in rows if _is_same_inquiry(inquiry, row, window)), None)
        if same is None and inquiry.bucket != "low":
            rows.append(
                EarlierInquiry(lead_id=inquiry.lead_id, received_at=inquiry.received_at, properties=inquiry.properties)
            )
        found.append(
            Recognition(lead_id=inquiry.lead_id, contact_id=contact.contact_id, same_as=same.lead_id if same else None)
        )
    return found


def is_same_name(one: str | None, other: str | None) -> bool:
    """Whether two names can be one person's: no part contradicts the other. An absent name contradicts nothing."""
    if not one or not other:
        return True
    first, second = _words(one), _words(other)
    if not first or not second:
        return True
    if len(first) == 1 or len(second) == 1:
        return bool(set(first) & set(second))
    if _is_like(first[-1], second[-1]):
        shorter, longer = sorted((first[0], second[0]), key=len)
        return (shorter.isalpha() and longer.startswith(shorter)) or _is_like(first[0], second[0])
    return False


def _find_contact(inquiry: Inquiry, known: _Known) -> int | None:
    """The contact that shares a key and whose name fits; None for none, or when a nameless lead fits several."""
    found = [known.by_key.get(key, set()) for key in inquiry.keys]
    candidates = {contact_id for contacts in found if len(contacts) < SHARED_BY_MANY for contact_id in contacts}
    fitting = [contact_id for contact_id in candidates if is_same_name(inquiry.name, known.contacts[contact_id].name)]
    if len(fitting) > 1 and inquiry.name is None:
        return None
    # Most keys in common first; then whom we have known longest.
    return min(
        fitting,
        key=lambda contact_id: (-len(inquiry.keys & known.contacts[contact_id].keys), contact_id),
        default=None,
    )


def _is_same_inquiry(inquiry: Inquiry, earlier: EarlierInquiry, window: timedelta) -> bool:
    if earlier.lead_id == inquiry.lead_id or abs(inquiry.received_at - earlier.received_at) > window:
        return False
    if inquiry.properties & earlier.properties:
        return True
    # Known in the same terms and different: another property.
    return not {kind for kind, _ in inquiry.properties} & {kind for kind, _ in earlier.properties}


def _words(name: str) -> list[str]:
    return _WORD.findall(_APOSTROPHE.sub("", _fold(name)))


def _fold(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text)
    return "".join(character for character in plain if not unicodedata.combining(character)).casefold()


def _is_like(one: str, other: str) -> bool:
    """Equal, or one slip apart; numbers have no slips."""
    return one == other or (one.isalpha() and other.isalpha() and fuzz.ratio(one, other) >= _SAME_NAME)
