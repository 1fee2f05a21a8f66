"""Names of people: given and family name, and the letter case they are spelled with.

nameparser knows titles, particles and suffixes; here are the cases that leads bring on top (shouted names,
couples, an e-mail address in the name field). Letters of other scripts are never changed.
"""

import re
from dataclasses import dataclass, replace
from typing import Any

from nameparser import HumanName
from nameparser.config.bound_given_names import BOUND_GIVEN_NAMES
from nameparser.config.maiden_markers import MAIDEN_MARKERS
from nameparser.config.particles import PARTICLES
from nameparser.config.suffixes import SUFFIX_ACRONYMS, SUFFIX_WORDS
from nameparser.config.titles import TITLES

from leadflow_pipeline.domain.plain_text import capitalize_word, clean_line

_LIMIT = 200

_NOTHING = frozenset(
    {
        *("n/a", "none", "null", "unknown", "undefined", "anonymous"),
        *("no name", "not provided", "zillow user", "zillow customer", "website visitor"),
    }
)
_TITLES = {
    "dr": "Dr.", "mr": "Mr.", "mrs": "Mrs.", "ms": "Ms.", "mx": "Mx.", "miss": "Miss", "prof": "Prof.",
    "professor": "Professor", "rev": "Rev.", "reverend": "Reverend", "hon": "Hon.", "sir": "Sir", "fr": "Fr.",
    "capt": "Capt.", "captain": "Captain", "lt": "Lt.", "sgt": "Sgt.", "col": "Col.", "maj": "Maj.",
    "gen": "Gen.", "pastor": "Pastor", "rabbi": "Rabbi", "sr.": "Sr.", "sra": "Sra.", "srta": "Srta.",
    "judge": "Judge", "doctor": "Doctor",
}  # fmt: skip
_SUFFIXES = {
    "jr": "Jr.", "sr": "Sr.", "ii": "II", "iii": "III", "iv": "IV", "vi": "VI", "vii": "VII", "esq": "Esq.",
    "phd": "PhD", "md": "MD", "dds": "DDS", "dvm": "DVM", "cpa": "CPA", "rn": "RN", "jd": "JD", "mba": "MBA",
    "edd": "EdD", "dmd": "DMD", "dpt": "DPT", "pharmd": "PharmD", "2nd": "2nd", "3rd": "3rd",
}  # fmt: skip
# Names in their own right that only a position could tell from a suffix.
_NAMES_TOO = frozenset({"vi"})

_CONJUNCTIONS = frozenset({"and", "&", "und", "et", "+"})
_PARTICLE_WORDS = """
    de del dela della delos dos das da du der den des van von vander vom zu zum zur ter ten te bin ibn bint
    af av 't
"""
_PARTICLES = frozenset(_PARTICLE_WORDS.split())
_AFTER_DE = frozenset({"la", "las", "los", "le", "der", "den", "het"})
_STARTS_CHAIN = frozenset({"de", "van", "von", "op", "in"})

# "Mac" before a capital, where most bearers of the name write it so; Mack, Macy, Machado are no such names.
_MAC_NAME_WORDS = """
    macadam macallister macalister macarthur macaskill macaulay macauley macbeth macbride maccallum
    maccarthy maccormack maccormick macdermott macdiarmid macdonald macdonell macdonnell macdougal
    macdougall macdowell macduff maceachern macewan macewen macfadden macfadyen macfarland macfarlane
    macgillivray macgowan macgrath macgregor macguire macinnes macinnis macintosh macintyre macisaac
    maciver mackay mackenna mackinlay mackinnon mackintosh maclachlan maclaine maclaren maclaughlin
    maclean maclellan maclennan macleod macmahon macmanus macmaster macmillan macmullen macmurray macnab
    macnair macnamara macnaughton macneal macneil macneill macnicol macphail macphee macpherson macqueen
    macrae macritchie macsween mactaggart mactavish macvicar macwilliams
"""
_MAC_NAMES = frozenset(_MAC_NAME_WORDS.split())

_EMAIL = re.compile(r"<?\s*(?:mailto:)?([^\s<>()\[\],;:\"]+@[^\s<>()\[\],;:\"@]+\.[^\s<>()\[\],;:\"@]+)\s*>?")
_PHONE = re.compile(r"\(?\+?\d[\d\s().+-]{5,}\d(?:\s*(?:x|ext\.?)\s*\d{1,6})?", re.IGNORECASE)
_PRICE = re.compile(r"[-–—,(\s]*\$\s*\d[\d.,]*\s*[km]?\b\)?.*$", re.IGNORECASE)
_LABEL = re.compile(r"^(?:(?:full|your|contact|first|last|customer)?\s*name|from|nombre)\s*:\s*", re.IGNORECASE)
_EMPTY_BRACKETS = re.compile(r"\(\s*\)|\[\s*\]|<\s*>|\"\s*\"")
_PAIRED_INITIALS = re.compile(r"(?!NG)[B-DF-HJ-NP-TV-XZ]{2}")  # no vowel: J.D., not Jo
_FAMILY = re.compile(r"the (?P<last>.+) family", re.IGNORECASE)
# What nameparser reads by position alone is read here: that is most names, at a tenth of the cost.
_ORDINARY = re.compile(
    r"(?P<first>{word})(?: (?:{word}|[A-Za-z]\.?))? (?P<last>{word})".format(word=r"[^\W\d_]{2,}(?:[-'’][^\W\d_]+)*")
)
_INVERTED = re.compile(r"(?P<last>[^\s,.]+),\s*(?P<rest>[^\s,.]+(?: [A-Za-z]\.?)?)")
_TELLING = frozenset().union(
    _TITLES, _SUFFIXES, _PARTICLES, _CONJUNCTIONS, "y",
    TITLES, SUFFIX_WORDS, SUFFIX_ACRONYMS, PARTICLES, BOUND_GIVEN_NAMES, MAIDEN_MARKERS,
)  # fmt: skip
_LETTERS = re.compile(r"[^\W\d_]+")
_EAST_ASIAN = re.compile("[\u1100-\u11ff\u2e80-\u9fff\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff\U00020000-\U0003ffff]")
_NOT_LATIN = re.compile("[^\x00-\u024f\u0300-\u036f\u1e00-\u1eff\u2000-\u206f]")
_EDGES = " ,;:-–—|/\\*_#<>=~"


@dataclass(frozen=True, kw_only=True)
class Name:
    """A person's name; for a couple, `first` and `last` are those of the person named first."""

    original: str  # as written, free of control characters
    full: str | None = None
    first: str | None = None
    last: str | None = None
    suffix: str | None = None
    title: str | None = None
    partner: str | None = None  # the given name (or whole name) of the second of a couple
    email: str | None = None  # found in the name field, as written
    phone: str | None = None  # found in the name field, as written
    problem: str | None = None


@dataclass(frozen=True, kw_only=True)
class _Parts:
    first: str | None = None
    last: str | None = None
    suffix: str | None = None
    title: str | None = None
    partner: str | None = None
    ordered: str = ""  # the whole name, given name first


def normalize_name(text: str | None, *, first: str | None = None, last: str | None = None) -> Name:
    """The name, from the whole as written or from the parts; parts given apart are believed."""
    original = clean_line(text, _LIMIT) or clean_line(f"{first or ''} {last or ''}", _LIMIT)
    fields = [clean_line(each, _LIMIT) for each in (text, first, last)]
    email = next((found for each in fields if (found := _found(_EMAIL, each))), None)
    phone = next((found for each in fields if (found := _phone(each))), None)
    whole, given, family = (_bare(each) for each in fields)
    whole = whole or " ".join(filter(None, (given, family)))
    if not whole:
        return Name(original=original, email=email, phone=phone, problem=_problem(original, email, phone))
    full, parts = _settled(whole)
    return Name(
        original=original,
        full=full,
        first=_part_of(full, given, whole, parts.first),
        last=_part_of(full, family, whole, parts.last, family=True),
        suffix=parts.suffix,
        title=parts.title,
        partner=parts.partner,
        email=email,
        phone=phone,
    )


def _part_of(full: str, given: str, whole: str, parsed: str | None, *, family: bool = False) -> str | None:
    """The given or family name: as the form had it, else as it was found in the whole name."""
    if given:
        return _cased(given, beside=whole, family=family)
    return _cased(_bare(parsed or ""), beside=full, family=family) or None


def _problem(original: str, email: str | None, phone: str | None) -> str:
    if email:
        return "an e-mail address instead of a name"
    if phone:
        return "a phone number instead of a name"
    return "no name given" if original.lower() in _NOTHING or not original else "not a name"


def _found(pattern: re.Pattern[str], text: str) -> str | None:
    match = pattern.search(text)
    return match[match.lastindex or 0].strip() if match else None


def _phone(text: str) -> str | None:
    found = _found(_PHONE, _EMAIL.sub(" ", _PRICE.sub("", text)))
    return found if found and sum(map(str.isdigit, found)) >= 7 else None


def _bare(text: str) -> str:
    """What is left of a name field without what does not belong to a name."""
    bare = _LABEL.sub("", _EMAIL.sub(" ", text)) if ("@" in text or ":" in text) else text
    if any(map(str.isdigit, bare)):
        bare = _PHONE.sub(" ", _PRICE.sub("", bare))
    bare = " ".join(_EMPTY_BRACKETS.sub(" ", bare).split()).strip(_EDGES)
    if len(bare) > 1 and bare[0] == bare[-1] and bare[0] in "\"'":
        bare = bare[1:-1].strip(_EDGES)
    if bare != text:
        return _bare(bare)
    if not _LETTERS.search(bare) or bare.lower() in _NOTHING:
        return ""
    return bare


def _settled(whole: str) -> tuple[str, _Parts]:
    """The name in its lasting form: written again, it is read the same way."""
    text = _cased(whole)
    for _ in range(4):
        parts = _split(text)
        ordered = _bare(clean_line(_cased(parts.ordered), _LIMIT))
        if ordered == text or not ordered:
            return text, parts
        text = ordered
    text = _bare(_cased(text.replace(",", " "))) or text
    return text, _split(text)


def _split(text: str) -> _Parts:
    if _EAST_ASIAN.search(text):
        # Which part is the family name is not told by its place.
        return _Parts(ordered=text)
    if family := _FAMILY.fullmatch(text):
        return _Parts(last=family["last"], ordered=text)
    if _TELLING.isdisjoint(re.split(r"[\s,.]+", text.lower())):
        if plain := _ORDINARY.fullmatch(text):
            return _Parts(first=plain["first"], last=plain["last"], ordered=text)
        if inverted := _INVERTED.fullmatch(text):
            return _Parts(ordered=f"{inverted['rest']} {inverted['last']}")
    return _couple(_parsed(text))


def _parsed(text: str) -> _Parts:
    name: Any = HumanName(text)
    suffix = " ".join(name.suffix.replace(",", " ").split())
    nickname = f"({name.nickname})" if name.nickname else ""
    ordered = text
    if "," in text:
        ordered = " ".join(filter(None, (name.title, name.first, name.middle, nickname, name.last, suffix)))
    return _Parts(
        first=name.first or None,
        last=name.last or None,
        suffix=suffix or None,
        title=name.title or None,
        partner=name.middle or None,
        ordered=ordered,
    )


def _couple(parts: _Parts) -> _Parts:
    """`parts` with the second person taken out of the given names; nameparser leaves both in one part."""
    first, middle = (parts.first or "").split(), (parts.partner or "").split()
    words = [*first, *middle]
    at = next((place for place, word in enumerate(words) if _joins(word) and place), None)
    if at is None or not words[at + 1 :]:
        last, partner = _family_and_partner(parts.last)
        return replace(parts, last=last, partner=partner)
    own = words[:at]
    two_families = len(own) > 1 and len(own[-1].rstrip(".")) > 1 and parts.last is not None and bool(middle)
    return replace(
        parts,
        first=own[0],
        last=own[-1] if two_families else parts.last,
        partner=" ".join([*words[at + 1 :], *([parts.last or ""] if two_families else [])]).strip(),
    )


def _family_and_partner(last: str | None) -> tuple[str | None, str | None]:
    """`Lee and Bob` behind Ann: a name of one family and a second person."""
    words = (last or "").split()
    at = next((place for place, word in enumerate(words) if word.lower() in _CONJUNCTIONS and place), None)
    return (last, None) if at is None else (" ".join(words[:at]), " ".join(words[at + 1 :]) or None)


def _joins(word: str) -> bool:
    """Whether the word is an "and"; a capital Y is an initial."""
    return word == "y" or word.lower() in _CONJUNCTIONS


def _cased(text: str, *, beside: str = "", family: bool = False) -> str:
    """The words that are all capitals or all small letters in proper case; the others as they stand."""
    words = text.split(" ")
    around = list(dict.fromkeys([*beside.split(" "), *words])) if beside else words
    return " ".join(_word(word, words, place, around, family=family) for place, word in enumerate(words))


def _word(word: str, words: list[str], place: int, around: list[str], *, family: bool) -> str:
    if _NOT_LATIN.search(word):
        return word
    key = word.lower().strip(".,()")
    if _joins(word):
        return word.lower()
    if key in _TITLES and len(words) > 1 and (place == 0 or _joins(words[place - 1])):
        return _TITLES[key] + ("," if word.endswith(",") else "")
    if place and key in _SUFFIXES and _ends_name(words, place) and not (key in _NAMES_TOO and not word.isupper()):
        return _SUFFIXES[key] + ("," if word.endswith(",") else "")
    if not _needs_case(word, around):
        return word
    if _is_particle(key, words, place) and (place or family or key == "de"):
        return word.lower()
    return "-".join(_part(part) for part in word.split("-"))


def _ends_name(words: list[str], place: int) -> bool:
    return all(each.lower().strip(".,") in _SUFFIXES for each in words[place + 1 :]) or words[place].endswith(",")


def _is_particle(key: str, words: list[str], place: int) -> bool:
    if place + 1 >= len(words):
        return False
    if key in _AFTER_DE:
        return place > 0 and words[place - 1].lower() in _STARTS_CHAIN
    return key in _PARTICLES


def _needs_case(word: str, words: list[str]) -> bool:
    """Shouted or whispered words; two capitals amid ordinary words are initials (J.D., AJ)."""
    letters = "".join(_LETTERS.findall(word))
    if _PAIRED_INITIALS.fullmatch(word) and word == words[0] and len(words) > 1:
        return False
    if letters.islower():
        return True
    if not letters.isupper() or len(letters) < 2:
        return False
    shouted = not any(_is_mixed(each) for each in words)
    return shouted or (len(letters) > 2 and "." not in word)


def _is_mixed(word: str) -> bool:
    if not _LETTERS.search(word):
        return False
    return not word.isupper() and not word.islower() and word.lower().strip(".,") not in _SUFFIXES


def _part(part: str) -> str:
    """One part of a double name: initials, Mc, Mac and apostrophes."""
    if "." in part.rstrip("."):
        return ".".join(each if len(each) < 2 else _capital(each) for each in part.upper().split("."))
    for mark in "'’":
        head, found, tail = part.partition(mark)
        if found and len(head) <= 2 and _LETTERS.search(tail) and len(tail) > 2:
            return f"{_capital(head)}{mark}{_part(tail)}"
    bare = part.lower().strip('().,"')
    if bare in _MAC_NAMES:
        return _joined(part, 3)
    if bare.startswith("mc") and len(bare) > 3:
        return _joined(part, 2)
    return _capital(part)


def _joined(part: str, at: int) -> str:
    at += len(part) - len(part.lstrip('().,"'))
    return _capital(part[:at]) + _capital(part[at:])


def _capital(text: str) -> str:
    """The first letter in title case, the rest small, leading signs skipped."""
    start = next((place for place, letter in enumerate(text) if letter.isalpha()), len(text))
    return text[:start] + capitalize_word(text[start:])
