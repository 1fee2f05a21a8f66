"""Why a lead has its score, in one line that people read at a glance: `cash buyer, +50; $1.2M budget, +25; phone, +10`.

Takes the contributions as `leads.scored_leads` keeps them. Which rules there are is the seeds' business: a rule that is
not known here is told by its name and evidence.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

NO_REASON = "no rule gave points"

_NAMES = {
    "has_phone": "phone",
    "verified_address": "verified address",
    "vendor_verified": "verified by the portal",
    "repeat_inquiry": "asked before",
    "tour_request": "tour request",
    "financing": "financing stated",
    "company": "company known",
}


def describe_score(contributions: Iterable[Mapping[str, Any]]) -> str:
    """The rules that gave or took points, most first; each with its points."""
    counted = [each for each in contributions if each["points"]]
    counted.sort(key=lambda each: -each["points"])
    return "; ".join(f"{_name(each)}, {each['points']:+d}" for each in counted) or NO_REASON


def describe_watched(contributions: Iterable[Mapping[str, Any]]) -> str:
    """The rules that hold and count nothing; empty when there are none."""
    return "; ".join(_name(each) for each in contributions if not each["points"])


def _name(contribution: Mapping[str, Any]) -> str:
    """A rule in a few words: by what it looks at, else by its name."""
    rule = str(contribution["rule"])
    signal = str(contribution.get("signal") or rule)  # leads scored before signals were kept have the rule alone
    evidence = str(contribution.get("evidence") or "")
    if signal.endswith("_keywords") and evidence:
        return evidence
    if evidence.startswith("$"):
        return f"{_short_money(evidence)} budget"
    if signal in _NAMES:
        return _NAMES[signal]
    words = rule.replace("_", " ")
    return f"{words} ({evidence})" if evidence else words


def shorten_dollars(amount: int) -> str:
    """`$1.2M`, `$650K`, `$900`; cut, never rounded up."""
    for size, letter in ((1_000_000, "M"), (1_000, "K")):
        if amount >= size:
            whole, hundredths = divmod(amount * 100 // size, 100)
            return f"${whole}{f'.{hundredths:02d}'.rstrip('0').rstrip('.')}{letter}"
    return f"${amount}"


def _short_money(dollars: str) -> str:
    """`$1,200,000` as `$1.2M`; what is no amount stays as it is."""
    try:
        return shorten_dollars(int(Decimal(dollars.strip("$ ").replace(",", ""))))
    except (InvalidOperation, ValueError, OverflowError):
        return dollars
