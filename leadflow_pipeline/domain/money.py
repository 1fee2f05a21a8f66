"""Amounts as people write them: a budget, a price, a rent; one amount or a range.

The text decides what the number is (per month or not, which currency); what a lead's amount is used for
is decided by whoever holds the other facts of the lead.
"""

import re
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from itertools import pairwise

from leadflow_pipeline.domain.plain_text import clean_line

_LIMIT = 200
_SMALLEST = Decimal(100)
_LARGEST = Decimal(999_999_999)
_CENT = Decimal("0.01")

_K, _M, _B = Decimal(1_000), Decimal(1_000_000), Decimal(1_000_000_000)
_MULTIPLIERS = {
    **dict.fromkeys(("k", "thousand", "thousands", "grand", "th", "thou"), _K),
    **dict.fromkeys(("m", "mm", "mn", "mln", "mio", "million", "millions", "mill"), _M),
    **dict.fromkeys(("millón", "millon", "millones"), _M),
    **dict.fromkeys(("b", "bn", "billion"), _B),
}
_WORD_NUMBERS = {
    "a": "1", "an": "1", "one": "1", "two": "2", "three": "3", "four": "4", "five": "5", "six": "6",
    "seven": "7", "eight": "8", "nine": "9", "ten": "10", "eleven": "11", "twelve": "12", "fifteen": "15",
    "twenty": "20", "thirty": "30", "forty": "40", "fifty": "50", "sixty": "60", "seventy": "70",
    "eighty": "80", "ninety": "90", "half": "0.5", "quarter": "0.25", "un": "1", "medio": "0.5",
}  # fmt: skip
_WORDS = "|".join(sorted(_WORD_NUMBERS, key=len, reverse=True))
_UNITS = "|".join(sorted((*_MULTIPLIERS, "mil"), key=len, reverse=True))
_DIGITS = r"(?:\d[\d.,'’]*(?: \d{3}(?!\d)(?![.,]?\d)(?!\s*[km]))*|\.\d+)"

_AMOUNT = re.compile(
    rf"(?<![a-z\d.])(?P<digits>{_DIGITS})\s*(?P<unit>{_UNITS})?(?![a-z\d])"
    rf"|(?<![a-z])(?P<words>(?:{_WORDS}|and|hundred)(?:[\s-]+(?:of|{_WORDS}|and|hundred))*)[\s-]+"
    rf"(?P<word_unit>thousand|grand|million|mil|millón|millon|billion)(?P<and_half>\s+and\s+a\s+half)?(?![a-z])",
    re.IGNORECASE,
)
_EACH = r"(?:/|\bper\b|\ban?\b|\beach\b|\bevery\b|\bal\b|\bpor\b|\bp/)\s*"
# How a period is written, and how many of it make a month.
_PERIODS = (
    (
        re.compile(
            rf"{_EACH}(?:mon(?:th)?|mth|mo|mes|m)\b\.?|(?<=\d)\s*p\.?c?\.?m\b\.?"
            r"|\b(?:monthly|mensual(?:es)?|pcm|mo)\b\.?",
            re.IGNORECASE,
        ),
        Decimal(1),
    ),
    (re.compile(rf"{_EACH}(?:wk|week)\b|\bweekly\b", re.IGNORECASE), Decimal(52) / 12),
    (
        re.compile(rf"{_EACH}(?:yr|year|annum)\b|\b(?:yearly|annually)\b|\bp\.?a\b\.?", re.IGNORECASE),
        Decimal(1) / 12,
    ),
)
_CURRENCIES = (
    (re.compile(r"€|\beur(?:os?)?\b", re.I), "EUR"),
    (re.compile(r"£|\bgbp\b|\bpounds?\b", re.I), "GBP"),
    (re.compile(r"\bmx[n$]|\bpesos?\b", re.I), "MXN"),
    (re.compile(r"\bcad\b|\bc\$|\bca\$", re.I), "CAD"),
    (re.compile(r"\$|\busd\b|\bus\b|\bdollars?\b|\bd[oó]lares\b|\bbucks\b", re.I), "USD"),
)
# Numbers that count something else, and telephone numbers.
_NOT_MONEY = re.compile(
    r"\+?1?[\s(.-]*\b\d{3}\)?[\s.-]\s*\d{3}[.-]\d{4}\b|\b\d{10,11}\b"
    r"|\d[\d.,]*\s*(?:%|percent\b|(?:-\s*)?(?:bed|bd|br\b|bath|ba\b|sq|acre|ft\b|m2|m²|year|yr|week|day|month))"
    r"(?:[a-z]*)\.?",
    re.IGNORECASE,
)
_CEILING = re.compile(
    r"\b(?:under|below|up\s*to|upto|max(?:imum)?|m[aá]ximo|no\s+(?:more|higher|greater)\s+than|less\s+than"
    r"|not\s+(?:over|more\s+than|to\s+exceed)|at\s+most|within|hasta|menos\s+de|or\s+(?:less|under|below|lower))\b|<|≤",
    re.IGNORECASE,
)
_FLOOR = re.compile(
    r"\b(?:over|above|at\s+least|min(?:imum)?|m[ií]nimo|more\s+than|starting|from|desde|m[aá]s\s+de|north\s+of"
    r"|and\s+(?:up|above)|or\s+(?:more|above))\b|>|≥|\+",
    re.IGNORECASE,
)
_NEGATED_FLOOR = re.compile(r"\b(?:no\s+more|not\s+over|not\s+more)\b", re.IGNORECASE)
_BETWEEN = re.compile(
    r"^[\s$€£]*(?:-|–|—|−|~|to|and|thru|through|until|up to|upto|a|y|hasta|\.\.\.?|/|or)[\s$€£]*$", re.I
)
_GROUPED_BY_DOT = re.compile(r"\d{1,3}(?:\.\d{3})+(?:,\d{1,2})?")
_GROUPED_BY_COMMA = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?")
_DECIMAL_COMMA = re.compile(r"\d+,\d{1,2}")
_HALF = re.compile(r"(?<![\d/.,])(?:(\d+)(?:\s+|\s*-\s*)?)?(?:(?<!\d)1/2(?![\d/])|½)")
_HUNDRED = re.compile(r"(?<![\d.,])(\d{1,2})\s*hundred\b", re.IGNORECASE)
# "mid 400s", "high $300's": the hundred thousands, and which third of them.
_HUNDREDS = re.compile(
    r"(?:(?P<from>low|mid|high|upper)(?:(?:\s*(?:to|-|/)\s*)(?P<to>mid|high|upper))?)?[\s-]*(?:the\s+)?"
    r"\$?(?P<hundreds>[1-9])00,?(?:000|k)?['’]?s\b",
    re.IGNORECASE,
)
_THIRDS = {"low": (0, 30), "mid": (30, 70), "high": (70, 100), "upper": (70, 100)}
_TWO_DOTS_AS_RANGE = re.compile(r"(?<=\d)\.{2,}(?=[\s$€£]*\d)")


@dataclass(frozen=True, kw_only=True)
class Money:
    """One amount or a range. For one amount `low` equals `high`; an open end is None."""

    original: str  # as written, free of control characters
    low: Decimal | None = None
    high: Decimal | None = None
    per_month: bool = False  # a rent; other periods are converted to a month
    currency: str | None = None
    problem: str | None = None

    @property
    def amount(self) -> Decimal | None:
        """The one number to go by: the upper end where there is one."""
        return self.low if self.high is None else self.high


@dataclass(frozen=True, kw_only=True)
class _Figure:
    value: Decimal
    unit: Decimal | None
    start: int
    end: int

    @property
    def amount(self) -> Decimal:
        return self.value * (self.unit or 1)


def parse_money(text: str) -> Money:
    """The amount or range that the text names."""
    original = clean_line(text, _LIMIT)
    months = next((factor for pattern, factor in _PERIODS if pattern.search(original)), None)
    currency = next((code for pattern, code in _CURRENCIES if pattern.search(original)), None)
    bare = _spelled_out(_without_other_numbers(original))
    figures = [figure for match in _AMOUNT.finditer(bare) if (figure := _figure(match))][:8]
    if not figures:
        return Money(original=original, problem="no amount in it")
    low, high = _span(bare, figures)
    problem = _problem(low, high)
    if problem:
        return Money(original=original, per_month=months is not None, currency=currency, problem=problem)
    factor = months or Decimal(1)
    return Money(
        original=original,
        low=_tidy(low, factor),
        high=_tidy(high, factor),
        per_month=months is not None,
        currency=currency,
    )


def _without_other_numbers(text: str) -> str:
    bare = text
    for pattern, _ in _PERIODS:
        bare = pattern.sub(" ", bare)
    return _TWO_DOTS_AS_RANGE.sub(" - ", _NOT_MONEY.sub(" ", bare))


def _spelled_out(text: str) -> str:
    """Idioms as plain figures: `1 1/2`, `5 hundred thousand`, `mid 400s`."""
    halves = _HALF.sub(lambda match: f" {match[1] or 0}.5", text)
    return _HUNDREDS.sub(_hundreds, _HUNDRED.sub(r"\g<1>00", halves))


def _hundreds(match: re.Match[str]) -> str:
    first, last = (match["from"] or "low").lower(), (match["to"] or match["from"] or "high").lower()
    base = int(match["hundreds"]) * 100
    return f" {base + _THIRDS[first][0]}k - {base + _THIRDS[last][1]}k "


def _figure(match: re.Match[str]) -> _Figure | None:
    if match["digits"]:
        unit_word = (match["unit"] or "").lower()
        value = _number(match["digits"], has_unit=bool(unit_word))
        unit = _unit(unit_word, value)
    else:
        value = _spelled(match["words"].lower())
        unit = _unit(match["word_unit"].lower(), value)
        if value is not None and match["and_half"]:
            value += Decimal("0.5")
    if value is None:
        return None
    return _Figure(value=value, unit=unit, start=match.start(), end=match.end())


def _unit(word: str, value: Decimal | None) -> Decimal | None:
    if word == "mil" and value is not None:
        # "1.2 mil" is English slang for million, "500 mil" Spanish for thousand.
        return _M if value < 20 else _K
    return _MULTIPLIERS.get(word)


def _number(written: str, *, has_unit: bool) -> Decimal | None:
    text = re.sub(r"['’ ]", "", written).rstrip(".,")
    if _GROUPED_BY_COMMA.fullmatch(text):
        text = text.replace(",", "")
    elif _GROUPED_BY_DOT.fullmatch(text) and not (has_unit and text.count(".") == 1):
        text = text.replace(".", "").replace(",", ".")
    elif _DECIMAL_COMMA.fullmatch(text):
        text = text.replace(",", ".")
    else:
        text = text.replace(",", "")
    try:
        return Decimal(text)
    except InvalidOperation:
        return None


def _spelled(words: str) -> Decimal | None:
    """`two hundred fifty` is 250; `half a`, `quarter of a` are parts of what follows."""
    tokens = [each for each in re.split(r"[\s-]+", words) if each not in ("and", "of")]
    part = next((each for each in tokens[:2] if each in ("half", "quarter", "medio")), None)
    if part:
        return Decimal(_WORD_NUMBERS[part])
    total = Decimal(0)
    for token in tokens:
        if token == "hundred":
            total = (total or Decimal(1)) * 100
        elif token in ("a", "an") and total:
            continue
        else:
            total += Decimal(_WORD_NUMBERS[token])
    return total or None


def _span(text: str, figures: list[_Figure]) -> tuple[Decimal | None, Decimal | None]:
    # Of several amounts that are no range ("450k, 20k down") the largest is what is meant.
    only = max(figures, key=lambda figure: figure.amount)
    for first, second in pairwise(figures):
        if only in (first, second) and _is_range(text, first, second):
            low, high = _shared_unit(first, second)
            return min(low, high), max(low, high)
    if _CEILING.search(text):
        return None, only.amount
    if _FLOOR.search(text) and not _NEGATED_FLOOR.search(text):
        return only.amount, None
    return only.amount, only.amount


def _is_range(text: str, first: _Figure, second: _Figure) -> bool:
    return bool(
        _BETWEEN.match(re.sub(r"\b(?:usd|eur|dollars?|euros?)\b", " ", text[first.end : second.start], flags=re.I))
    )


def _shared_unit(first: _Figure, second: _Figure) -> tuple[Decimal, Decimal]:
    """`500-600k`: the unit is written once and meant twice, unless the numbers speak against it."""
    if first.unit is None and second.unit is not None and first.value < 1000:
        shared = first.value * second.unit
        return (shared if shared <= second.amount else first.value * _K), second.amount
    if second.unit is None and first.unit is not None and second.value < 1000:
        return first.amount, second.value * first.unit
    return first.amount, second.amount


def _tidy(amount: Decimal | None, factor: Decimal) -> Decimal | None:
    """Whole where it is whole, else two places."""
    if amount is None:
        return None
    exact = (amount * factor).quantize(_CENT)
    return exact.to_integral_value() if exact == exact.to_integral_value() else exact


def _problem(low: Decimal | None, high: Decimal | None) -> str | None:
    amounts = [each for each in (low, high) if each is not None]
    if max(amounts) > _LARGEST:
        return "too large for a price"
    if max(amounts) < _SMALLEST:
        return "too small for a price"
    return None
