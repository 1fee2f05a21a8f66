"""Labels that drift: which label a rule knows is meant by one it does not know (`Phone` by `Phones No.`).

Bounded on purpose: words that only fill may come and go, a word may be misspelt, but no word of meaning may be
added or lost, so that `First Name` and `Agent Name` are never `Name`.
"""

from collections.abc import Iterable

from rapidfuzz import fuzz

_FILLER_WORDS = """
    number no num nr the of my your a primary main best preferred verified full daytime submitted contact customer
    client consumer buyer renter lead prospect visitor guest from
"""
_FILLERS = frozenset(_FILLER_WORDS.split())
_LEAST_LETTERS = 4
_LIKENESS = 80
_REMEMBERED = 4_096


class HealingLabels:
    """The labels of one rule, with the fact each stands for."""

    def __init__(self, labels: Iterable[tuple[str, str]]) -> None:
        self._meanings: dict[tuple[str, ...], dict[str, str]] = {}  # core → fact → label
        for fact, label in labels:
            self._meanings.setdefault(_core(label), {}).setdefault(fact, label)
        self._known: dict[str, tuple[str, str] | None] = {}

    def meant_by(self, label: str) -> tuple[str, str] | None:
        """The fact and the known label that a normalized label stands for; None where that is not certain."""
        if label not in self._known:
            if len(self._known) > _REMEMBERED:
                self._known.clear()
            self._known[label] = self._find(label)
        return self._known[label]

    def _find(self, label: str) -> tuple[str, str] | None:
        core = _core(label)
        meanings = self._meanings.get(core)
        if meanings is None:
            alike = [found for known, found in self._meanings.items() if _alike(core, known)]
            meanings = {fact: text for found in alike for fact, text in found.items()}
        return next(iter(meanings.items())) if len(meanings) == 1 else None


def _core(label: str) -> tuple[str, ...]:
    """The words that carry the meaning."""
    words = label.split()
    return tuple(word for word in words if word not in _FILLERS) or tuple(words)


def _alike(core: tuple[str, ...], known: tuple[str, ...]) -> bool:
    return len(core) == len(known) and all(
        mine == theirs or (min(len(mine), len(theirs)) >= _LEAST_LETTERS and fuzz.ratio(mine, theirs) >= _LIKENESS)
        for mine, theirs in zip(core, known, strict=True)
    )
