"""The OpenAPI document of the receiver, for the sources that are open in this stack."""

from typing import Any

from leadflow_pipeline.domain.webhook_sources.payloads import FORM_TYPE, JSON_TYPE
from leadflow_pipeline.domain.webhook_sources.registry import SOURCES
from leadflow_pipeline.domain.webhook_sources.source import Source
from leadflow_pipeline.receiver.problems import TITLES
from leadflow_pipeline.receiver.webhooks import HEADER_LIMIT
from leadflow_pipeline.settings import Settings

_TEXT = {"type": ["string", "number", "null"]}
_SOME = {"type": ["string", "number"], "pattern": "[A-Za-z0-9]"}
_WEBSITE = {
    "type": "object",
    "properties": dict.fromkeys(("name", "email", "phone", "message", "address", "budget"), _TEXT),
    "anyOf": [{"required": [name], "properties": {name: _SOME}} for name in ("email", "phone")],
    "additionalProperties": True,
    "description": "Either email or phone is needed. Other fields are kept as they are.",
}
_SECRET = {"type": "string", "minLength": 1}
_OBJECT = {"type": "object", "additionalProperties": True}
_EXAMPLE = {
    "name": "Ana Ruiz",
    "email": "ana.ruiz@example.com",
    "phone": "(512) 555-0142",
    "message": "Can we see it on Friday?",
    "budget": "$650,000",
}
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


def _post(source: Source, *, has_path_secret: bool) -> dict[str, Any]:
    schema = _WEBSITE if source.name == "website" else _OBJECT
    content: dict[str, Any] = {
        content_type: {"schema": schema if content_type in (JSON_TYPE, FORM_TYPE) else {"type": "string"}}
        for content_type in source.content_types
    }
    if source.name in ("website", "standard"):
        content[JSON_TYPE]["example"] = _EXAMPLE
    parameters: list[dict[str, Any]] = [
        {
            "name": "Idempotency-Key",
            "in": "header",
            "description": "One key, one lead. Without it, the bytes decide.",
            "schema": {"type": "string", "maxLength": HEADER_LIMIT},
        }
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
