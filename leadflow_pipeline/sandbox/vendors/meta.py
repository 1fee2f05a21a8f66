"""Meta's Graph API as far as lead ads need it: `GET /{leadgen_id}`, with or without a version before it.

Every id of at least ten digits is a lead of an invented person, always the same one; shorter ones are unknown, as
Meta words it. Error shapes and codes are those of Meta's page "Handling Errors" (grade A), the lead's shape that of
"Retrieving Leads" (A); the rate limit's code and header are general knowledge (K).
"""

import json
import re
from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from leadflow_pipeline.sandbox.sample_people import invent_people
from leadflow_pipeline.sandbox.vendors.vendor import Vendor
from leadflow_pipeline.settings import Settings

_LEAD_ID = re.compile(r"[0-9]{10,40}")


def build(settings: Settings) -> Vendor:
    """The stand-in. It takes the token that the stack has, and on a bare sandbox the word "sandbox"."""
    token = settings.meta_access_token.get_secret_value() if settings.meta_access_token else "sandbox"

    async def show_lead(request: Request) -> Response:
        given = request.headers.get("authorization", "").removeprefix("Bearer ")
        if token not in (given, request.query_params.get("access_token")):
            return _fault(401, 190, "Invalid OAuth access token - Cannot parse access token")
        lead_id = request.path_params["lead_id"]
        if _LEAD_ID.fullmatch(lead_id) is None:
            return _fault(400, 100, f"Unsupported get request. Object with ID '{lead_id}' does not exist", subcode=33)
        lead = _invent_lead(lead_id)
        fields = request.query_params.get("fields")
        chosen = lead if fields is None else {name: lead[name] for name in fields.split(",") if name in lead}
        return JSONResponse({**chosen, "id": lead_id})

    return Vendor(
        name="meta",
        routes=[Route("/{lead_id}", show_lead), Route("/v{version}/{lead_id}", show_lead)],
        answer_failed=lambda: _fault(500, 2, "An unexpected error has occurred. Please retry your request later."),
        answer_limited=_answer_limited,
        rate_headers=_rate_headers,
    )


def _invent_lead(lead_id: str) -> dict[str, object]:
    person = next(invent_people(int(lead_id)))
    answers = {
        "full_name": person.name,
        "email": person.email,
        "phone_number": f"+1{person.area_code}555{person.line}",
        "street_address": person.street,
        "what_is_your_budget?": "$450,000",
    }
    return {
        "created_time": "2026-11-23T14:00:00+0000",
        "form_id": "300000000000003",
        "field_data": [{"name": name, "values": [value]} for name, value in answers.items()],
        "custom_disclaimer_responses": [{"checkbox_key": "may_we_text_you", "is_checked": "1"}],
    }


def _fault(status: int, code: int, message: str, *, subcode: int | None = None) -> JSONResponse:
    fault: dict[str, object] = {
        "message": message,
        "type": "OAuthException" if code == 190 else "GraphMethodException",
        "code": code,
        "fbtrace_id": "Asandbox",
    }
    if subcode is not None:
        fault["error_subcode"] = subcode
    return JSONResponse({"error": fault}, status)


def _answer_limited(retry_after: int) -> Response:  # noqa: ARG001 - Meta tells it in a header of its own
    return _fault(400, 80005, "There have been too many leadgen api calls to this Page account.")


def _rate_headers(limit: int, remaining: int, reset_seconds: int) -> Mapping[str, str]:
    usage = {
        "type": "leadgen",
        "call_count": 100 if limit == 0 else round(100 * (limit - remaining) / limit),
        "estimated_time_to_regain_access": 0 if remaining else -(-reset_seconds // 60),
    }
    return {"X-Business-Use-Case-Usage": json.dumps({"100000000000001": [usage]})}
