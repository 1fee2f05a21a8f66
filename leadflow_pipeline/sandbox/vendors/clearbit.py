"""Clearbit's combined find: `GET /v2/combined/find?email=…`, Basic (key as user) or Bearer.

Whom it knows is drawn from the address; `nobody@`, `queued@` and `quota@` give 404, 202 and 402 at any domain. A
queued address is found when it is asked for again. Grades in docs/vendors.md.
"""

import re
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from leadflow_pipeline.sandbox.vendors.invented import CITIES, COMPANIES, TITLES, draw, pick
from leadflow_pipeline.sandbox.vendors.vendor import Vendor
from leadflow_pipeline.settings import Settings

_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_VERSION = {"x-api-version": "2019-12-19"}


class Combined:
    """The endpoint; it remembers which addresses it has queued."""

    def __init__(self) -> None:
        self._queued: set[str] = set()

    async def find(self, request: Request) -> Response:
        email = request.query_params.get("email", "").casefold()
        if not request.headers.get("authorization"):
            return _error(401, "auth_required", "No valid API key provided.")
        if not _EMAIL.fullmatch(email):
            return _error(422, "email_invalid", "Invalid email.")
        outcome = find_outcome(email)
        if outcome == "quota":
            return _error(402, "over_quota", "Account is over its quota.")
        if outcome == "queued" and email not in self._queued:
            self._queued.add(email)
            return JSONResponse({"message": "Your request has been queued."}, 202, _VERSION)
        if outcome == "unknown":
            return _error(404, "unknown_record", "Unknown person.")
        person = None if outcome == "company" else _person(email)
        return JSONResponse({"person": person, "company": _company(email)}, 200, _VERSION)


def find_outcome(email: str) -> str:
    """What becomes of an address: person, company, queued, quota or unknown."""
    local = email.partition("@")[0]
    if local in ("quota", "queued", "nobody"):
        return {"nobody": "unknown"}.get(local, local)
    drawn = draw("clearbit", email)
    if drawn < 40:
        return "person"
    if drawn < 48:
        return "company"
    return "queued" if drawn < 52 else "unknown"


def _person(email: str) -> dict[str, Any]:
    local, _, domain = email.partition("@")
    title, seniority, _ = pick(TITLES, "title", email)
    city, state, code = pick(CITIES, "city", email)
    name = re.sub(r"[\W\d_]+", " ", local).strip().title() or "Sam Invented"
    handle = re.sub(r"\W", "", local)
    return {
        "id": f"{draw('person', email, sides=2**60):015x}",
        "name": {"fullName": name, "givenName": name.split()[0], "familyName": name.split()[-1]},
        "email": email,
        "location": f"{city}, {code}, US",
        "timeZone": "America/Chicago",
        "utcOffset": -6,
        "geo": {"city": city, "state": state, "stateCode": code, "country": "United States", "countryCode": "US"},
        "bio": None,
        "site": None,
        "avatar": None,
        "employment": {
            "domain": domain,
            "name": pick(COMPANIES, "company", email),
            "title": title,
            "role": "operations",
            "subRole": None,
            "seniority": seniority,
        },
        "facebook": {"handle": None},
        "github": {"handle": None},
        "twitter": {"handle": handle},
        "linkedin": {"handle": f"in/{handle}"},
        "fuzzy": False,
        "emailProvider": False,
        "indexedAt": "2026-01-15T00:00:00.000Z",
        "phone": None,
        "inactiveAt": None,
    }


def _company(email: str) -> dict[str, Any]:
    name = pick(COMPANIES, "company", email)
    return {
        "id": f"{draw('company', name, sides=2**60):015x}",
        "name": name,
        "legalName": f"{name}, Inc.",
        "domain": email.partition("@")[2],
        "domainAliases": [],
        "site": {},
        "category": {"sector": None, "industryGroup": None, "industry": None, "subIndustry": None},
        "geo": {},
        "metrics": {"employees": 10 + draw("size", name, sides=900), "employeesRange": "51-250"},
        "tech": [],
        "type": "private",
        "phone": None,
        "emailProvider": False,
        "indexedAt": "2026-01-15T00:00:00.000Z",
    }


def _error(status: int, kind: str, message: str) -> JSONResponse:
    return JSONResponse({"error": {"type": kind, "message": message}}, status, _VERSION)


def answer_limited(retry_after: int) -> Response:  # noqa: ARG001
    """Too many calls: the reset stands in the rate headers."""
    return _error(429, "rate_limit", "Rate limit exceeded.")


def rate_headers(limit: int, remaining: int, reset_seconds: int) -> dict[str, str]:
    """As observed in 2026 (grade C); that the reset is in seconds is unconfirmed (K)."""
    return {
        "x-ratelimit-limit": str(limit),
        "x-ratelimit-remaining": str(remaining),
        "x-ratelimit-reset": str(reset_seconds),
    }


def build(_: Settings) -> Vendor:
    """The stand-in."""
    return Vendor(
        name="clearbit",
        routes=[Route("/v2/combined/find", Combined().find)],
        limit_per_minute=600,
        answer_limited=answer_limited,
        rate_headers=rate_headers,
    )
