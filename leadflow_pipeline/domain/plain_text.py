"""Text that may be stored and compared: the first step of every normalization.

Here is only what is true of any text: control and invisible characters, spaces, Unicode composition,
length. What a name or an address looks like is decided in their own modules.
"""

import re
import unicodedata

_SPACES = re.compile(r"\s+")
_BLANKS = re.compile(r"[^\S\n]+")
_LINE_ENDS = re.compile(r"\r\n?|[\x0b\x0c\x85\u2028\u2029]")
_MANY_BREAKS = re.compile(r" *\n(?: *\n)+ *")
_CONTROLS = re.compile(r"[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f]")
# Soft hyphens, zero-width spaces, direction marks, tags, lone surrogates, noncharacters.
_INVISIBLE = re.compile(
    "[\u00ad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\uffff"
    "\ud800-\udfff\U000e0000-\U000e007f]"
)
# The joiners shape Persian, Indic and emoji text; beside ASCII they are left-overs of a template.
_JOINERS = re.compile("[\u200c\u200d]+")
_RUN_OF_SIGNS = re.compile(r"[^\w\s\x00-\x7f]{31,}")
_MOST_MARKS = 30  # on one letter, as in Unicode's stream-safe text; composing endless runs takes minutes
# Replaced before the joiners are looked at, which take them for letters otherwise.
_WIDE_SPACES = re.compile(r"[^\S\n\x20-\x7e]")
_PRINTABLE_ASCII = re.compile(r"[\x20-\x7e]*")
_EDGES = " \n\u200c\u200d"


def clean_line(text: str | None, limit: int) -> str:
    """One line: printable, composed (NFC), single spaces, at most `limit` characters."""
    cut = (text or "")[: 4 * limit]
    if _PRINTABLE_ASCII.fullmatch(cut):
        return _SPACES.sub(" ", cut).strip()[:limit].rstrip()
    return _SPACES.sub(" ", _printable(_CONTROLS.sub(" ", cut))).strip(_EDGES)[:limit].rstrip(_EDGES)


def clean_paragraphs(text: str | None, limit: int) -> str:
    """Text that keeps its lines; runs of empty lines become one."""
    cut = _LINE_ENDS.sub("\n", (text or "")[: 4 * limit])
    lines = _BLANKS.sub(" ", _printable(_CONTROLS.sub(" ", cut)))
    joined = _MANY_BREAKS.sub("\n\n", lines).replace(" \n", "\n").replace("\n ", "\n")
    return joined.strip(_EDGES)[:limit].rstrip(_EDGES)


def capitalize_word(word: str) -> str:
    """The first sign as a capital where it has one of its own (`ß` has none), the rest in small letters."""
    first = word[:1].upper()
    return (first if len(first) == 1 else word[:1]) + word[1:].lower()


def composed(text: str) -> str:
    """The text with letters and their marks as one sign each (NFC), in time linear in its length."""
    return unicodedata.normalize("NFC", _RUN_OF_SIGNS.sub(_with_few_marks, text))


def _printable(text: str) -> str:
    visible = composed(_INVISIBLE.sub("", text))
    return unicodedata.normalize("NFC", _JOINERS.sub(_joining, _WIDE_SPACES.sub(" ", visible)))


def _with_few_marks(run: re.Match[str]) -> str:
    kept: list[str] = []
    marks = 0
    for sign in run[0]:
        marks = marks + 1 if unicodedata.combining(sign) else 0
        if marks <= _MOST_MARKS:
            kept.append(sign)
    return "".join(kept)


def _joining(run: re.Match[str]) -> str:
    """The joiners where they stand between two letters that could join."""
    before, behind = run.string[max(run.start() - 1, 0) : run.start()], run.string[run.end() : run.end() + 1]
    return run[0] if before > "\x7f" and behind > "\x7f" else ""
