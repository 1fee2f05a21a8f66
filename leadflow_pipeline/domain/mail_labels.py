"""Labels and their values in the lines of a mail: `Phone: …`, table cells, a label above its value.

Every line is read once and filed under its whole label, so `Name:` can never match inside `First Name:`
(trap 1). Which labels mean what is said by the rules.
"""

import itertools
import re
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

_LABEL_LIMIT = 60
_SEARCHED_LIMIT = 500  # an ending shows at the beginning of its line
_EDGE = r"[^\w(\[¿#]*"
_COLON = re.compile(rf"^{_EDGE}(?P<label>[^:：\t]{{1,{_LABEL_LIMIT}}})[:：][\s*_]*(?P<value>.*)$")
_OTHER = re.compile(
    rf"^{_EDGE}(?P<label>[^\t#=–—]{{1,{_LABEL_LIMIT}}}?)"
    r"(?:[\s*_]*\t[\s*_]*|\s*#\s*(?=\S)|\s*=\s*|\s+[-–—]\s+)(?P<value>.*)$"
)
_NOTES = re.compile(r"\((?:required|optional|obligatorio|opcional|if any|\*)\)|[*_`]+", re.IGNORECASE)
_WORDS = re.compile(r"[^\W_]+")
_E_MAIL = re.compile(r"\be[\s_-]mail\b")
_POSSESSIVES = frozenset({"your", "su", "tu"})
_BLANK = re.compile(r"^[\s>|*_.·-]*$")


@dataclass(frozen=True, kw_only=True)
class LabelledLine:
    """A label with what follows it on its line."""

    label: str  # as written
    value: str  # may be empty: the value may stand on the next line
    line: int


class KnownLabels:
    """The labels of one rule, normalized, with the pattern that finds them in the midst of a line."""

    def __init__(self, labels: Collection[str], *, whole: Collection[str] = ()) -> None:
        self.labels = frozenset(labels)
        self.whole = frozenset(whole)  # labels of messages, whose text is never cut at a label
        words = sorted(self.labels, key=len, reverse=True)
        several = [label for label in words if " " in label]
        # Any word may stand before `Name`, but after `First Name: Ada` comes `Last Name:`, be it after a mere space.
        between = r"^[\s>*_•·-]*|[/|,;•·\t]\s*|\s{2,}|(?<=[\d)])\s"
        self.inline = re.compile(
            rf"(?:(?:{between})[*_]*(?P<label>{_choice(words)})|(?<=\w)(?<!agent)(?<!listing)(?<!office)(?<!broker)\s"
            rf"(?P<several>{_choice(several)}))[*_\s]*(?:[:：]|\t)",
            re.IGNORECASE,
        )


def _choice(labels: Sequence[str]) -> str:
    """A pattern for one of the labels, however its words are joined."""
    joined = (r"[\s._/-]{0,2}".join(map(re.escape, label.split())) for label in labels)
    return "|".join(joined).replace("email", "e[\\s_-]?mail") or "(?!)"


class LabelIndex:
    """The labelled lines of one part, by normalized label; built once, asked by every rule."""

    def __init__(self, lines: Sequence[str]) -> None:
        self.lines = lines
        self._by_label: dict[str, list[LabelledLine]] = {}
        self._alone: dict[str, list[LabelledLine]] = {}
        for number, line in enumerate(lines):
            if line:
                self._file(number, line)

    def _file(self, number: int, line: str) -> None:
        matched = False
        if (":" in line or "：" in line) and (match := _COLON.match(line)):
            matched = self._add(self._by_label, match, number)
        if ("\t" in line or "#" in line or "=" in line or " - " in line or "–" in line or "—" in line) and (
            match := _OTHER.match(line)
        ):
            matched = self._add(self._by_label, match, number) or matched
        if not matched and len(line) <= _LABEL_LIMIT:
            key = normalize_label(line)
            if key:
                self._alone.setdefault(key, []).append(LabelledLine(label=line.strip(), value="", line=number))

    def _add(self, index: dict[str, list[LabelledLine]], match: re.Match[str], number: int) -> bool:
        key = normalize_label(match["label"])
        if not key:
            return False
        value = match["value"].strip()
        index.setdefault(key, []).append(LabelledLine(label=match["label"].strip(" *_"), value=value, line=number))
        return True

    @property
    def labels(self) -> Collection[str]:
        """Every normalized label that stands before a colon, tab or the like."""
        return self._by_label.keys()

    def with_label(self, label: str) -> Iterator[LabelledLine]:
        """The lines under a normalized label; last those that consist of the label alone, without a colon."""
        yield from self._by_label.get(label, ())
        yield from self._alone.get(label, ())

    def starts_with_label(self, number: int, known: Collection[str]) -> bool:
        """Whether line `number` begins with one of the known labels, and so ends the value before it."""
        line = self.lines[number]
        matches = (_COLON.match(line), _OTHER.match(line))
        if any(match and normalize_label(match["label"]) in known for match in matches):
            return True
        return len(line) <= _LABEL_LIMIT and normalize_label(line.rstrip(":")) in known

    def block(
        self,
        start: LabelledLine,
        *,
        known: Collection[str],
        lines: int,
        ends: re.Pattern[str] | None = None,
        ends_at_labels: bool = True,
        is_end: Callable[[int], bool] | None = None,
    ) -> list[str]:
        """The value that begins at a label: the rest of its line or the next one, then up to `lines` lines.

        It ends where `is_end` says so and at a line that begins with a known label or matches `ends`; a short value
        (up to 3 lines) also ends at an empty line, a long one keeps its paragraphs.
        """
        first = start.value.strip("\t ")
        taken = [first] if first and not _BLANK.match(first) else []
        blanks = 0
        for number in range(start.line + 1, len(self.lines)):
            line = self.lines[number]
            if len(taken) >= lines:
                break
            if (is_end is not None and is_end(number)) or (ends is not None and ends.search(line[:_SEARCHED_LIMIT])):
                break
            if _BLANK.match(line):
                blanks += 1
                if (taken and lines <= 3) or (blanks > 1 and not taken):
                    break
                if taken:
                    taken.append("")
                continue
            if (ends_at_labels or not taken) and self.starts_with_label(number, known):
                break
            taken.append(line.strip())
        while taken and not taken[-1]:
            taken.pop()
        return taken


@lru_cache(maxsize=8192)
def normalize_label(text: str) -> str:
    """A label in its comparing form: words in lower case, no marks. `Your E-mail (required) *` is `email`."""
    words = _WORDS.findall(_E_MAIL.sub("email", _NOTES.sub(" ", text).casefold()))
    return " ".join(words[1:] if len(words) > 1 and words[0] in _POSSESSIVES else words)


def separate_labels(lines: Sequence[str], known: "KnownLabels") -> tuple[str, ...]:
    """The lines, those with several labels cut into one line per label.

    `First Name: Ada / Last Name: Example` is two labels, and a table row of labels above a row of values is
    as many as it has cells. A cut needs a sign between (`/`, `|`, `,`, `;`, a tab, two spaces), as any word may
    stand before a label, and a label the rule knows. A message is never cut.
    """
    separated: list[str] = []
    columns: list[str] = []
    for line in lines:
        tabs = line.count("\t")
        if columns and tabs == len(columns) - 1:
            separated.extend(f"{label}\t{value}" for label, value in zip(columns, line.split("\t"), strict=True))
            columns = []
            continue
        columns = []
        if tabs and all(normalize_label(cell) in known.labels for cell in line.split("\t")):
            columns = line.split("\t")
        elif tabs > 1 or (":" in line and line.count(":") + line.count("\t") > 1 and len(line) <= 600):
            separated.extend(_cut(line, known))
        else:
            separated.append(line)
    return tuple(separated)


def _cut(line: str, known: "KnownLabels") -> list[str]:
    starts = [match.start(match.lastgroup or 0) for match in known.inline.finditer(line)]
    first = _COLON.match(line)
    if not starts or (first and normalize_label(first["label"]) in known.whole):
        return [line]
    is_sentence = first is not None and (
        len(first["label"].split()) > 3 or any(mark in first["label"] for mark in ".!?")
    )
    if starts[0] > 0 and is_sentence and len(starts) < 3:
        return [line]
    bounds = [0, *(start for start in starts if start > 0), len(line)]
    pieces = [line[start:end] for start, end in itertools.pairwise(bounds)]
    return [piece.rstrip(" \t/|,;•·-*_") for piece in pieces[:-1]] + pieces[-1:]
