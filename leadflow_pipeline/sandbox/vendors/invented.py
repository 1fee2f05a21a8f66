"""Invented persons and places for the stand-ins: the same input gives the same answer, in every process."""

import hashlib
from typing import TypeVar

Thing = TypeVar("Thing")

COMPANIES = ("Bluebonnet Logistics", "Harbor & Pine", "Meridian Dental Group", "Copperfield Software", "Lakeline Foods")
TITLES = (
    ("Operations Manager", "manager", "manager"),
    ("Software Engineer", "ic", "senior"),
    ("Chief Financial Officer", "executive", "cxo"),
    ("Regional Sales Director", "director", "director"),
    ("Nurse Practitioner", "ic", "entry"),
)
CITIES = (("Austin", "Texas", "TX"), ("Denver", "Colorado", "CO"), ("Portland", "Oregon", "OR"))


def draw(*words: str, sides: int = 100) -> int:
    """A number from 0 to `sides - 1` that these words always give."""
    digest = hashlib.sha256("\n".join(words).casefold().encode()).digest()
    return int.from_bytes(digest[:8], "big") % sides


def pick(things: tuple[Thing, ...], *words: str) -> Thing:
    """One of the things, always the same for these words."""
    return things[draw(*words, sides=len(things))]
