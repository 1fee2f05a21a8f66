"""Realtor.com: JSON under `Lead.lead_info`, with an agreed key in a header.

The push brings the portal's own score and the proof of consent, which are kept. The block about the property
stands in one of two places.
"""

from collections.abc import Mapping
from typing import Any

from leadflow_pipeline.domain.webhook_sources import unconfirmed
from leadflow_pipeline.domain.webhook_sources.labels import read_lead_type
from leadflow_pipeline.domain.webhook_sources.payloads import (
    JSON_TYPE,
    Facts,
    block_of,
    clean_text,
    is_true,
    parse_json,
    postal_line,
)
from leadflow_pipeline.domain.webhook_sources.signatures import matches_any
from leadflow_pipeline.domain.webhook_sources.source import Post, Reading, RefusedError, Source, Trust

_CONSUMER = {
    "full_name": "name",
    "first_name": "first_name",
    "last_name": "last_name",
    "email": "email",
    "phone": "phone",
    "message": "message",
    "timeframe": "timeframe",
    "move_in_date": "timeframe",
}
_PROPERTY = {"mls_id": "property_mls_id", "price": "property_price"}
_IDS = ("communication_guid", "lead_guid", "inquiry_guid")
_BLOCKS = (
    "rdc_customer_info",
    "listing_customer_info",
    "lead_property_preferences_info",
    "lead_form_info",
)


def _authenticate(post: Post, trust: Trust) -> None:
    if not matches_any(post.headers.get("x-api-key", ""), trust.secrets):
        raise RefusedError("The key in the header x-api-key is missing or wrong.")


def _read(raw: bytes, _: str) -> Reading:
    outer = block_of(parse_json(raw), "Lead")
    info = block_of(outer, "lead_info")
    consumer = block_of(info, "lead_consumer_info")
    listing = block_of(info, "lead_property_info") or block_of(outer, "lead_property_info")
    facts = Facts()
    facts.take_all(consumer, _CONSUMER)
    facts.take_all(listing, _PROPERTY)
    facts.take("property_address", _address(listing), "lead_property_info")
    facts.take("property_url", _first(listing, unconfirmed.REALTOR_URL), "lead_property_info")
    facts.take("lead_type", read_lead_type(consumer.get("role")) or read_lead_type(info.get("lead_type")), "role")
    extra = {key: value for key, value in consumer.items() if key not in _CONSUMER or key == "move_in_date"}
    extra |= {key: value for key, value in info.items() if not isinstance(value, dict)}
    extra |= {name: block_of(info, name) or block_of(outer, name) for name in _BLOCKS}
    extra["property"] = {key: value for key, value in listing.items() if key not in _PROPERTY}
    is_test = is_true(info.get("test")) or is_true(outer.get("test"))
    return facts.reading(
        extra, vendor_id=_vendor_id(info), ignored="a test lead of Realtor.com's (test: true)" if is_test else None
    )


def _vendor_id(info: Mapping[str, Any]) -> str | None:
    """All three ids: which of them repeats is not known, and one that does would swallow another inquiry."""
    return "/".join(text for name in _IDS if (text := clean_text(info.get(name)))) or None


def _address(listing: Mapping[str, Any]) -> str | None:
    parts = (
        unconfirmed.REALTOR_STREET,
        unconfirmed.REALTOR_UNIT,
        unconfirmed.REALTOR_CITY,
        unconfirmed.REALTOR_STATE,
        unconfirmed.REALTOR_POSTAL_CODE,
    )
    return postal_line(*(_first(listing, names) for names in parts))


def _first(block: Mapping[str, Any], names: tuple[str, ...]) -> str | None:
    return next((text for name in names if (text := clean_text(block.get(name)))), None)


REALTOR_COM = Source(
    name="realtor_com",
    title="Realtor.com",
    content_types=(JSON_TYPE,),
    secret_place="header",
    secret_note="the secret is the key in x-api-key",
    rule="realtor_com_push",
    rule_version=1,
    authenticate=_authenticate,
    read=_read,
)
