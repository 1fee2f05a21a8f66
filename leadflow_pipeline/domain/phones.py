"""Telephone numbers as people write them: one field in, the best number and all others out.

The numbering plans are those of phonenumbers; here is only how a field is cut into numbers, which of them
is best, and which ones nobody owns. Whether a number may be called is not decided here.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import phonenumbers
from phonenumbers import Leniency, NumberParseException, PhoneNumber, PhoneNumberFormat, PhoneNumberType

from leadflow_pipeline.domain.plain_text import clean_line

_LIMIT = 200
_MOST_NUMBERS = 8  # a field with more is a pasted list, not a person's numbers

_KINDS = {
    PhoneNumberType.FIXED_LINE: "fixed",
    PhoneNumberType.MOBILE: "mobile",
    PhoneNumberType.FIXED_LINE_OR_MOBILE: "fixed_or_mobile",
    PhoneNumberType.TOLL_FREE: "toll_free",
    PhoneNumberType.PREMIUM_RATE: "premium",
    PhoneNumberType.SHARED_COST: "shared_cost",
    PhoneNumberType.VOIP: "voip",
    PhoneNumberType.PERSONAL_NUMBER: "personal",
    PhoneNumberType.PAGER: "pager",
    PhoneNumberType.UAN: "company",
    PhoneNumberType.VOICEMAIL: "voicemail",
}
_PERSONAL_KINDS = frozenset({"mobile", "fixed", "fixed_or_mobile", "voip", "personal"})
_NOTHING = frozenset({"", "n/a", "na", "none", "null", "unknown", "no phone", "-", "--", "not provided"})

_LABELS = (
    r"(?:cell(?:phone|ular)?|mob(?:ile)?|movil|móvil|celular|home|house|work|office|business|direct|main|"
    r"primary|secondary|alt(?:ernate)?|daytime|day|evening|eve|tel(?:ephone|efono|éfono)?|phone|ph|text|sms|"
    r"whatsapp|fax|[cmhwopf](?=[:.)]))"
)
_LABEL = re.compile(rf"(?<![a-z@\d-])\(?{_LABELS}\)?(?![a-z])[\s.:#-]*", re.IGNORECASE)
_NEW_LABEL = re.compile(rf"(?<=\d)\)?[\s,;.-]+(?={_LABELS}[\s.:#-]*\(?\+?\d)", re.IGNORECASE)
_SEPARATOR = re.compile(r"\s*(?:\||;(?!\s*ext)|\bor\b|\band\b|\by\b|&|/|,(?!\s*(?:#|x|e?xt|\d{1,5}$)))\s*", re.I)
_OTHER_TEXT = re.compile(r"\S+@\S+|\bhttps?://\S+", re.IGNORECASE)
_EXTENSION_WORD = re.compile(r"[\s,]*\b(?:option|opt|press|extensión|ext(?:ension|n)?|anexo)\b[\s.:#]*(?=\d)", re.I)
_FAX = re.compile(r"\bfax\b", re.IGNORECASE)
_MOBILE = re.compile(r"\b(?:cell\w*|mob(?:ile)?|m[oó]vil|celular|text|sms|whatsapp)\b|\b[cm](?=[:.)])", re.IGNORECASE)
# Letters count as keys only after a written area code, as in 1-800-GET-HOME; extra letters are not dialled.
_VANITY = re.compile(
    r"(?P<prefix>(?:\+?1[\s.-]*)?\(?[2-9]\d\d\)?[\s.-]*)"
    r"(?P<word>(?=(?:[\s.-]?[A-Za-z0-9])*?[A-Za-z]{3})(?:[A-Za-z0-9][\s.-]?){6,14}[A-Za-z0-9])"
    r"(?P<rest>(?:\s+(?:x|ext)\.?\s*\d{1,6})?)"
)
_PLACEHOLDER = "placeholder number"
_WORD = re.compile(r"\b(?!(?:ext|tel)\b)[^\W\d_]{3,}\b", re.IGNORECASE)
_DIGIT = re.compile(r"\d")
_ASCENDING = "01234567890123456789"
_PARSE_ERRORS = {
    NumberParseException.INVALID_COUNTRY_CODE: "unknown country code",
    NumberParseException.NOT_A_NUMBER: "not a phone number",
    NumberParseException.TOO_SHORT_AFTER_IDD: "too few digits",
    NumberParseException.TOO_SHORT_NSN: "too few digits",
    NumberParseException.TOO_LONG: "too many digits",
}


@dataclass(frozen=True, kw_only=True)
class Phone:
    """What a phone field says. `e164` is set only for a number that can be somebody's."""

    original: str  # as written, free of control characters
    e164: str | None = None
    extension: str | None = None
    valid: bool = False
    kind: str | None = None
    problem: str | None = None
    others: tuple[str, ...] = ()  # further numbers: E.164 with " x12" where valid, else as written


@dataclass(frozen=True, kw_only=True)
class _Candidate:
    text: str
    number: PhoneNumber | None
    problem: str | None
    kind: str | None
    fax: bool

    @property
    def written(self) -> str:
        if self.number is None or self.problem:
            return self.text
        e164 = phonenumbers.format_number(self.number, PhoneNumberFormat.E164)
        return f"{e164} x{self.number.extension}" if self.number.extension else e164


def normalize_phone(text: str, *, region: str) -> Phone:
    """The best number of the field, with the country from its prefix, else from `region`."""
    original = clean_line(text, _LIMIT)
    if original.lower() in _NOTHING:
        return Phone(original=original, problem="no number given")
    found = sorted(_candidates(original, region.upper()), key=_rank)
    if not found:
        return Phone(original=original, problem="not a phone number")
    best = found[0]
    further = [each.written for each in found[1:] if each.problem != _PLACEHOLDER]
    others = tuple(dict.fromkeys(each for each in further if each != best.written))
    if best.number is None or best.problem:
        return Phone(original=original, problem=best.problem or "not a phone number", others=others)
    return Phone(
        original=original,
        e164=phonenumbers.format_number(best.number, PhoneNumberFormat.E164),
        extension=best.number.extension or None,
        valid=True,
        kind=best.kind,
        others=others,
    )


def _rank(candidate: _Candidate) -> tuple[bool, bool, bool, bool]:
    """Sorts the number that most likely reaches the person to the front; ties keep the field's order."""
    return (
        candidate.problem is not None,
        candidate.fax,
        candidate.kind not in _PERSONAL_KINDS,
        candidate.kind != "mobile",
    )


def _candidates(field: str, region: str) -> list[_Candidate]:
    text = _EXTENSION_WORD.sub(" ext. ", _OTHER_TEXT.sub(" ", field))
    whole = _candidate(text, region)
    if whole and whole.problem is None:
        return [whole]
    found: list[_Candidate] = []
    for piece in _pieces(text):
        found.extend(_numbers_in(_with_area_code(piece, found), region))
    return (found or ([whole] if whole else []))[:_MOST_NUMBERS]


def _pieces(text: str) -> Iterator[str]:
    for labelled in _NEW_LABEL.split(text):
        for piece in _SEPARATOR.split(labelled):
            if _DIGIT.search(piece):
                yield piece.strip()


def _with_area_code(piece: str, before: list[_Candidate]) -> str:
    """`555-0199` after `(512) 555-0142` shares its area code."""
    digits = "".join(_DIGIT.findall(piece))
    if len(digits) == 7 and before and before[-1].number and before[-1].number.country_code == 1:
        return f"+1{str(before[-1].number.national_number)[:3]}{digits}"
    return piece


def _numbers_in(piece: str, region: str) -> list[_Candidate]:
    whole = _candidate(piece, region)
    if whole and whole.problem is None:
        return [whole]
    found = phonenumbers.PhoneNumberMatcher(piece, _known(region), leniency=Leniency.POSSIBLE, max_tries=20)
    several = [each for match in found if (each := _candidate(match.raw_string, region, labels=piece))]
    if several and (len(several) > 1 or several[0].problem is None):
        return several
    return [whole] if whole else []


def _candidate(piece: str, region: str, labels: str | None = None) -> _Candidate | None:
    """One number with what its label says, or None where there are no digits to speak of."""
    bare = _LABEL.sub(" ", piece).strip()
    if len(_DIGIT.findall(bare)) < 3:
        return None
    number, problem = _parse(bare, region)
    label = labels or piece
    kind = _KINDS.get(phonenumbers.number_type(number)) if number and not problem else None
    if kind == "fixed_or_mobile" and _MOBILE.search(label):
        kind = "mobile"
    return _Candidate(text=bare, number=number, problem=problem, kind=kind, fax=bool(_FAX.search(label)))


def _parse(text: str, region: str) -> tuple[PhoneNumber | None, str | None]:
    """The number under the reading that makes it valid, else what is wrong with the plain reading."""
    first: tuple[PhoneNumber | None, str | None] | None = None
    for reading in _readings(_vanity_digits(text)):
        try:
            number = phonenumbers.parse(reading, _known(region))
        except NumberParseException as failure:
            first = first or (None, _PARSE_ERRORS.get(failure.error_type, "not a phone number"))
            continue
        problem = _problem(number)
        if problem is None:
            return number, None
        first = first or (number, problem)
    return first or (None, "not a phone number")


def _known(region: str) -> str | None:
    return region if region in phonenumbers.SUPPORTED_REGIONS else None


def _readings(text: str) -> Iterator[str]:
    """The text as it stands, then the ways in which people miswrite the country's prefix."""
    yield text
    digits = "".join(_DIGIT.findall(text))
    if text.startswith("+"):
        yield text.lstrip("+ ")
    elif digits.startswith("00"):
        yield "+" + text.lstrip("(0 ")
    elif len(digits) > 10:
        yield "+" + text


def _vanity_digits(text: str) -> str:
    match = _VANITY.fullmatch(text)
    if match is None:
        return _WORD.sub(" ", text)
    if match["prefix"][-1].isspace() and not match["word"].isupper():
        return _WORD.sub(" ", text)  # a remark after a piece of a number ("512 anytime")
    keys = re.sub(r"[\s.-]", "", match["word"])[:7]
    dialled = phonenumbers.convert_alpha_characters_in_number(keys.upper())
    return f"{match['prefix']}{dialled}{match['rest']}"


def _problem(number: PhoneNumber) -> str | None:
    if _is_placeholder(number):
        return _PLACEHOLDER
    if phonenumbers.is_valid_number(number):
        return None
    reason = phonenumbers.is_possible_number_with_reason(number)
    if reason == phonenumbers.ValidationResult.TOO_LONG:
        return "too many digits"
    if reason in (
        phonenumbers.ValidationResult.TOO_SHORT,
        phonenumbers.ValidationResult.IS_POSSIBLE_LOCAL_ONLY,
    ):
        return "too few digits"
    return "not a number in use"


def _is_placeholder(number: PhoneNumber) -> bool:
    """Numbers typed to get past a form; storing one would make strangers the same person."""
    digits = "0" * (number.number_of_leading_zeros or 0 if number.italian_leading_zero else 0)
    digits += str(number.national_number)
    if len(set(digits)) == 1:
        return True
    if len(digits) >= 7 and (digits in _ASCENDING or digits[::-1] in _ASCENDING):
        return True
    return number.country_code == 1 and digits[3:] in ("5555555", "0000000")
