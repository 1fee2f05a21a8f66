"""An inquiry as tokens in one spelling, each with whether a negation reaches it.

Accents, contractions and chat spellings are undone; amounts, clock times and numbers become classes, so that
`$410k` and `$385,000` are one word. A negation ("not", "never", "sick of", "no", "harta de") reaches up to the
end of its clause.
"""

import re
import unicodedata
from dataclasses import dataclass

# Enough for every inquiry seen; a pasted contract costs no more than this.
TEXT_LIMIT = 2_000
NEGATION_REACH = 8

MONEY, CLOCK, YEAR, NUMBER, LINK = "<money>", "<clock>", "<year>", "<number>", "<link>"

_CLASSES = re.compile(
    r"(?P<link>https?://\S+|www\.\S+|\S+@\S+\.\w+)"
    r"|(?P<money>[$€£]\s?\d[\d.,]*\s?(?:k|m|mil|mm)?\b|\b\d[\d.,]*\s?(?:k|grand|thousand|million|mil|dolares|dollars)\b"
    r"|\b\d{1,3}(?:,\d{3})+\b)"
    r"|(?P<clock>\b\d{1,2}:\d{2}(?:\s?[ap]\.?m\b)?|\b\d{1,2}\s?[ap]\.?m\b)"
    r"|(?P<year>\b20[2-4]\d\b)"
    r"|(?P<number>\b\d+(?:st|nd|rd|th)?\b)"
)
_CONTRACTIONS = (
    (re.compile(r"\bcan'?t\b|\bcannot\b"), "can not"),
    (re.compile(r"\bwon'?t\b"), "will not"),
    (re.compile(r"\b(do|does|did|is|are|was|were|would|could|should|has|have|had|ai|need)n'?t\b"), r"\1 not"),
    (re.compile(r"'(?:m|re|s|d|ve|ll)\b"), ""),
)
_CHAT = {
    "u": "you", "r": "are", "ur": "your", "pls": "please", "plz": "please", "thx": "thanks", "tmrw": "tomorrow",
    "yr": "year", "yrs": "years", "mo": "month", "wks": "weeks", "wk": "week", "w": "with", "wanna": "want to",
    "gotta": "have to", "lookin": "looking", "apt": "apartment", "apts": "apartments", "br": "bedroom",
    "bd": "bedroom", "bed": "bedroom", "beds": "bedroom", "bedrooms": "bedroom", "bdrm": "bedroom",
    "q": "que", "k": "que", "kiero": "quiero", "xq": "porque", "depa": "departamento", "ola": "hola",
}  # fmt: skip
_TOKEN = re.compile(r"<\w+>|[a-z0-9]+|[.,;:!?()\n]")
_ENDS_OF_CLAUSE = frozenset(".,;:!?()\n")
_NEGATORS = frozenset({
    "not", "no", "never", "neither", "nor", "without", "stop", "quit", "nunca", "ni", "sin", "tampoco", "jamas",
    "dejen", "deje",
})  # fmt: skip
_WEARY = frozenset({"tired", "sick", "harto", "harta", "hartos", "cansado", "cansada", "fed", "done"})
_WEARY_OF = frozenset({"of", "de", "with", "up"})
# "not only the loan" and "no solo" take nothing back; "but", "pero" end what was taken back.
_TAKE_NOTHING_BACK = frozenset({
    ("not", "only"), ("no", "solo"), ("no", "solamente"), ("no", "problem"), ("no", "doubt"), ("stop", "by"),
})  # fmt: skip
_TURNS = frozenset(
    {"but", "however", "instead", "though", "just", "only", "pero", "sino", "solo", "solamente", "nomas"}
)


@dataclass(frozen=True, slots=True)
class Token:
    """One word or class in its common spelling."""

    word: str
    negated: bool


def read_tokens(text: str) -> list[Token]:
    """The tokens of the first `TEXT_LIMIT` characters; punctuation ends clauses and is left out."""
    words = [_CHAT.get(word, word) for word in _TOKEN.findall(fold(text[:TEXT_LIMIT]))]
    words = " ".join(words).replace("\n", ".").split(" ")
    tokens = []
    reach = 0
    for position, word in enumerate(words):
        if word in _ENDS_OF_CLAUSE or not word:
            reach = 0
            continue
        after = words[position + 1] if position + 1 < len(words) else ""
        if reach and word in _TURNS and words[position - 1] not in _NEGATORS:
            reach = 0
        tokens.append(Token(word, reach > 0))
        reach = max(reach - 1, 0)
        if _opens_negation(word, after):
            reach = NEGATION_REACH
    return tokens


def fold(text: str, *, classes: bool = True) -> str:
    """Lower case, without accents, contractions spelled out, numbers as classes if wanted."""
    plain = unicodedata.normalize("NFKD", text.lower().replace("’", "'").replace("´", "'"))
    plain = "".join(letter for letter in plain if not unicodedata.combining(letter))
    for pattern, spelled in _CONTRACTIONS:
        plain = pattern.sub(spelled, plain)
    if not classes:
        return plain
    return _CLASSES.sub(lambda match: f" <{match.lastgroup}> ", plain)


def _opens_negation(word: str, after: str) -> bool:
    if word in _NEGATORS:
        return (word, after) not in _TAKE_NOTHING_BACK
    return word in _WEARY and after in _WEARY_OF
