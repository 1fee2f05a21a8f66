"""Where an agent works: ZIP codes, ZIP prefixes, cities and counties, as people write them in a list.

`78704` is a ZIP code, `787*` every ZIP code that begins so, `Travis County` a county and `Austin` or `Austin, TX`
a city. No territory at all means everywhere.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

_ZIP = re.compile(r"\d{5}(?:-\d{4})?")
_PREFIX = re.compile(r"(\d{1,4})\*")
_COUNTY = re.compile(r"(.+?)\s+county", re.IGNORECASE)
_STATE = re.compile(r"[A-Za-z]{2}")


class TerritoryError(ValueError):
    """The text names no territory; the message says why."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """What is known of where a property is; unknown parts are None."""

    zip: str | None = None
    city: str | None = None
    state: str | None = None
    county: str | None = None

    @property
    def is_known(self) -> bool:
        """Whether there is anything to compare a territory with."""
        return bool(self.zip or self.city or self.county)


@dataclass(frozen=True, kw_only=True)
class Territories:
    """An agent's territories. Names are compared without case; a state of "" stands for any."""

    zips: frozenset[str] = frozenset()
    prefixes: tuple[str, ...] = ()
    cities: frozenset[tuple[str, str]] = frozenset()  # name, state
    counties: frozenset[tuple[str, str]] = frozenset()

    @property
    def is_everywhere(self) -> bool:
        """Whether nothing is named, which restricts nothing."""
        return not (self.zips or self.prefixes or self.cities or self.counties)

    def contains(self, place: Place) -> bool:
        """Whether a property there is this agent's. A place of which nothing is known is everybody's."""
        if self.is_everywhere or not place.is_known:
            return True
        if place.zip and (place.zip[:5] in self.zips or place.zip.startswith(self.prefixes)):
            return True
        state = (place.state or "").casefold()
        return _is_named(place.city, state, self.cities) or _is_named(_strip_county(place.county), state, self.counties)


EVERYWHERE = Territories()
NOWHERE_KNOWN = Place()


def read_territories(entries: Iterable[str]) -> Territories:
    """Territories from their texts. Raises `TerritoryError` for the first text that is none."""
    zips: set[str] = set()
    prefixes: set[str] = set()
    cities: set[tuple[str, str]] = set()
    counties: set[tuple[str, str]] = set()
    for entry in filter(None, (" ".join(entry.split()) for entry in entries)):
        if _ZIP.fullmatch(entry):
            zips.add(entry[:5])
        elif found := _PREFIX.fullmatch(entry):
            prefixes.add(found[1])
        elif any(character.isdigit() or character == "*" for character in entry):
            raise TerritoryError(f"{entry!r} is no ZIP code (78704), ZIP prefix (787*), city or county")
        else:
            name, state = _split_state(entry)
            county = _COUNTY.fullmatch(name)
            (counties if county else cities).add((_strip_county(name) if county else name.casefold(), state))
    return Territories(
        zips=frozenset(zips),
        prefixes=tuple(sorted(prefixes)),
        cities=frozenset(cities),
        counties=frozenset(counties),
    )


def _split_state(entry: str) -> tuple[str, str]:
    name, comma, state = (part.strip() for part in entry.rpartition(","))
    if not comma:
        return entry, ""
    if not name or not _STATE.fullmatch(state):
        raise TerritoryError(f"{entry!r}: behind the comma stands a state in two letters, as in Austin, TX")
    return name, state.casefold()


def _strip_county(name: str | None) -> str:
    text = (name or "").casefold().strip()
    found = _COUNTY.fullmatch(text)
    return found[1] if found else text


def _is_named(name: str | None, state: str, named: frozenset[tuple[str, str]]) -> bool:
    if not name:
        return False
    folded = name.casefold()
    return (folded, "") in named or (folded, state) in named or (not state and any(own == folded for own, _ in named))
