"""Why a lead has its score, in a line: "cash buyer, +50; $1.2M budget, +25; phone, +10"."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

_NAMES = {"has_phone": "phone", "verified_address": "verified address"}
_DOLLARS = re.compile(r"\$([\d,]+)")


def describe_score(contributions: Sequence[Mapping[str, Any]]) -> str:
    """The rules that gave points (`rule`, `points`, `evidence`), the largest first."""
    return "; ".join(f"{_name(each)}, {each['points']:+d}" for each in contributions)


def _name(contribution: Mapping[str, Any]) -> str:
    rule, evidence = contribution["rule"], contribution["evidence"] or ""
    if rule in _NAMES:
        return _NAMES[rule]
    if found := _DOLLARS.fullmatch(evidence):
        return f"{shorten_dollars(int(found[1].replace(',', '')))} budget"
    return evidence or str(rule).replace("_", " ")


def shorten_dollars(amount: int) -> str:
    """$1.2M, $650K, $900."""
    for size, letter in ((1_000_000, "M"), (1_000, "K")):
        if amount >= size:
            return f"${f'{amount / size:.2f}'.rstrip('0').rstrip('.')}{letter}"
    return f"${amount}"
