"""What each source sends, as JSON schemas for the OpenAPI document, with an example of invented people.

A post that fits its schema, and proves where it comes from, is taken; more is taken than fits. The vendors' own
documentation says more; only what leads to a contact stands here.
"""

import json
from collections.abc import Mapping
from typing import Any

Schema = dict[str, Any]

TEXT: Schema = {"type": ["string", "number", "null"]}
SOME: Schema = {"type": ["string", "number"], "pattern": "[A-Za-z0-9]"}


def _object(required: Mapping[str, Schema], **optional: Schema) -> Schema:
    return {
        "type": "object",
        "required": list(required),
        "properties": {**required, **optional},
        "additionalProperties": True,
    }


def _contact(*names: str, either: tuple[str, ...] = ("email", "phone")) -> Schema:
    """An object of texts in which one of two ways to reach the person is given."""
    return {
        "type": "object",
        "properties": dict.fromkeys((*names, *either), TEXT),
        "anyOf": [{"required": [name], "properties": {name: SOME}} for name in either],
        "additionalProperties": True,
        "description": f"Either {' or '.join(either)} is needed. Other fields are kept as they are.",
    }


def _list_with(item: Schema, items: Schema) -> Schema:
    return {"type": "array", "items": items, "contains": item, "minItems": 1}


_FORM = _contact("name", "first_name", "last_name", "message", "address", "budget", "timeframe", "property_address")
_CONSUMER = _contact("full_name", "first_name", "last_name", "message", "timeframe", "move_in_date", "role")
_COLUMN = {"type": "object", "properties": {"column_id": {"type": "string"}, "string_value": TEXT}}
_EMAIL_COLUMN = _object({"column_id": {"const": "EMAIL"}, "string_value": SOME})
_ANSWER = _object({"type": {"type": "string"}}, field=_object({}, ref={"type": "string"}))
_EMAIL_ANSWER = _object({"type": {"const": "email"}, "email": {"type": "string", "pattern": "[A-Za-z0-9]"}})
_LEADGEN = _object(
    {
        "field": {"const": "leadgen"},
        "value": _object({"leadgen_id": {"type": "string", "pattern": "^[0-9]{1,40}$"}}),
    }
)


def _elements(**children: Schema) -> Schema:
    return {"type": "object", "required": list(children), "properties": children, "additionalProperties": False}


_WORD: Schema = {"type": "string", "pattern": "^[A-Za-z0-9@.]+$"}

SCHEMAS: Mapping[str, Schema] = {
    "website": _contact("name", "message", "address", "budget"),
    "standard": {"anyOf": [_object({"data": _FORM}, type={"type": "string"}, timestamp={"type": "string"}), _FORM]},
    "zillow": _object(
        {
            "Type": {"enum": ["Notification", "SubscriptionConfirmation"]},
            "MessageId": {"type": "string"},
            "TopicArn": {"type": "string"},
            "Message": {"type": "string", "contentMediaType": "application/json"},
            "Timestamp": {"type": "string"},
            "SignatureVersion": {"enum": ["1", "2"]},
            "Signature": {"type": "string"},
            "SigningCertURL": {"type": "string"},
        }
    ),
    "zillow_rentals": _contact("name", "message", "listingStreet", "listingCity", "listingState", "listingPostalCode"),
    "realtor_com": _object({"Lead": _object({"lead_info": _object({"lead_consumer_info": _CONSUMER})})}),
    "google_ads": _object(
        {"google_key": {"type": "string"}, "user_column_data": _list_with(_EMAIL_COLUMN, _COLUMN)},
        lead_id={"type": "string"},
        is_test={"type": "boolean"},
    ),
    "meta": _object({"entry": _list_with(_object({"changes": _list_with(_LEADGEN, {"type": "object"})}), _object({}))}),
    "typeform": _object(
        {
            "event_type": {"const": "form_response"},
            "form_response": _object({"answers": _list_with(_EMAIL_ANSWER, _ANSWER)}, token={"type": "string"}),
        }
    ),
    "webflow": _object({"payload": _object({"data": _FORM}, id={"type": "string"})}),
    "gravity_forms": _FORM,
    "adf": {
        **_elements(prospect=_elements(customer=_elements(contact=_elements(name=_WORD, email=_WORD, phone=_WORD)))),
        "xml": {"name": "adf"},
    },
}

_PERSON = {
    "name": "Ana Ruiz",
    "email": "ana.ruiz@example.com",
    "phone": "(512) 555-0142",
    "message": "Can we see it on Friday?",
    "budget": "$650,000",
}
EXAMPLES: Mapping[str, Any] = {
    "website": _PERSON,
    "standard": {"type": "lead.created", "timestamp": "2026-11-23T14:00:00Z", "data": _PERSON},
    "zillow_rentals": {**_PERSON, "listingStreet": "1 Test Way", "listingCity": "Denver", "leadType": "tourRequest"},
    "realtor_com": {"Lead": {"lead_info": {"lead_consumer_info": {"full_name": "Ana Ruiz", "phone": "5125550142"}}}},
    "google_ads": {
        "google_key": "SECRET",
        "lead_id": "example-1",
        "user_column_data": [
            {"column_id": "FULL_NAME", "string_value": "Ana Ruiz"},
            {"column_id": "EMAIL", "string_value": "ana.ruiz@example.com"},
        ],
    },
    "meta": {
        "object": "page",
        "entry": [{"changes": [{"field": "leadgen", "value": {"leadgen_id": "200000000000002"}}]}],
    },
    "typeform": {
        "event_type": "form_response",
        "form_response": {
            "token": "example-1",
            "answers": [{"type": "email", "email": "ana.ruiz@example.com", "field": {"ref": "email"}}],
        },
    },
    "webflow": {"triggerType": "form_submission", "payload": {"id": "example-1", "data": _PERSON}},
    "gravity_forms": _PERSON,
    "adf": "<adf><prospect><customer><contact><name part='full'>Ana Ruiz</name><phone>512-555-0142</phone></contact>"
    "</customer></prospect></adf>",
    "zillow": json.dumps({"Type": "Notification", "Message": "..."}),
}

# Headers that carry the proof of where a post comes from; the other sources have it in the path or the body.
PROOFS: Mapping[str, Mapping[str, str]] = {
    "standard": {
        "webhook-id": "The message's id; the same one again is the same lead.",
        "webhook-timestamp": "Unix time; at most 5 minutes off.",
        "webhook-signature": "`v1,` and base64 HMAC-SHA256, or `v1a,` and base64 ed25519, over id.timestamp.body; "
        "several with a space between.",
    },
    "realtor_com": {"x-api-key": "The agreed key."},
    "meta": {"X-Hub-Signature-256": "`sha256=` and hexadecimal HMAC-SHA256 over the body."},
    "typeform": {"Typeform-Signature": "`sha256=` and base64 HMAC-SHA256 over the body."},
}
