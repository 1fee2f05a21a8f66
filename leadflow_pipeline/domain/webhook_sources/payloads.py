"""From bytes to values and from values to a lead: what all sources share in reading.

JSON objects and url-encoded forms are taken apart here, and text is cleaned of what a database cannot keep.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl

from leadflow_pipeline.domain.plain_text import clean_line, clean_paragraphs
from leadflow_pipeline.domain.staged_leads import StagedLead
from leadflow_pipeline.domain.webhook_sources.source import Reading, UnreadablePostError

JSON_TYPE = "application/json"
FORM_TYPE = "application/x-www-form-urlencoded"

LINE_LIMIT = 500
ORIGIN_LIMIT = 60
MESSAGE_LIMIT = 20_000
EXTRA_LIMIT = 50
NESTING_LIMIT = 5
FIELDS_LIMIT = 1000
LEAD_TYPES = ("buyer", "seller", "renter")

NO_CONTACT = "no way to reach the person: neither email nor phone is given"


class Facts:
    """The facts of one lead as they are found; the first value of a fact stays."""

    def __init__(self) -> None:
        self.problems: list[str] = []
        self._facts: dict[str, str] = {}
        self._origins: dict[str, str] = {}

    def take(self, fact: str, value: Any, origin: str) -> None:
        """Note a fact where there is one. What is no text is a problem of the post. `origin` may be a sender's word."""
        origin = clean_line(origin, ORIGIN_LIMIT)
        if isinstance(value, dict | list | bool):
            self.problems.append(f"{origin}: must be text or a number")
            return
        text = clean_message(value) if fact == "message" else clean_text(value)
        if text is not None and fact not in self._facts:
            self._facts[fact] = text
            self._origins[fact] = f"field {origin}"

    def take_all(self, block: Mapping[str, Any], names: Mapping[str, str]) -> None:
        """Note every fact of a block; `names` maps the vendor's name of a field to ours."""
        for name, fact in names.items():
            self.take(fact, block.get(name), name)

    def has(self, fact: str) -> bool:
        """Whether this fact is known by now."""
        return fact in self._facts

    def lead(self, extra: Mapping[str, Any]) -> StagedLead:
        """The lead, with what its source said beyond our fields; absent extras are left out."""
        kept = {key: value for key, value in clean_extra(extra).items() if value not in (None, "", {}, [])}
        return StagedLead(**self._facts, origins=self._origins, extra=kept)

    def reading(self, extra: Mapping[str, Any], *, ignored: str | None = None, **more: Any) -> Reading:
        """The reading of a post with these facts, with whatever keeps it from being a lead; a test is never wrong."""
        lead = self.lead(extra)
        problems = (*self.problems, *(() if lead.has_contact else (NO_CONTACT,)))
        return Reading(lead=lead, problems=() if ignored else problems, ignored=ignored, **more)


def media_type(content_type: str) -> str:
    """The bare media type of a Content-Type header, lower case."""
    return content_type.partition(";")[0].strip().lower()


def parse_json(raw: bytes) -> dict[str, Any]:
    """A JSON object. Raises `UnreadablePostError`, with the place of the fault."""
    try:
        parsed = json.loads(raw.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        where = f" (line {error.lineno}, column {error.colno})" if isinstance(error, json.JSONDecodeError) else ""
        raise UnreadablePostError(f"The body is not JSON in UTF-8{where}.") from error
    if not isinstance(parsed, dict):
        raise UnreadablePostError("The body must be a JSON object with the form's fields.")
    return parsed


def parse_urlencoded(raw: bytes) -> dict[str, Any]:
    """The fields of a url-encoded form. Raises `UnreadablePostError` when there is none."""
    expected = "The body is not a url-encoded form in UTF-8: name=value&name=value."
    try:
        fields = dict(parse_qsl(raw.decode("utf-8"), keep_blank_values=True, max_num_fields=FIELDS_LIMIT))
    except ValueError as error:
        raise UnreadablePostError(expected) from error
    if not any(value.strip() for value in fields.values()):
        raise UnreadablePostError(expected)
    return fields


def parse_form(raw: bytes, content_type: str) -> dict[str, Any]:
    """The fields of a form that comes as JSON or url-encoded."""
    return parse_json(raw) if media_type(content_type) == JSON_TYPE else parse_urlencoded(raw)


def block_of(parent: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """An object inside an object; empty when it is absent or something else."""
    value = parent.get(name)
    return value if isinstance(value, dict) else {}


def blocks_of(parent: Mapping[str, Any], name: str) -> Sequence[Mapping[str, Any]]:
    """The objects of a list inside an object; whatever else is in there is left out."""
    value = parent.get(name)
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else ()


def clean_text(value: Any) -> str | None:
    """One line of text, or nothing. A phone that came as a JSON number is its digits, without `.0`."""
    if value is None or isinstance(value, dict | list | bool):
        return None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return clean_line(str(value), LINE_LIMIT) or None


def clean_message(value: Any) -> str | None:
    """Text that keeps its lines, or nothing."""
    if value is None or isinstance(value, dict | list | bool):
        return None
    return clean_paragraphs(str(value), MESSAGE_LIMIT) or None


def clean_extra(fields: Mapping[str, Any], limit: int = EXTRA_LIMIT) -> dict[str, Any]:
    """Unknown fields as they came, less what a database cannot keep and what nobody would read."""
    return {
        clean_line(str(key), LINE_LIMIT): _clean_value(value, NESTING_LIMIT)
        for key, value in list(fields.items())[:limit]
    }


def join_address(*parts: Any) -> str | None:
    """Street, town and so on as one line, as far as they are known."""
    return ", ".join(text for part in parts if (text := clean_text(part))) or None


def postal_line(street: Any, unit: Any, city: Any, state: Any, postal_code: Any) -> str | None:
    """A US address as one line: `1 Test Way Unit B, Denver, CO 80202`."""
    apartment = clean_text(unit)
    door = f"{clean_text(street) or ''} {f'Unit {apartment}' if apartment and clean_text(street) else ''}".strip()
    region = " ".join(text for part in (state, postal_code) if (text := clean_text(part)))
    return join_address(door, city, region)


def is_true(value: Any) -> bool:
    """Whether a flag is set, be it a JSON boolean or a word."""
    return value is True or (isinstance(value, str) and value.strip().lower() in ("true", "1", "yes"))


def _clean_value(value: Any, depth: int) -> Any:
    if isinstance(value, dict):
        if depth == 0:
            return None
        return {
            clean_line(str(key), LINE_LIMIT): _clean_value(inner, depth - 1)
            for key, inner in list(value.items())[:EXTRA_LIMIT]
        }
    if isinstance(value, list):
        return [_clean_value(inner, depth - 1) for inner in value[:EXTRA_LIMIT]] if depth else None
    if value is None or isinstance(value, bool | int):
        return value
    return clean_line(str(value), LINE_LIMIT)
