"""Gravity Forms' Webhooks add-on: fields under names of one's own choice, or a whole entry under field numbers.

Numbers say nothing of what was asked, so in that shape an e-mail address and a phone number are known by their
looks, and a name and an address by the numbers of their parts. Names of one's own are the better choice.
"""

import re
from collections.abc import Mapping
from typing import Any

from leadflow_pipeline.domain.webhook_sources import unconfirmed
from leadflow_pipeline.domain.webhook_sources.labels import take_labelled
from leadflow_pipeline.domain.webhook_sources.payloads import (
    FORM_TYPE,
    JSON_TYPE,
    Facts,
    clean_text,
    parse_form,
    postal_line,
)
from leadflow_pipeline.domain.webhook_sources.signatures import require_path_secret
from leadflow_pipeline.domain.webhook_sources.source import Reading, Source

_NUMBER = re.compile(r"(?P<field>\d{1,6})(?:\.(?P<part>\d{1,3}))?")
_EMAIL = re.compile(r"[^\s@]+@[^\s@]+\.[^\s@]+")
_PHONE = re.compile(r"\+?[\d\s().-]{10,20}")
_MESSAGE_LENGTH = 40


def _read(raw: bytes, content_type: str) -> Reading:
    fields = parse_form(raw, content_type)
    facts = Facts()
    numbered = {key: value for key, value in fields.items() if _NUMBER.fullmatch(key)}
    is_entry = "form_id" in fields and bool(numbered)
    named = [
        (key, value)
        for key, value in fields.items()
        if key not in numbered and not (is_entry and key in unconfirmed.GRAVITY_ENTRY_KEYS)
    ]
    extra = take_labelled(facts, named)
    if is_entry:
        extra |= _take_entry(facts, numbered)
        extra |= {f"entry_{key}": fields.get(key) for key in ("id", "form_id", "date_created", "source_url")}
    else:
        extra |= numbered
    return facts.reading(extra)


def _take_entry(facts: Facts, numbered: Mapping[str, Any]) -> dict[str, Any]:
    """Note what numbered fields say; gives back the others."""
    parts: dict[str, dict[str, Any]] = {}
    rest: dict[str, Any] = {}
    for key, value in numbered.items():
        match = _NUMBER.fullmatch(key)
        assert match is not None
        text = clean_text(value)
        if match["part"]:
            parts.setdefault(match["field"], {})[match["part"]] = value
        elif text and _EMAIL.fullmatch(text) and not facts.has("email"):
            facts.take("email", value, key)
        elif text and _PHONE.fullmatch(text) and not facts.has("phone"):
            facts.take("phone", value, key)
        elif text and len(text) >= _MESSAGE_LENGTH and not facts.has("message"):
            facts.take("message", value, key)
        else:
            rest[key] = value
    for field, values in parts.items():
        rest |= _take_parts(facts, field, values)
    return rest


def _take_parts(facts: Facts, field: str, values: Mapping[str, Any]) -> dict[str, Any]:
    if any(clean_text(values.get(part)) for part in unconfirmed.GRAVITY_ADDRESS_ONLY):
        street, unit, city, state, postal_code = (values.get(part) for part in unconfirmed.GRAVITY_ADDRESS_PARTS)
        facts.take("address", postal_line(street, unit, city, state, postal_code), field)
        return {}
    for part, fact in unconfirmed.GRAVITY_NAME_PARTS.items():
        facts.take(fact, values.get(part), f"{field}.{part}")
    return {f"{field}.{part}": value for part, value in values.items() if part not in unconfirmed.GRAVITY_NAME_PARTS}


GRAVITY_FORMS = Source(
    name="gravity_forms",
    title="Gravity Forms",
    content_types=(JSON_TYPE, FORM_TYPE),
    secret_place="path",
    secret_note="the secret is the last part of the path",
    rule="gravity_forms",
    rule_version=1,
    authenticate=require_path_secret,
    read=_read,
)
