"""What a geocoder's answer says of an address: Google's Geocoding API, JSON form.

Statuses and errors are the adapter's business (`adapters/google_geocoder.py`); here a list of results becomes one fact.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from leadflow_pipeline.domain.plain_text import clean_line

# The precisions that mean the house itself was found, and not its street or town (documented, grade A).
HOUSE_PRECISIONS = frozenset({"ROOFTOP", "RANGE_INTERPOLATED"})
_LIMIT = 300


@dataclass(frozen=True, kw_only=True)
class Geocode:
    """Where an address is. All from the vendor, so all of it untrusted text of bounded length."""

    address_verified: bool  # the house was found, by all that was written
    formatted_address: str | None = None
    place_id: str | None = None
    latitude: float | None = None  # degrees, WGS 84
    longitude: float | None = None
    county: str | None = None
    zip: str | None = None


def read_geocode(results: object) -> Geocode | None:
    """The first, best result; None when there is none that can be read."""
    if not isinstance(results, Sequence) or not results or not isinstance(results[0], Mapping):
        return None
    best = results[0]
    geometry = _mapping(best.get("geometry"))
    location = _mapping(geometry.get("location"))
    return Geocode(
        address_verified=geometry.get("location_type") in HOUSE_PRECISIONS and not best.get("partial_match"),
        formatted_address=_text(best.get("formatted_address")),
        place_id=_text(best.get("place_id")),
        latitude=_degrees(location.get("lat"), 90),
        longitude=_degrees(location.get("lng"), 180),
        county=_component(best, "administrative_area_level_2"),
        zip=_component(best, "postal_code"),
    )


def _component(result: Mapping[str, Any], kind: str) -> str | None:
    components = result.get("address_components")
    for component in components if isinstance(components, Sequence) else ():
        if kind in (_mapping(component).get("types") or ()):
            return _text(_mapping(component).get("long_name"))
    return None


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _text(value: object) -> str | None:
    return clean_line(value, _LIMIT) or None if isinstance(value, str) else None


def _degrees(value: object, most: float) -> float | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number and abs(value) <= most else None  # type: ignore[arg-type]
