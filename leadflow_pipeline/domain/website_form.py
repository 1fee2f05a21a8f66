"""The plain website form, as it is posted: JSON or url-encoded, six known fields, the rest kept as it is.

Reads bytes into a `StagedLead` or says what is wrong with them. Nothing a payload says sets a score, an
owner or a status: such fields are unknown ones like any other. Whether a post is let in is the receiver's business.
"""

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from leadflow_pipeline.domain.plain_text import clean_line, clean_paragraphs
from leadflow_pipeline.domain.staged_leads import StagedLead

RULE = "website_form"
RULE_VERSION = 1

JSON_TYPE = "application/json"
FORM_TYPE = "application/x-www-form-urlencoded"
CONTENT_TYPES = (JSON_TYPE, FORM_TYPE)

KNOWN_FIELDS = ("name", "email", "phone", "message", "address", "budget")
LINE_LIMIT = 500
MESSAGE_LIMIT = 20_000
EXTRA_LIMIT = 50
NESTING_LIMIT = 5
FIELDS_LIMIT = 1000

NO_CONTACT = "no way to reach the person: neither email nor phone is given"


class UnreadableFormError(ValueError):
    """The bytes are not what their content type says; the message says what was expected. Nothing can be read."""


@dataclass(frozen=True, kw_only=True)
class WebsiteForm:
    """A form that could be read: the lead, and what keeps it from being one (empty when it is fine)."""

    lead: StagedLead
    problems: tuple[str, ...]


def media_type(content_type: str) -> str:
    """The bare media type of a Content-Type header, lower case."""
    return content_type.partition(";")[0].strip().lower()


def read_website_form(raw: bytes, content_type: str) -> WebsiteForm:
    """Read a posted form. Raises `UnreadableFormError` for bytes that are no JSON object and no form."""
    fields = _parse_json(raw) if media_type(content_type) == JSON_TYPE else _parse_urlencoded(raw)
    problems: list[str] = []
    known: dict[str, str | None] = {}
    for name in KNOWN_FIELDS:
        value = fields.get(name)
        if isinstance(value, dict | list | bool):
            problems.append(f"{name}: must be text or a number")
            value = None
        known[name] = _clean(name, value)
    lead = StagedLead(
        **known,
        origins={name: f"field {name}" for name, value in known.items() if value is not None},
        extra={
            clean_line(key, LINE_LIMIT): _clean_extra(value, NESTING_LIMIT)
            for key, value in list(fields.items())[:EXTRA_LIMIT]
            if key not in KNOWN_FIELDS
        },
    )
    if not lead.has_contact:
        problems.append(NO_CONTACT)
    return WebsiteForm(lead=lead, problems=tuple(problems))


def _parse_json(raw: bytes) -> dict[str, Any]:
    try:
        parsed = json.loads(raw.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        where = f" (line {error.lineno}, column {error.colno})" if isinstance(error, json.JSONDecodeError) else ""
        raise UnreadableFormError(f"The body is not JSON in UTF-8{where}.") from error
    if not isinstance(parsed, dict):
        raise UnreadableFormError("The body must be a JSON object with the form's fields.")
    return parsed


def _parse_urlencoded(raw: bytes) -> dict[str, Any]:
    expected = "The body is not a url-encoded form in UTF-8: name=value&name=value."
    try:
        fields = dict(parse_qsl(raw.decode("utf-8"), keep_blank_values=True, max_num_fields=FIELDS_LIMIT))
    except ValueError as error:
        raise UnreadableFormError(expected) from error
    if not any(value.strip() for value in fields.values()):
        raise UnreadableFormError(expected)
    return fields


def _clean(name: str, value: object) -> str | None:
    if value is None:
        return None
    if name == "message":
        return clean_paragraphs(str(value), MESSAGE_LIMIT) or None
    return clean_line(str(value), LINE_LIMIT) or None


def _clean_extra(value: Any, depth: int) -> Any:
    """Unknown fields as they came, less what a database cannot keep and what nobody would read."""
    if isinstance(value, dict):
        if depth == 0:
            return None
        return {
            clean_line(str(key), LINE_LIMIT): _clean_extra(inner, depth - 1)
            for key, inner in list(value.items())[:EXTRA_LIMIT]
        }
    if isinstance(value, list):
        return [_clean_extra(inner, depth - 1) for inner in value[:EXTRA_LIMIT]] if depth else None
    if value is None or isinstance(value, bool | int):
        return value
    return clean_line(str(value), LINE_LIMIT)
