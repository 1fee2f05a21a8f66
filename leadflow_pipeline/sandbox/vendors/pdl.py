"""People Data Labs' person enrichment: `GET` or `POST /v5/person/enrich` with an API key.

Whom it knows, and how surely, is drawn from the best input; `nobody@` and `quota@` give 404 and 402 at any domain.
Grades in docs/vendors.md.
"""

import json
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from leadflow_pipeline.sandbox.vendors.clearbit import rate_headers
from leadflow_pipeline.sandbox.vendors.invented import CITIES, COMPANIES, TITLES, draw, pick
from leadflow_pipeline.sandbox.vendors.vendor import Vendor
from leadflow_pipeline.settings import Settings

NOT_FOUND = "No records were found matching your request"


async def enrich(request: Request) -> Response:
    """One person, or 404; a match below `min_likelihood` is none."""
    given = await _read(request)
    if not (request.headers.get("x-api-key") or given.get("api_key")):
        return _error(401, "authentication_error", "Request contained a missing or invalid key")
    subject = given.get("email") or given.get("phone")
    if not subject and given.get("last_name") and (given.get("location") or given.get("company")):
        subject = f"{given.get('first_name', '')} {given['last_name']} {given.get('location', '')}"
    if not subject:
        return _error(400, "invalid_request_error", "Request contained missing or insufficient input data")
    if subject.startswith("quota@"):
        return _error(402, "payment_required", "You have reached your account maximum (monthly usage limit)")
    likelihood = find_likelihood(subject)
    if likelihood < int(given.get("min_likelihood") or 2):
        return _error(404, "not_found", NOT_FOUND)
    return JSONResponse({"status": 200, "likelihood": likelihood, "data": _person(subject, given)})


def find_likelihood(subject: str) -> int:
    """How sure a match is, 1 to 10; 0: there is none."""
    if subject.startswith("nobody@") or draw("pdl", subject) < 45:
        return 0
    return 1 + draw("likelihood", subject, sides=10)


async def _read(request: Request) -> dict[str, str]:
    given = dict(request.query_params)
    if request.method == "POST":
        try:
            body = json.loads(await request.body() or b"{}")
        except ValueError:
            body = {}
        given |= {name: str(value) for name, value in body.items()} if isinstance(body, dict) else {}
    return given


def _person(subject: str, given: dict[str, str]) -> dict[str, Any]:
    title, _, level = pick(TITLES, "title", subject)
    city, state, _ = pick(CITIES, "city", subject)
    first, last = given.get("first_name", "sam").lower(), given.get("last_name", "invented").lower()
    handle = f"{first}-{last}-{draw('handle', subject, sides=10_000)}".replace(" ", "-")
    return {
        "id": f"sandbox_{draw('pdl person', subject, sides=2**60):015x}",
        "full_name": f"{first} {last}",
        "first_name": first,
        "last_name": last,
        "job_title": title.lower(),
        "job_title_levels": [level],
        "job_company_name": pick(COMPANIES, "company", subject).lower(),
        "location_name": f"{city.lower()}, {state.lower()}, united states",
        "location_country": "united states",
        "linkedin_url": f"linkedin.com/in/{handle}",
        "facebook_url": None,
        "twitter_url": None,
        "github_url": None,
    }


def _error(status: int, kind: str, message: str) -> JSONResponse:
    return JSONResponse({"status": status, "error": {"type": kind, "message": message}}, status)


def answer_limited(retry_after: int) -> Response:  # noqa: ARG001
    """Too many calls: the reset stands in the rate headers."""
    return _error(429, "rate_limit_error", "An error occurred due to requests hitting the API too quick")


def build(_: Settings) -> Vendor:
    """The stand-in, with the limit of the free plan."""
    return Vendor(
        name="pdl",
        routes=[Route("/v5/person/enrich", enrich, methods=["GET", "POST"])],
        limit_per_minute=100,
        answer_limited=answer_limited,
        rate_headers=rate_headers,
    )
