"""The columns of the agents' CSV file: how each is read, with what is wrong in words, and how it is written again.

A list stands in one cell, its entries separated by semicolons. A cell that begins like a formula is written with an
apostrophe before it, so that no spreadsheet computes it, and read without.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from leadflow_pipeline.domain.emails import normalize_email
from leadflow_pipeline.domain.phones import normalize_phone
from leadflow_pipeline.domain.routing.agents import LEAD_TYPES
from leadflow_pipeline.domain.routing.territories import TerritoryError, read_territories
from leadflow_pipeline.domain.routing.working_hours import HoursError, read_days_off, read_hours, read_zone

YES = {"true", "yes", "y", "1", ""}
NO = {"false", "no", "n", "0"}
REQUIRED_COLUMNS = ("agent_id", "name")
LARGEST_WEIGHT = 100
_AGENT_ID = re.compile(r"[^\s;,]{1,100}")
_SLACK_ID = re.compile(r"[UW][A-Z0-9]{2,30}")
_LANGUAGE = re.compile(r"[a-z]{2}")
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\0")


class CellError(ValueError):
    """What is wrong with a cell."""


@dataclass(frozen=True, kw_only=True)
class Column:
    """One column. `read` gets the cell without white space around it, which may be empty, and the default region."""

    name: str
    read: Callable[[str, str], Any]


def read_cell(column: Column, text: str, *, region: str) -> Any:
    """A cell's value. Raises `CellError`."""
    cell = text.strip()
    if cell.startswith("'") and cell[1:].startswith(_FORMULA):
        cell = cell[1:]
    try:
        return column.read(cell, region)
    except (TerritoryError, HoursError) as error:
        raise CellError(str(error)) from error


def write_cell(value: Any) -> str:
    """A value as a cell that reads the same again."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    text = "; ".join(value) if isinstance(value, list | tuple) else str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text


def _filled(text: str, _: str) -> str:
    if not text:
        raise CellError("is empty")
    return text


def _agent_id(text: str, region: str) -> str:
    _filled(text, region)
    if not _AGENT_ID.fullmatch(text):
        raise CellError(f"{text!r} has white space, a comma or a semicolon in it")
    return text


def _email(text: str, _: str) -> str | None:
    if not text:
        return None
    email = normalize_email(text)
    if email.problem:
        raise CellError(f"{text!r}: {email.problem}")
    return email.address


def _phone(text: str, region: str) -> str | None:
    if not text:
        return None
    phone = normalize_phone(text, region=region)
    if not phone.valid:
        raise CellError(f"{text!r}: {phone.problem}")
    return phone.e164


def _yes_or_no(text: str, _: str) -> bool:
    if text.lower() not in YES | NO:
        raise CellError(f"{text!r} is neither true nor false")
    return text.lower() in YES


def _slack_id(text: str, _: str) -> str | None:
    if text and not _SLACK_ID.fullmatch(text):
        raise CellError(f"{text!r} is no member id of Slack, which looks like U02AB3CD4EF")
    return text or None


def _whole(least: int, most: int, default: int | None) -> Callable[[str, str], int | None]:
    def read(text: str, _: str) -> int | None:
        if not text:
            return default
        if not text.isdecimal() or not least <= int(text) <= most:
            raise CellError(f"{text!r} is no whole number from {least} to {most}")
        return int(text)

    return read


def _dollars(text: str, _: str) -> Decimal | None:
    if not text:
        return None
    try:
        amount = Decimal(text.replace("$", "").replace(",", ""))
    except InvalidOperation as error:
        raise CellError(f"{text!r} is no amount in dollars, like 750000") from error
    if not amount.is_finite() or not 0 <= amount < Decimal(10**12):
        raise CellError(f"{text!r} is no amount in dollars, like 750000")
    return amount


def _entries(text: str) -> list[str]:
    return list(dict.fromkeys(filter(None, (" ".join(entry.split()) for entry in text.split(";")))))


def _territories(text: str, _: str) -> list[str]:
    entries = _entries(text)
    read_territories(entries)
    return entries


def _lead_types(text: str, _: str) -> list[str]:
    entries = [entry.lower() for entry in _entries(text)]
    for entry in entries:
        if entry not in LEAD_TYPES:
            raise CellError(f"{entry!r} is not one of {', '.join(LEAD_TYPES)}")
    return entries


def _languages(text: str, _: str) -> list[str]:
    entries = [entry.lower() for entry in _entries(text)]
    for entry in entries:
        if not _LANGUAGE.fullmatch(entry):
            raise CellError(f"{entry!r} is no language in two letters, like en or es")
    return entries


def _time_zone(text: str, _: str) -> str:
    return str(read_zone(text or "UTC"))


def _working_hours(text: str, _: str) -> str:
    read_hours(text)
    return text


def _time_off(text: str, _: str) -> str:
    read_days_off(text)
    return text


COLUMNS: Mapping[str, Column] = {
    name: Column(name=name, read=read)
    for name, read in {
        "agent_id": _agent_id,
        "name": _filled,
        "email": _email,
        "phone": _phone,
        "active": _yes_or_no,
        "slack_id": _slack_id,
        "followupboss_id": lambda text, _: text or None,
        "hubspot_id": lambda text, _: text or None,
        "weight": _whole(1, LARGEST_WEIGHT, 1),
        "territories": _territories,
        "price_low": _dollars,
        "price_high": _dollars,
        "lead_types": _lead_types,
        "languages": _languages,
        "listings": lambda text, _: _entries(text),
        "time_zone": _time_zone,
        "working_hours": _working_hours,
        "time_off": _time_off,
        "cap_open": _whole(0, 1_000_000, None),
        "cap_per_day": _whole(0, 1_000_000, None),
    }.items()
}
