"""Postal addresses of the United States: their parts, and whether state and ZIP code agree.

usaddress labels the words; here they are put together and checked against the table of ZIP prefixes.
Whether the house exists is the geocoder's question.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

import usaddress

from leadflow_pipeline.domain.plain_text import capitalize_word, clean_line
from leadflow_pipeline.domain.us_states import STATE_ABBREVIATIONS, STATE_NAMES, STATES_BY_ZIP_PREFIX

_LIMIT = 300

_STREET_NAME = ("PreModifier", "PreDirectional", "PreType", "", "PostType", "PostDirectional", "PostModifier")
_STREET = (
    *("USPSBoxType", "USPSBoxID", "USPSBoxGroupType", "USPSBoxGroupID"),
    *("AddressNumberPrefix", "AddressNumber", "AddressNumberSuffix", "CornerOf"),
    *(f"StreetName{part}" for part in _STREET_NAME),
    "IntersectionSeparator",
    *(f"SecondStreetName{part}" for part in _STREET_NAME),
)
_UNIT = ("SubaddressType", "SubaddressIdentifier", "OccupancyType", "OccupancyIdentifier")
_PLACED = frozenset((*_STREET, *_UNIT, "PlaceName", "StateName", "ZipCode"))
_COUNTRY = re.compile(r"[\s,]+(?:u\.?s\.?a\.?|united states(?: of america)?|u\.s\.)\s*$", re.IGNORECASE)
_LABEL = re.compile(r"^(?:(?:property|home|street|mailing|current)\s+)?address\s*:\s*", re.IGNORECASE)
_ZIP = re.compile(r"(?<!\d)(\d{5})(?:-\d{4})?(?!\d)")
_BESIDE_HASH = re.compile(r"#\s+(?=\w)")
_NOTHING = frozenset({"", "n/a", "na", "none", "null", "unknown", "undisclosed", "-", "--", "tbd", "not provided"})
_STATE_CODES = {name.lower().replace(" ", ""): code for code, name in STATE_NAMES.items()} | dict(STATE_ABBREVIATIONS)
_DIRECTIONS = frozenset(
    {
        "APO",
        "FPO",
        "DPO",
        "N",
        "S",
        "E",
        "W",
        "NE",
        "NW",
        "SE",
        "SW",
        "PO",
        "P.O.",
        "US",
        "RR",
        "HC",
        "FM",
        "CR",
        "SR",
    }
)
_KNOWN_UNIT = re.compile(
    r"#|(?:ap(?:ar)?t(?:ment)?|unit|suite|ste|bldg|building|fl(?:oor)?|lot|room|rm|trlr|trailer|ph|penthouse|"
    r"sp(?:ace|c)?|slip|bsmt|basement|side|lower|upper|rear|frnt|front|tower|no|number|dept|hngr|stop|\d)\b",
    re.IGNORECASE,
)
_STATE_AT_END = re.compile(rf"(?:^|[\s,])({'|'.join(STATE_NAMES.values())})$", re.IGNORECASE)
# With a comma behind the street an address needs no guessing; that is how portals write them.
_WRITTEN_OUT = re.compile(
    r"(?P<street>\d+[A-Za-z]?(?:-\d+)?(?: 1/2)?(?: [\w.'’-]+)+?)"
    r"(?:,? (?P<unit>(?:(?:Apt|Unit|Ste|Suite|Bldg|Fl|Lot|Rm)\.? #?(?:[A-Za-z]|[\w-]*\d[\w-]*)|#[\w-]+)"
    r"(?: (?:Apt|Unit|Ste|Suite)\.? #?[\w-]*\d[\w-]*)?))?"
    r", (?P<city>[^\W\d_][^\W\d_.'’-]*(?:[ .'’-]{1,2}[^\W\d_]+)*)(?:,| ,)? "
    r"(?P<state>[A-Z]{2}),? (?P<zip>\d{5})(?:-\d{4})?"
)
_LOST_ZERO = re.compile(r"\d{4}")
_ORDINAL = re.compile(r"\d+(?:st|nd|rd|th)", re.IGNORECASE)
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")


@dataclass(frozen=True, kw_only=True)
class Address:
    """One address in parts. What could not be told apart stays whole in `one_line`."""

    original: str  # as written, free of control characters
    one_line: str | None = None
    street: str | None = None
    unit: str | None = None
    city: str | None = None
    state: str | None = None  # two-letter code
    zip: str | None = None  # five digits
    problem: str | None = None


@dataclass(frozen=True, kw_only=True)
class _Parts:
    street: str = ""
    unit: str = ""
    city: str = ""
    state: str = ""
    zip: str = ""
    whole: bool = False  # every word found its place
    unknown_state: str = ""

    @property
    def one_line(self) -> str:
        street = " ".join(filter(None, (self.street, self.unit)))
        region = " ".join(filter(None, (self.state, self.zip)))
        return ", ".join(filter(None, (street, self.city, region)))


def normalize_address(text: str) -> Address:
    """The parts of the address, and what is wrong with it."""
    original = clean_line(text, _LIMIT)
    bare = _bare(original)
    if bare.lower() in _NOTHING or not any(map(str.isalnum, bare)):
        return Address(original=original, problem="no address given")
    one_line, parts = _settled(_cased(bare))
    return Address(
        original=original,
        one_line=one_line,
        street=parts.street or None,
        unit=parts.unit or None,
        city=parts.city or None,
        state=parts.state or None,
        zip=parts.zip or None,
        problem=_problem(parts),
    )


def _bare(text: str) -> str:
    """The address without a label before it and the country behind it."""
    bare = _LABEL.sub("", _COUNTRY.sub("", text)).strip(" ,;")
    return bare if bare == text else _bare(bare)


@lru_cache(maxsize=2048)  # a listing is asked about many times
def _settled(text: str) -> tuple[str, _Parts]:
    """The line in its lasting form: labelled again, it falls into the same parts."""
    parts = _parts(text)
    if not parts.whole or parts.one_line == text:
        return text, parts
    composed = parts.one_line
    again = _parts(composed)
    if again.whole and again.one_line == composed == _cased(composed):
        return composed, again
    return text, parts


def _parts(text: str) -> _Parts:
    written_out = _WRITTEN_OUT.fullmatch(text)
    if written_out and written_out["state"] in STATE_NAMES:
        return _Parts(whole=True, **written_out.groupdict(""))
    return _labelled_parts(text)


def _labelled_parts(text: str) -> _Parts:
    labelled, whole = _labelled(text)
    written = labelled.get("StateName", "")
    state = _state_code(written)
    zip_code = _zip(labelled.get("ZipCode", ""), state)
    street, unit = _together(labelled, _STREET), _BESIDE_HASH.sub("#", _together(labelled, _UNIT))
    known_unit = not unit or _KNOWN_UNIT.match(unit) is not None
    if not known_unit:
        street, unit = street or unit, ""
    parts = _Parts(
        street=street,
        unit=unit,
        city=labelled.get("PlaceName", "").strip(" ,.;"),
        state=state or _only_state(zip_code),
        zip=zip_code,
        whole=whole and (known_unit or street == _together(labelled, _UNIT)) and (not written or state is not None),
        unknown_state="" if state else written,
    )
    return parts if parts.state or parts.zip else _with_state_at_end(parts, text)


def _zip(written: str, state: str | None) -> str:
    if found := _ZIP.search(written):
        return found[1]
    # Spreadsheets eat the leading zero of New England and New Jersey.
    padded = f"0{written}"
    owned = state is not None and state in STATES_BY_ZIP_PREFIX.get(padded[:3], ())
    return padded if owned and _LOST_ZERO.fullmatch(written) else ""


def _with_state_at_end(parts: _Parts, text: str) -> _Parts:
    """`Round Rock Texas`: too short a line for labels, still a place."""
    found = _STATE_AT_END.search(text)
    if not found or any(map(str.isdigit, text)):
        return parts
    city = text[: found.start()].strip(" ,")
    return _Parts(city=city, state=_state_code(found[1]) or "", whole=bool(city))


def _labelled(text: str) -> tuple[dict[str, str], bool]:
    """Label and words, and whether each word has a place in the one-line form."""
    try:
        tagged, kind = usaddress.tag(text)
        labelled = {label: words.strip(" ,;") for label, words in tagged.items()}
        whole = kind != "Ambiguous" or "PlaceName" in labelled
    except usaddress.RepeatedLabelError as failure:
        labelled, whole = _first_of_each(failure.parsed_string), False
    return labelled, whole and labelled.keys() <= _PLACED and not text.startswith(labelled.get("OccupancyType", "\n"))


def _first_of_each(words: Iterable[tuple[str, str]]) -> dict[str, str]:
    """The first run of each label, where labels repeat (two addresses in one line)."""
    runs: dict[str, list[str]] = {}
    last = None
    for word, label in words:
        if label == last or label not in runs:
            runs.setdefault(label, []).append(word)
            last = label
        else:
            last = None
    return {label: " ".join(run).strip(" ,;") for label, run in runs.items()}


def _together(labelled: dict[str, str], labels: Iterable[str]) -> str:
    return " ".join(labelled[label] for label in labels if labelled.get(label))


def _state_code(written: str) -> str | None:
    letters = re.sub(r"[^a-z]", "", written.lower())
    return letters.upper() if letters.upper() in STATE_NAMES else _STATE_CODES.get(letters)


def _only_state(zip_code: str) -> str:
    states = STATES_BY_ZIP_PREFIX.get(zip_code[:3], ())
    return states[0] if len(states) == 1 else ""


def _problem(parts: _Parts) -> str | None:
    owners = STATES_BY_ZIP_PREFIX.get(parts.zip[:3], ())
    if parts.zip and not owners:
        return f"no such ZIP code: {parts.zip}"
    if parts.zip and parts.state and parts.state not in owners:
        return f"ZIP code {parts.zip} is in {' or '.join(owners)}, not in {parts.state}"
    if parts.unknown_state:
        return f"no such state: {parts.unknown_state}"
    if not parts.zip and not parts.state:
        return "neither a state of the US nor a ZIP code"
    return None


def _cased(text: str) -> str:
    """Ordinary case for an address that is all capitals or all small letters; others as they stand."""
    if not (text.isupper() or text.islower()):
        return text
    words = text.split(" ")
    behind = [*words[1:], "00000"]
    return " ".join(_word(word, state=following[:1].isdigit()) for word, following in zip(words, behind, strict=True))


def _word(word: str, *, state: bool) -> str:
    """One word; `state` where it stands as a state does, at the end or before the ZIP code (OR, not or)."""
    bare = word.strip(".,;")
    if bare.upper() in _DIRECTIONS or (state and bare.upper() in STATE_NAMES):
        return word.upper()
    if _ORDINAL.fullmatch(bare):
        return word.lower()
    if any(map(str.isdigit, word)):
        return word.upper()
    return _WORD.sub(lambda match: capitalize_word(match[0]), word)
