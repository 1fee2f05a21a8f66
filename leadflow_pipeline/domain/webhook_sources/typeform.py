"""Typeform: signed JSON, one answer per question; its value stands under the key that its type names."""

from collections.abc import Mapping
from typing import Any

from leadflow_pipeline.domain.staged_leads import StagedLead
from leadflow_pipeline.domain.webhook_sources import unconfirmed
from leadflow_pipeline.domain.webhook_sources.labels import find_fact, take_labelled
from leadflow_pipeline.domain.webhook_sources.payloads import (
    JSON_TYPE,
    Facts,
    block_of,
    blocks_of,
    clean_text,
    parse_json,
)
from leadflow_pipeline.domain.webhook_sources.signatures import base64_signatures, matches_any
from leadflow_pipeline.domain.webhook_sources.source import Post, Reading, RefusedError, Source, Trust

_EVENT = "form_response"
_BY_TYPE = {"email": "email", "phone_number": "phone"}


def _authenticate(post: Post, trust: Trust) -> None:
    expected = [f"sha256={text}" for text in base64_signatures(trust.secrets, post.raw)]
    if not matches_any(post.headers.get("typeform-signature", ""), expected):
        raise RefusedError("Typeform-Signature is not that of the body with our secret.")


def _read(raw: bytes, _: str) -> Reading:
    body = parse_json(raw)
    if body.get("event_type") != _EVENT:
        return Reading(lead=StagedLead(), problems=(f"event_type: must be {_EVENT}",))
    response = block_of(body, _EVENT)
    titles = _titles(response)
    facts = Facts()
    others: list[tuple[str, Any]] = []
    for answer in blocks_of(response, "answers"):
        label, value = _label(answer, titles), _value(answer)
        fact = _BY_TYPE.get(str(answer.get("type")))
        if fact is not None and not facts.has(fact):
            facts.take(fact, value, label)
        else:
            others.append((label, value))
    extra = take_labelled(facts, [*others, *block_of(response, "hidden").items()])
    extra |= {key: response.get(key) for key in ("form_id", "submitted_at")}
    return facts.reading(extra, vendor_id=clean_text(response.get(unconfirmed.TYPEFORM_ID)))


def _titles(response: Mapping[str, Any]) -> Mapping[str, str]:
    """What each question is called, by its `ref`."""
    fields = blocks_of(block_of(response, "definition"), "fields")
    return {str(field.get("ref")): str(field.get("title") or "") for field in fields}


def _label(answer: Mapping[str, Any], titles: Mapping[str, str]) -> str:
    """The name its author gave a question, when it is one of ours; else the question itself."""
    ref = str(block_of(answer, "field").get("ref") or "")
    return ref if find_fact(ref) or not titles.get(ref) else titles[ref]


def _value(answer: Mapping[str, Any]) -> Any:
    value = answer.get(str(answer.get("type")))
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        labels = value.get("labels")
        parts = labels if isinstance(labels, list) else [value.get("label"), value.get("other")]
        return ", ".join(text for part in parts if (text := clean_text(part)))
    return value


TYPEFORM = Source(
    name="typeform",
    title="Typeform",
    content_types=(JSON_TYPE,),
    secret_place="header",
    secret_note="the secret is the webhook's secret, which Typeform signs with",
    rule="typeform",
    rule_version=1,
    authenticate=_authenticate,
    read=_read,
)
