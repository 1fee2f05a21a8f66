"""Google's Geocoding API, JSON form: `GET /maps/api/geocode/json?address=…&key=…`.

By its house number an address is found exactly (most), between two known ones, only roughly and with `partial_match`,
or not at all; a street called Nowhere is never found. Grades in docs/vendors.md.
"""

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from leadflow_pipeline.domain.addresses import Address, normalize_address
from leadflow_pipeline.domain.us_states import STATE_NAMES, STATES_BY_ZIP_PREFIX
from leadflow_pipeline.sandbox.vendors.invented import draw
from leadflow_pipeline.sandbox.vendors.vendor import Vendor
from leadflow_pipeline.settings import Settings

# Where states are, roughly: what is drawn around it is invented.
_MIDDLES = {"TX": (30.3, -97.7), "CO": (39.7, -105.0), "OR": (45.5, -122.6), "CA": (36.8, -119.4), "NY": (40.7, -74.0)}
_SOMEWHERE = (39.8, -98.6)


async def geocode(request: Request) -> Response:
    """Answers 200 whatever the status, as the API does (grade K)."""
    query = request.query_params
    if not query.get("key", "").startswith("AIza"):
        return _status("REQUEST_DENIED", "The provided API key is invalid.")
    if not query.get("address", "").strip():
        return _status("INVALID_REQUEST", "Invalid request. Missing the 'address' parameter.")
    address = normalize_address(query["address"])
    precision = find_precision(address)
    if precision is None:
        return _status("ZERO_RESULTS")
    return JSONResponse({"results": [_result(address, precision)], "status": "OK"})


def find_precision(address: Address) -> str | None:
    """How exactly an address is found; None: not at all."""
    line = address.one_line or ""
    if "nowhere" in line.casefold() or not (address.city or address.zip or address.state):
        return None
    if not address.street or not any(map(str.isdigit, address.street)):
        return "APPROXIMATE"
    chance = draw("google", line)
    if chance < 80:
        return "ROOFTOP"
    if chance < 90:
        return "RANGE_INTERPOLATED"
    return "GEOMETRIC_CENTER" if chance < 96 else None


def _result(address: Address, precision: str) -> dict[str, Any]:
    line = address.one_line or ""
    state = address.state or (STATES_BY_ZIP_PREFIX.get((address.zip or "")[:3]) or ("TX",))[0]
    number, _, street = (address.street or "").partition(" ")
    zip_code = address.zip or f"787{draw('zip', line):02}"
    is_house = precision in ("ROOFTOP", "RANGE_INTERPOLATED")
    components = [
        *([_component(number, "street_number"), _component(street, "route")] if is_house else []),
        _component(address.city or "Springfield", "locality", "political"),
        _component(f"{address.city or 'Springfield'} County", "administrative_area_level_2", "political"),
        _component(STATE_NAMES[state], "administrative_area_level_1", "political", short=state),
        _component("United States", "country", "political", short="US"),
        _component(zip_code, "postal_code"),
    ]
    latitude, longitude = _MIDDLES.get(state, _SOMEWHERE)
    result: dict[str, Any] = {
        "address_components": components,
        "formatted_address": f"{line.removesuffix(address.zip or '').strip(' ,')} {zip_code}, USA",
        "geometry": {
            "location": {
                "lat": round(latitude + (draw("lat", line, sides=2_000) - 1_000) / 10_000, 7),
                "lng": round(longitude + (draw("lng", line, sides=2_000) - 1_000) / 10_000, 7),
            },
            "location_type": precision,
        },
        "place_id": f"ChIJ{draw('place', line, sides=2**60):015x}sandbox",
        "types": ["street_address"] if is_house else ["locality", "political"],
    }
    return result if is_house or not address.street else {**result, "partial_match": True}


def _component(name: str, *types: str, short: str | None = None) -> dict[str, Any]:
    return {"long_name": name, "short_name": short or name, "types": list(types)}


def _status(status: str, message: str | None = None) -> JSONResponse:
    return JSONResponse({"results": [], "status": status, **({"error_message": message} if message else {})})


def answer_failed() -> Response:
    """Trouble on the server, as the API says it."""
    return _status("UNKNOWN_ERROR")


def answer_limited(retry_after: int) -> Response:  # noqa: ARG001
    """Too many calls: no Retry-After, only the status."""
    return _status("OVER_QUERY_LIMIT", "You have exceeded your rate-limit for this API.")


def build(_: Settings) -> Vendor:
    """The stand-in. The sandbox itself sets no limit; the documented one is 3,000 a minute."""
    return Vendor(
        name="google",
        routes=[Route("/maps/api/geocode/json", geocode)],
        limit_per_minute=3_000,
        answer_failed=answer_failed,
        answer_limited=answer_limited,
    )
