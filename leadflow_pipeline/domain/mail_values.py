"""What a found text must look like to be a fact: a number with enough digits, a name without signs, an address.

Trimmed, never made up and never cleaned: that is the work of `normalized_leads`.
"""

import re
from collections.abc import Iterator, Sequence

from leadflow_pipeline.domain import mail_words as words
from leadflow_pipeline.domain.mail_characters import addresses_in
from leadflow_pipeline.domain.mail_rules import Shape
from leadflow_pipeline.domain.plain_text import clean_line

LINE_LIMIT = 500
_NAME_LIMIT = 200
_NAME_WORDS_LIMIT = 10
_NOTHING = frozenset(
    """n/a na none null nil - -- --- . ? x tbd unknown undefined empty blank no\xa0data not\xa0provided
    not\xa0given not\xa0available not\xa0specified not\xa0applicable no\xa0phone no\xa0email no\xa0phone\xa0provided
    (none) (not\xa0provided) (blank) (empty) ninguno ninguna no\xa0proporcionado""".replace("\xa0", "_").split()
)
_PHONE = re.compile(
    r"(?<![\w@])\+?\(?\d[\d().\s/\u2010-\u2014+-]{5,22}\d(?:\s*(?:x|ext\.?|extension|#)\s*\d{1,6})?(?!\w)",
    re.IGNORECASE,
)
_TEMPLATE_TAG = re.compile(r"\[[a-z][\w -]*\](?:\s*<\[[\w -]+\]>)?")  # a form's tag that nothing was put into
_DATE = re.compile(r"(?<!\d)\d{1,2}[/.-]\d{1,2}[/.-](?:19|20)\d\d(?!\d)|(?<!\d)20\d\d[/.-]\d{1,2}[/.-]\d{1,2}(?!\d)")
_AMOUNT = re.compile(r"\$\s?\d|\d{1,3}(?:[.,]\d{3})+|\b\d{3,}\b|\d\s?[km]\b", re.IGNORECASE)
URL = re.compile(r"https?://[^\s<>\"\])]+", re.IGNORECASE)
_NOT_IN_NAMES = re.compile(r"[{}=:<>]|\d{3}|\d+ \w+ \w+$")
_PRICE_TAIL = re.compile(r"\s*[-–—,(|]*\s*\$\s*\d[\d.,]*\s*(?:[km]|million)?\b\)?.*$", re.IGNORECASE)
_IN_BRACKETS = re.compile(r"[<(\[]\s*(?:mailto:)?[^<>()\[\]]*@[^<>()\[\]]*[>)\]]")
_EDGES = " \t\"'*_|,;:<>-–—"


def phone_in(text: str) -> str | None:
    """The one telephone number in `text`; the whole text where it holds several; None where it holds none."""
    bare = text
    for address in addresses_in(text):
        bare = re.sub(re.escape(address), " ", bare, flags=re.IGNORECASE)
    bare = _DATE.sub(" ", bare)
    found = [each for each in _PHONE.findall(URL.sub(" ", bare)) if 7 <= sum(map(str.isdigit, each)) <= 20]
    if len(found) == 1:
        return str(found[0]).strip()
    if sum(map(str.isdigit, bare)) >= 7 or re.search(r"\d{3}\D{0,3}[A-Z\d-]{7,9}\b", bare):
        return clean_line(bare, LINE_LIMIT).strip(_EDGES) or None
    return None


def name_in(text: str) -> str | None:
    """A name without the address, price or signs around it (trap 6); None for what is no name."""
    bare = _PRICE_TAIL.sub("", _IN_BRACKETS.sub(" ", text[: 4 * _NAME_LIMIT].replace("_", " ")))
    for address in addresses_in(bare):
        bare = re.sub(re.escape(address), " ", bare, flags=re.IGNORECASE)
    if any(map(str.isdigit, bare)):
        bare = _PHONE.sub(" ", bare)
    name = clean_line(bare, _NAME_LIMIT).strip(_EDGES)
    if _NOT_IN_NAMES.search(name) or len(name.split()) > _NAME_WORDS_LIMIT:
        return None
    return name if re.search(r"[^\W\d_]", name) else None


def is_price(text: str) -> bool:
    """Whether a text can be a price: it holds an amount and is not something else with digits."""
    return "@" not in text and bool(_AMOUNT.search(text))


def is_nothing(value: str) -> bool:
    """Whether a value only says that there is none."""
    bare = value.strip(" .*").lower()
    if bare.startswith("[") and _TEMPLATE_TAG.fullmatch(bare):
        return True
    return bare.replace(" ", "_") in _NOTHING or not any(map(str.isalnum, value))


_STREET_LINE = re.compile(r"^\W*(?P<value>\d{1,6}[A-Za-z]?(?:-\d+)?\s+(?=.*[^\W\d_]{2})[^@:$\t]{4,120})$")
_CITY_LINE = re.compile(r"^\W*(?P<value>[^\W\d_][\w .'’-]{1,50},?\s+[A-Z]{2}\b(?:,?\s+\d{5}(?:-\d{4})?)?)\W*$")
_WITH_CITY = re.compile(r",\s*[A-Z]{2}\b|,\s*[A-Z][a-z]+\W*$|\b\d{5}(?:-\d{4})?\W*$")
_STREET_KIND = re.compile(rf"\b(?:{words.STREET_KINDS})\b", re.IGNORECASE)
_PRICE_LINE = re.compile(r"^\W*(?P<value>\$\s?\d[\d,.]*\s?[kKmM]?(?:\s?(?:/|per)\s?(?:mo\b\.?|month))?)\W*$")
_NAME_WORD = r"[^\W\d_](?:[^\W\d_]|['’.-](?=[^\W\d_]))*\.?"
_NAME_ALONE = re.compile(rf"^[\s>*_•·|]*(?P<value>{_NAME_WORD}(?:\s+{_NAME_WORD}){{1,4}})[\s*_|,]*$")
_PARTICLES = frozenset(
    ("de", "la", "del", "los", "las", "van", "von", "der", "den", "di", "da", "dos", "y", "bin", "al")
)
_WORDS_BESIDE = 3


def alone_in(lines: Sequence[str], shape: Shape, numbers: Sequence[int]) -> Iterator[tuple[int, str]]:
    """The lines among `numbers` that hold nothing but one thing of the shape, with what they hold."""
    if shape == "name":
        yield from _names_alone(lines, numbers)
        return
    for number in numbers:
        found = _alone(lines, number, shape)
        if found is not None:
            yield number, found


def _alone(lines: Sequence[str], number: int, shape: Shape) -> str | None:
    line = lines[number]
    if not line or len(line) > LINE_LIMIT:
        return None
    if shape == "email":
        addresses = addresses_in(line)
        return addresses[0] if len(addresses) == 1 and len(line.split()) <= _WORDS_BESIDE else None
    if shape == "phone":
        found = _PHONE.search(line)
        if found is None or not 7 <= sum(map(str.isdigit, found[0])) <= 15 or "@" in line or "$" in line:
            return None
        beside = (line[: found.start()] + " " + line[found.end() :]).split()
        return found[0] if len(beside) <= _WORDS_BESIDE and not any(map(str.isdigit, "".join(beside))) else None
    if shape == "price":
        match = _PRICE_LINE.match(line)
        return match["value"] if match else None
    return _address_alone(lines, number)


def _address_alone(lines: Sequence[str], number: int) -> str | None:
    """A street address on its line, or on two: the street, then the place."""
    match = _STREET_LINE.match(lines[number])
    if match is None or _PHONE.fullmatch(match["value"].strip()):
        return None
    street = match["value"].strip(" *_|.,")
    if _WITH_CITY.search(street):
        return street
    below = next((line for line in lines[number + 1 : number + 3] if line.strip()), "")
    place = _CITY_LINE.match(below)
    if place:
        return f"{street}, {place['value'].strip()}"
    return street if _STREET_KIND.search(street) else None


def _names_alone(lines: Sequence[str], numbers: Sequence[int]) -> Iterator[tuple[int, str]]:
    """Lines that can only be a name; first the one nearest above an address or a number, where a notice has it."""
    contacts = [number for number in numbers if _alone(lines, number, "email") or _alone(lines, number, "phone")]
    first = contacts[0] if contacts else len(lines)
    found = []
    for number in numbers:
        match = _NAME_ALONE.match(lines[number])
        if match and not words.NO_NAME.search(lines[number]) and (name := name_in(match["value"])):
            is_written_as_name = all(word[0].isupper() or word in _PARTICLES for word in name.split())
            if is_written_as_name or (0 < first - number <= 2 and len(set(name.split()) - _PARTICLES) <= 3):
                found.append((number, name))
    yield from sorted(found, key=lambda each: abs(first - each[0]) + (each[0] > first))
