"""Where personal data is, as a value, and whether a person stands in what arrived. Reading and erasing is elsewhere."""

import re
from collections.abc import Collection
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class PersonalTable:
    """A table of ours: how a person's rows are found in it, and what becomes of them."""

    table: str  # schema.name
    key: str | None = None
    of: str | None = None  # what the key column holds: events, leads, contacts, emails, phones
    erase: tuple[str, ...] = ()
    free: tuple[str, ...] = ()  # columns without personal data of leads
    delete: bool = False


@dataclass(frozen=True, kw_only=True)
class Person:
    """Whom to erase: e-mails in lower case, phones in E.164."""

    emails: tuple[str, ...] = ()
    phones: tuple[str, ...] = ()


def mentions(text: str, person: Person) -> bool:
    """Whether a text holds one of the person's e-mails or phones, however the phone is written."""
    lowered = text.lower()
    if any(_stands_alone(email, lowered) for email in person.emails):
        return True
    numbers = _digits_of(lowered) if person.phones else ()
    return any(number.endswith(phone.lstrip("+")[-10:]) for phone in person.phones for number in numbers)


def _stands_alone(email: str, text: str) -> bool:
    """Not as the end of a longer address: ana@x.org is not in joana@x.org."""
    return re.search(rf"(?<![\w.+-]){re.escape(email)}(?![\w-]|\.\w)", text) is not None


def _digits_of(text: str) -> Collection[str]:
    """The digits of everything that could be a phone number."""
    return {re.sub(r"\D", "", found) for found in re.findall(r"\+?\d[\d\s().\-/]{5,24}\d", text)}
