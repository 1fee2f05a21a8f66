"""What the local model looks at: words, pairs, parts of words and cues, each also as "taken back by a negation".

Training and the running pipeline both come through here, so that they see the same thing.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise

from leadflow_pipeline.domain.inquiries.tokens import TEXT_LIMIT, Token, read_tokens

# A cue's phrases by their first word: the words of the phrase, and the cue's name.
Cues = Mapping[str, Sequence[tuple[tuple[str, ...], str]]]

GROUPS = ("word", "part", "cue")
_PART_LENGTHS = (3, 4, 5)


def read_cues(lines: Sequence[str]) -> Cues:
    """Cues from lines `name: phrase | phrase`; phrases are written as `read_tokens` spells them."""
    found: dict[str, list[tuple[tuple[str, ...], str]]] = {}
    for line in lines:
        if not line.strip() or line.startswith("#"):
            continue
        name, phrases = line.split(":", 1)
        for phrase in phrases.split("|"):
            words = tuple(phrase.split())
            found.setdefault(words[0], []).append((words, name.strip()))
    return found


def list_features(text: str, cues: Cues) -> dict[str, frozenset[str]]:
    """The features of a text by group, each once."""
    tokens = read_tokens(text)
    return {
        "word": frozenset(_words(tokens)),
        "part": frozenset(_parts(tokens)),
        "cue": frozenset(_cues(tokens, cues) + _shape(text, tokens)),
    }


def _words(tokens: Sequence[Token]) -> list[str]:
    marked = [f"!{token.word}" if token.negated else token.word for token in tokens]
    pairs = [f"{first} {second}" for first, second in pairwise(marked)]
    return [*marked, *pairs]


def _parts(tokens: Sequence[Token]) -> list[str]:
    """Letters in a row, from words that no negation reaches: they carry what is misspelt."""
    found = []
    for token in tokens:
        if token.negated or token.word[0] == "<":
            continue
        padded = f" {token.word} "
        for length in _PART_LENGTHS:
            found += [f"~{padded[start : start + length]}" for start in range(len(padded) - length + 1)]
    return found


def _cues(tokens: Sequence[Token], cues: Cues) -> list[str]:
    words = [token.word for token in tokens]
    found = []
    for position, token in enumerate(tokens):
        for phrase, name in cues.get(token.word, ()):
            if tuple(words[position : position + len(phrase)]) == phrase:
                found.append(f"#!{name}" if token.negated else f"#{name}")
    if any(feature[1] == "!" for feature in found):
        found.append("#something taken back")
    return found


def _shape(text: str, tokens: Sequence[Token]) -> list[str]:
    """How it is written: length, question, exclamation, capitals."""
    text = text[:TEXT_LIMIT]
    letters = sum(letter.isalpha() for letter in text)
    capitals = sum(letter.isupper() for letter in text)
    found = ["#length " + ("1" if len(tokens) < 5 else "2" if len(tokens) < 12 else "3" if len(tokens) < 40 else "4")]
    if "?" in text:
        found.append("#question")
    if "!" in text:
        found.append("#exclamation")
    if letters > 12 and capitals > letters * 0.6:
        found.append("#capitals")
    return found
