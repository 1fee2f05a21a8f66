"""Zillow Tech Connect, for sales leads: a JSON text inside an Amazon SNS message.

Amazon's signature says that the message comes from SNS, not whose topic it is: any account may publish. So the
address that Zillow is given ends in a secret as well. Updates and reassignments are newer versions of one lead.
"""

import json
from collections.abc import Mapping
from typing import Any

from leadflow_pipeline.domain.staged_leads import StagedLead
from leadflow_pipeline.domain.webhook_sources.payloads import (
    JSON_TYPE,
    Facts,
    block_of,
    clean_text,
    is_true,
    parse_json,
    postal_line,
)
from leadflow_pipeline.domain.webhook_sources.signatures import require_path_secret
from leadflow_pipeline.domain.webhook_sources.sns import NOTIFICATION, SUBSCRIPTION, is_amazons, verify_envelope
from leadflow_pipeline.domain.webhook_sources.source import (
    Post,
    Reading,
    RefusedError,
    Source,
    Trust,
    UnreadablePostError,
)

_CONTACT = {"ContactName": "name", "ContactEmail": "email", "ContactPhone": "phone", "ContactMessage": "message"}
_PROPERTY = {
    "MLSNumber": "property_mls_id",
    "ListingPrice": "property_price",
    "ZillowPropertyURL": "property_url",
}
_ADDRESS = ("StreetAddress", "City", "State", "Zip")


def _authenticate(post: Post, trust: Trust) -> None:
    require_path_secret(post, trust)
    envelope = verify_envelope(post.raw, trust)
    if envelope["Type"] == SUBSCRIPTION and not is_amazons(envelope.get("SubscribeURL")):
        raise RefusedError("SubscribeURL is no address of Amazon SNS.")


def _find_confirmation(raw: bytes) -> str | None:
    """Where a subscription is confirmed, when this asks for it; only ever an address of Amazon SNS."""
    envelope = parse_json(raw)
    url = envelope.get("SubscribeURL")
    return url if envelope.get("Type") == SUBSCRIPTION and isinstance(url, str) and is_amazons(url) else None


def _read(raw: bytes, _: str) -> Reading:
    envelope = parse_json(raw)
    if envelope.get("Type") != NOTIFICATION:
        return Reading(lead=StagedLead(), ignored="a message of Amazon SNS about the subscription, not a lead")
    parts = _open(envelope.get("Message"))
    contact, wish, listing = (block_of(parts, name) for name in ("ContactInfo", "SearchCriteria", "PropertyInfo"))
    facts = Facts()
    facts.take_all(contact, _CONTACT)
    facts.take_all(listing, _PROPERTY)
    address = postal_line(listing.get("StreetAddress"), None, *(listing.get(name) for name in _ADDRESS[1:]))
    facts.take("property_address", address, "PropertyInfo")
    extra = {key: value for key, value in contact.items() if key not in _CONTACT}
    extra["search_criteria"] = dict(wish)
    extra["property"] = {key: value for key, value in listing.items() if key not in _PROPERTY and key not in _ADDRESS}
    return facts.reading(
        extra,
        vendor_id=clean_text(contact.get("CommunicationGUID")),
        replaces=is_true(contact.get("Update")) or is_true(contact.get("Reassignment")),
    )


def _open(message: object) -> Mapping[str, Any]:
    """The three parts, on top or under `ContactMessage`."""
    try:
        parsed = json.loads(message) if isinstance(message, str) else None
    except (ValueError, RecursionError) as error:
        raise UnreadablePostError("Message is not a JSON text.") from error
    if not isinstance(parsed, dict):
        raise UnreadablePostError("Message must be a JSON text of an object.")
    return block_of(parsed, "ContactMessage") or parsed


ZILLOW = Source(
    name="zillow",
    title="Zillow Tech Connect",
    content_types=("text/plain", JSON_TYPE),
    secret_place="path",
    secret_note="the secret is the last part of the path; Amazon SNS signs",
    rule="zillow_tech_connect",
    rule_version=1,
    authenticate=_authenticate,
    read=_read,
    find_confirmation=_find_confirmation,
)
