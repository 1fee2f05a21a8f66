"""The `lead_*` tags in a mail's HTML: what the sending site itself says about the lead (leadmetadata.org, 1.0).

They survive redesigns, so they go before everything else. By rule in the head, in practice anywhere.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from selectolax.lexbor import LexborHTMLParser

from leadflow_pipeline.domain.mail_characters import clean_text
from leadflow_pipeline.domain.mail_text import is_too_deep
from leadflow_pipeline.domain.plain_text import clean_line

_VERSION = "lead_information_version"
_TAGS_LIMIT = 300
_VALUE_LIMIT = 20_000
_EXTRA_LIMIT = 1_000
_FACTS = {
    "lead_name": "name",
    "lead_first_name": "first_name",
    "lead_last_name": "last_name",
    "lead_email": "email",
    "lead_phone": "phone",
    "lead_message": "message",
    "lead_type": "lead_type",
    "lead_mls": "property_mls_id",
    "lead_property_price": "property_price",
    "lead_property_url": "property_url",
    "lead_max_price": "budget",
    "lead_time_frame": "timeframe",
}
_ADDRESS = ("lead_property_address", "lead_property_city", "lead_property_state", "lead_property_zip")


@dataclass(frozen=True, kw_only=True)
class Stated:
    """What a sender's own data block says of a lead, before it is looked at whether it can be so."""

    values: Mapping[str, str] = field(default_factory=dict)
    origins: Mapping[str, str] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)
    source: str | None = None  # the lead's source, as named there
    default_lead_type: str | None = None  # holds where nobody says otherwise


def read_metadata(html: str | None) -> Stated | None:
    """What the tags say; None without tags of version 1.0."""
    if not html or _VERSION not in html.lower() or is_too_deep(html):
        return None
    tags = _tags(html)
    if [each.strip() for each in tags.get(_VERSION, ())][:1] != ["1.0"]:
        return None
    first = {name: found for name, each in tags.items() if (found := next((v for v in each if v.strip()), ""))}
    values = {fact: first[name] for name, fact in _FACTS.items() if name in first}
    origins = {fact: name for name, fact in _FACTS.items() if name in first}
    if "lead_property_address" in first:
        values["property_address"] = whole_address(*(first.get(name, "") for name in _ADDRESS))
        origins["property_address"] = "lead_property_address"
    known = {*_FACTS, *_ADDRESS, _VERSION, "lead_source"}
    extra: dict[str, Any] = {
        name: clean_line(each, _EXTRA_LIMIT) for name, each in first.items() if name not in known and name != "lead_tag"
    }
    if "lead_property_address" not in first:
        extra |= {name: clean_line(first[name], _EXTRA_LIMIT) for name in _ADDRESS if name in first}
    if labels := [clean_line(each, _EXTRA_LIMIT) for each in tags.get("lead_tag", ()) if each.strip()]:
        extra["lead_tag"] = labels
    if source := first.get("lead_source"):
        extra["lead_source"] = clean_line(source, _EXTRA_LIMIT)
    return Stated(values=values, origins=origins, extra=extra, source=source, default_lead_type="Buyer")


def whole_address(street: str, city: str = "", state: str = "", code: str = "") -> str:
    """The parts of an address on one line, `12 Oak St, Austin, TX 78704`; a place the street names is not repeated."""
    line = clean_line(street, _EXTRA_LIMIT)
    place = ", ".join(filter(None, (clean_line(city, 200), f"{clean_line(state, 100)} {clean_line(code, 20)}".strip())))
    if city and city.strip().lower() in line.lower() and (not code or code.strip() in line):
        return line
    return ", ".join(filter(None, (line, place)))


def _tags(html: str) -> dict[str, Sequence[str]]:
    tags: dict[str, list[str]] = {}
    for node in LexborHTMLParser(html).css("meta[name]")[:_TAGS_LIMIT]:
        name = (node.attributes.get("name") or "").strip().lower()
        if name.startswith("lead_") and len(name) <= 100:
            tags.setdefault(name, []).append(clean_text(node.attributes.get("content") or "")[:_VALUE_LIMIT])
    return dict(tags)
