"""The OpenAPI document of the receiver, for the sources that are open in this stack."""

from typing import Any

from leadflow_pipeline.domain.webhook_sources import unconfirmed
from leadflow_pipeline.domain.webhook_sources.meta import META
from leadflow_pipeline.domain.webhook_sources.payloads import JSON_TYPE
from leadflow_pipeline.domain.webhook_sources.registry import SOURCES
from leadflow_pipeline.domain.webhook_sources.source import Source
from leadflow_pipeline.receiver.payload_schemas import EXAMPLES, PROOFS, SCHEMAS
from leadflow_pipeline.receiver.problems import TITLES
from leadflow_pipeline.receiver.webhooks import HEADER_LIMIT
from leadflow_pipeline.settings import Settings

_SECRET = {"type": "string", "minLength": 1}
_HTML, _FORM = "text/html", "application/x-www-form-urlencoded"
_REFUSALS = (400, 401, 404, 408, 413, 415, 422, 429, 500, 503)


def describe_receiver(settings: Settings) -> dict[str, Any]:
    """The document as JSON values."""
    paths: dict[str, Any] = {
        "/health": {"get": _get("Whether a post could be stored now", JSON_TYPE, refusals=(503,))},
        "/metrics": {"get": _get("Figures for Prometheus", "text/plain", refusals=())},
    }
    for source in SOURCES.values():
        has_secret = bool(settings.webhook_secrets(source.name))
        if has_secret or (source.is_open_on_sandbox and settings.sandbox):
            has_path_secret = has_secret and source.secret_place == "path"
            paths[f"/webhooks/{source.name}{'/{secret}' if has_path_secret else ''}"] = {
                "post": _post(source, has_path_secret=has_path_secret)
            }
    if settings.webhook_secrets(META.name) and settings.webhook_meta_verify_token is not None:
        paths[f"/webhooks/{META.name}"]["get"] = _challenge()
    paths |= _describe_links() | _describe_callbacks(settings)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "leadflow receiver",
            "version": "1",
            "description": "Stores a lead and answers. Send a post again when the answer is no 2xx: the same post "
            "twice is one lead.",
        },
        "paths": paths,
        "components": {"schemas": {"Accepted": _accepted(), "Problem": _problem()}},
    }


def _get(summary: str, content_type: str, *, refusals: tuple[int, ...]) -> dict[str, Any]:
    responses: dict[str, Any] = {"200": {"description": "Yes", "content": {content_type: {}}}}
    return {"summary": summary, "responses": responses | {str(status): _refusal(status) for status in refusals}}


def _challenge() -> dict[str, Any]:
    names = (unconfirmed.META_MODE, unconfirmed.META_VERIFY_TOKEN, unconfirmed.META_CHALLENGE)
    return {
        **_get("Meta's question when the webhook is set up", "text/plain", refusals=(401,)),
        "parameters": [{"name": name, "in": "query", "schema": {"type": "string"}} for name in names],
    }


def _describe_links() -> dict[str, Any]:
    """What the links in our texts and mails lead to."""
    token = {
        "parameters": [
            {"name": "token", "in": "path", "description": "Signed by us", "required": True, "schema": _SECRET}
        ]
    }
    return {
        "/l/{token}": {"get": _get("The lead of a text's link", _HTML, refusals=(404,)) | token},
        "/unsubscribe/{token}": {
            "get": _get("A page that asks whether to unsubscribe", _HTML, refusals=(404,)) | token,
            "post": _get("Unsubscribes, with one click (RFC 8058)", _HTML, refusals=(404,)) | token,
        },
    }


def _describe_callbacks(settings: Settings) -> dict[str, Any]:
    """What the vendors in use tell us; each signs what it sends."""
    paths: dict[str, Any] = {}
    if settings.find_vendor("twilio"):
        paths["/twilio/status"] = {
            "post": _callback(
                "What became of a text",
                "X-Twilio-Signature",
                content={_FORM: {"schema": {"type": "object", "required": ["MessageSid", "MessageStatus"]}}},
                responses={"204": {"description": "Noted"}},
                refusals=(401, 413, 422),
            )
        }
    if settings.crm_in_use is not None and settings.crm_secrets(settings.crm_in_use):
        signature = {"followupboss": "FUB-Signature", "hubspot": "X-HubSpot-Signature-v3"}[settings.crm_in_use]
        told = {JSON_TYPE: {"schema": {"type": "object", "required": ["notices"]}}}
        paths[f"/crm/{settings.crm_in_use}"] = {
            "post": _callback(
                "Calls and stages that the CRM tells of",
                signature,
                content={JSON_TYPE: {"schema": {"type": ["object", "array"]}}},
                responses={
                    "200": {"description": "Nothing new for us", "content": told},
                    "202": {"description": "Kept", "content": told},
                },
                refusals=(400, 401, 408, 413, 500, 503),
            )
        }
    return paths


def _callback(
    summary: str, signature: str, *, content: Any, responses: dict[str, Any], refusals: tuple[int, ...]
) -> dict[str, Any]:
    return {
        "summary": summary,
        "parameters": [{"name": signature, "in": "header", "required": True, "schema": {"type": "string"}}],
        "requestBody": {"required": True, "content": content},
        "responses": responses | {str(status): _refusal(status) for status in refusals},
    }


def _post(source: Source, *, has_path_secret: bool) -> dict[str, Any]:
    content: dict[str, Any] = {
        content_type: {"schema": SCHEMAS[source.name], "example": EXAMPLES[source.name]}
        for content_type in source.content_types
    }
    parameters: list[dict[str, Any]] = [
        {
            "name": "Idempotency-Key",
            "in": "header",
            "description": "One key, one lead. Without it, the vendor's id or the bytes decide.",
            "schema": {"type": "string", "maxLength": HEADER_LIMIT},
        },
        *(
            {"name": name, "in": "header", "description": description, "required": True, "schema": {"type": "string"}}
            for name, description in PROOFS.get(source.name, {}).items()
        ),
    ]
    if has_path_secret:
        description = source.secret_note
        parameters.append(
            {"name": "secret", "in": "path", "description": description, "required": True, "schema": _SECRET}
        )
    accepted = {"application/json": {"schema": {"$ref": "#/components/schemas/Accepted"}}}
    responses: dict[str, Any] = {
        "200": {"description": "Had arrived before", "content": accepted},
        "202": {"description": "Stored", "content": accepted},
    }
    return {
        "summary": source.title,
        "description": f"Authentication: {source.secret_note}.",
        "operationId": f"post_{source.name}",
        "parameters": parameters,
        "requestBody": {"required": True, "content": content},
        "responses": responses | {str(status): _refusal(status) for status in _REFUSALS},
    }


def _refusal(status: int) -> dict[str, Any]:
    content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {"description": TITLES[status], "content": content}


def _accepted() -> dict[str, Any]:
    return {"type": "object", "required": ["event_id"], "properties": {"event_id": {"type": "integer"}}}


def _problem() -> dict[str, Any]:
    return {
        "type": "object",
        "required": ["title", "status", "detail"],
        "properties": {
            "title": {"type": "string"},
            "status": {"type": "integer"},
            "detail": {"type": "string"},
            "errors": {"type": "array", "items": {"type": "string"}},
            "event_id": {"type": "integer"},
        },
    }
