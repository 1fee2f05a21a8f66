"""Facts read out of one mail by one rule: where each was found, as text, trimmed and never made up.

What a fact must look like to be taken is in `mail_values`; whose lines are passed over in `mail_sections`.
"""

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any
from urllib.parse import unquote

from leadflow_pipeline.domain.mail_characters import addresses_in, clean_text
from leadflow_pipeline.domain.mail_labels import LabelIndex, LabelledLine, separate_labels
from leadflow_pipeline.domain.mail_metadata import Stated
from leadflow_pipeline.domain.mail_quotes import own_words
from leadflow_pipeline.domain.mail_rules import Finder, MailRule, is_in_domains
from leadflow_pipeline.domain.mail_sections import Foreign, ends_message, foreign_lines
from leadflow_pipeline.domain.mail_text import VisibleText
from leadflow_pipeline.domain.mail_values import LINE_LIMIT, URL, alone_in, is_nothing, is_price, name_in, phone_in
from leadflow_pipeline.domain.mail_views import MailView, is_own_address
from leadflow_pipeline.domain.plain_text import clean_line, clean_paragraphs

_MESSAGE_LIMIT = 20_000
_SEARCHED_LINES_LIMIT = 2_000
_SEARCHED_LINE_LIMIT = 4_000
_LETTER = re.compile(r"[^\W_]")
_RUN_OF_SIGNS = re.compile(r"((?:[^\w\s]|_|\s){20})(?:[^\w\s]|_|\s)+")
_PERSONAL = frozenset({"name", "first_name", "last_name", "email", "relay_email", "phone", "address"})


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What a rule found: fact → text, and fact → where it stood."""

    values: Mapping[str, str] = field(default_factory=dict)
    origins: Mapping[str, str] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)
    seen: frozenset[str] = frozenset()  # facts whose label stands in the mail, with or without a value

    @property
    def has_contact(self) -> bool:
        """Whether there is a way to reach the person."""
        return bool(self.values.keys() & {"email", "relay_email", "phone"})

    def above(self, lower: "Facts") -> "Facts":
        """These facts, with those of a less trusted place where they are missing."""
        return Facts(
            values={**lower.values, **self.values},
            origins={**lower.origins, **self.origins},
            extra={**lower.extra, **self.extra},
            seen=self.seen | lower.seen,
        )

    def missing(self, rule: MailRule) -> list[tuple[str, ...]]:
        """The groups of required facts of which none was found."""
        return [group for group in rule.requires if not self.values.keys() & set(group)]


def read_facts(view: MailView, rule: MailRule) -> Facts:
    """What the rule finds in the mail. The part (text or HTML) with more facts counts; the other fills gaps.

    Facts still missing are looked for under labels that the rule does not know but can only mean them.
    """
    parts = _bodies(view)
    bodies = [_Body(next(parts, VisibleText()), view, rule)]
    found = bodies[0].facts()
    if len(found.values) != len(rule.finders) and (page := next(parts, None)) is not None:
        bodies.append(_Body(page, view, rule))
        second = bodies[1].facts()
        richer, poorer = (second, found) if len(second.values) > len(found.values) else (found, second)
        found = replace(richer.above(poorer), seen=found.seen | second.seen)
    for body in bodies:
        found = found.above(body.healed(rule.finders.keys() - found.values.keys()))
    return _completed(found)


def stated_facts(stated: Stated, view: MailView, rule: MailRule) -> Facts:
    """A sender's own data block as facts: what cannot be so is left out."""
    values: dict[str, str] = {}
    origins: dict[str, str] = {}
    for fact, text in stated.values.items():
        taken = accepted(fact, text, view, rule)
        if taken is not None:
            values[taken[0]], origins[taken[0]] = taken[1], stated.origins[fact]
    return _completed(Facts(values=values, origins=origins, extra=stated.extra))


def _bodies(view: MailView) -> Iterator[VisibleText]:
    """The parts that say something, text first; the HTML part is not even parsed while nobody asks for it."""
    if not view.plain.is_blank:
        yield view.plain
    if not view.page.is_blank:
        yield view.page


def _completed(facts: Facts) -> Facts:
    """A name given in parts is also given whole."""
    first, last = facts.values.get("first_name"), facts.values.get("last_name")
    if facts.values.get("name") or not (first or last):
        return facts
    return replace(
        facts,
        values={**facts.values, "name": " ".join(filter(None, (first, last)))},
        origins={**facts.origins, "name": "first_name and last_name"},
    )


class _Body:
    """One part of a mail, read with one rule."""

    def __init__(self, body: VisibleText, view: MailView, rule: MailRule) -> None:
        self.view, self.rule, self.body = view, rule, body
        own = own_words(body.lines, subject="Fwd:" if view.forwarded else view.subject)
        self.lines = separate_labels(own, rule.known_labels)
        self.index = LabelIndex(self.lines)

    @cached_property
    def foreign(self) -> Foreign:
        return foreign_lines(self.lines, self.rule.signed)

    @cached_property
    def foreign_in_body(self) -> Foreign:
        """The same of the part as it stands, for its links."""
        return foreign_lines(self.body.lines, self.rule.signed)

    def facts(self) -> Facts:
        values: dict[str, str] = {}
        origins: dict[str, str] = {}
        seen: set[str] = set()
        for fact, finders in self.rule.finders.items():
            for finder in finders:
                if finder.shape == "name" and values.keys() & {"first_name", "last_name"}:
                    continue  # the parts under their labels say more than a line without one
                taken = next(self._taken(fact, finder, seen), None)
                if taken is not None:
                    kind, value, origin = taken
                    if kind not in values:
                        values[kind], origins[kind] = value, origin
                    break
        extra = {}
        for fact, finders in self.rule.extra.items():
            found = next((each for finder in finders for each in self._taken(fact, finder, seen)), None)
            if found is not None:
                extra[fact] = found[1]
        return Facts(values=values, origins=origins, extra=extra, seen=frozenset(seen))

    def healed(self, missing: Collection[str]) -> Facts:
        """The missing facts that stand under a label the rule does not know."""
        values: dict[str, str] = {}
        origins: dict[str, str] = {}
        unknown = (
            [label for label in self.index.labels if label not in self.rule.known_labels.labels] if missing else []
        )
        for label in unknown:
            meant = self.rule.healing.meant_by(label)
            if meant is None or meant[0] not in missing or meant[0] in values:
                continue
            fact, known = meant
            finder = next(each for each in self.rule.finders[fact] if known in each.labels)
            for kind, value, origin in self._taken(fact, replace(finder, labels=(label,)), set()):
                values.setdefault(kind, value)
                origins.setdefault(kind, f"{origin} (healed from {known})")
                break
        return Facts(values=values, origins=origins)

    def _taken(self, fact: str, finder: Finder, seen: set[str]) -> Iterator[tuple[str, str, str]]:
        """What the finder finds that can be the fact: its kind (an e-mail may be a relay's), text and origin."""
        for value, origin in self._found(fact, finder, seen):
            if finder.take is not None:
                match = finder.take.search(value)
                value = (match["value"] or "") if match else ""
            taken = accepted(fact, value, self.view, self.rule)
            if taken is not None:
                yield *taken, origin

    def _found(self, fact: str, finder: Finder, seen: set[str]) -> Iterator[tuple[str, str]]:
        if finder.place == "label":
            yield from self._under_labels(fact, finder, seen)
        elif finder.place == "header":
            yield from self._in_header(finder)
        elif finder.place == "link":
            yield from self._in_links(fact, finder)
        elif finder.place == "subject" and finder.pattern is not None:
            if (match := finder.pattern.search(self.view.subject)) and match["value"]:
                yield match["value"], "subject"
        elif finder.place in ("heading", "opening") and finder.pattern is not None:
            yield from self._below(fact, finder, finder.pattern, seen)
        elif finder.place == "alone" and finder.shape is not None:
            others = self.foreign.lines if fact in _PERSONAL else self.foreign.footer
            numbers = [number for number in self._range(finder) if number not in others]
            yield from ((found, "a line of its own") for _, found in alone_in(self.lines, finder.shape, numbers))
        elif finder.place == "text" and finder.pattern is not None:
            yield from self._in_text(fact, finder, finder.pattern)

    def _range(self, finder: Finder) -> range:
        """The lines in which a finder may look."""
        start, end = 0, len(self.lines)
        if finder.after is not None:
            start = next((n + 1 for n, line in enumerate(self.lines) if finder.after.search(line)), end)
        if finder.before is not None:
            end = next((n for n in range(start, end) if finder.before.search(self.lines[n])), end)
        return range(start, end)

    def _is_for(self, fact: str, number: int) -> bool:
        """Whether a line may speak of the lead: an agent's number is not the lead's, wherever it stands."""
        return fact not in _PERSONAL or number not in self.foreign.lines

    def _under_labels(self, fact: str, finder: Finder, seen: set[str]) -> Iterator[tuple[str, str]]:
        allowed = self._range(finder)
        for label in finder.labels:
            for line in self.index.with_label(label):
                if line.line in allowed and self._is_for(fact, line.line):
                    seen.add(fact)
                    yield self._block(line, finder, fact), f"label {line.label}"

    def _below(self, fact: str, finder: Finder, pattern: re.Pattern[str], seen: set[str]) -> Iterator[tuple[str, str]]:
        """The text below a heading, or below the lines that open the mail."""
        allowed = self._range(finder)
        if finder.place == "opening":
            first = next((n for n in allowed if self.lines[n].strip() and not pattern.search(self.lines[n])), None)
            if first is not None:
                yield self._block(LabelledLine(label="", value="", line=first - 1), finder, fact), "opening"
            return
        for number in allowed:
            if fact == "message" and number in self.foreign.lines:
                continue  # the lead writes nothing below an agent's number
            match = pattern.search(self.lines[number]) if self.lines[number] else None
            if match:
                seen.add(fact)
                rest = (match["value"] or "") if "value" in pattern.groupindex else ""
                yield self._block(LabelledLine(label="", value=rest, line=number), finder, fact), "heading"

    @cached_property
    def searched(self) -> list[tuple[int, str]]:
        """The lines that patterns go through, with their numbers, without the runs of signs that make these slow."""
        kept: list[tuple[int, str]] = []
        empty = 0
        for number, line in enumerate(self.lines[:_SEARCHED_LINES_LIMIT]):
            empty = 0 if _LETTER.search(line) else empty + 1
            if empty <= 2:
                kept.append((number, _RUN_OF_SIGNS.sub(r"\1", line[:_SEARCHED_LINE_LIMIT])))
        return kept

    def _in_text(self, fact: str, finder: Finder, pattern: re.Pattern[str]) -> Iterator[tuple[str, str]]:
        allowed = self._range(finder)
        lines = [(number, line) for number, line in self.searched if number in allowed]
        text = "\n".join(line for _, line in lines)
        for match in pattern.finditer(text):
            number = lines[text.count("\n", 0, match.start("value"))][0] if fact in _PERSONAL else -1
            if self._is_for(fact, number):
                value = match["value"] or ""
                yield value if fact == "message" else _one_line(value.split("\n")), "text"

    def _block(self, start: LabelledLine, finder: Finder, fact: str) -> str:
        taken = self.index.block(
            start,
            known=self.rule.known_labels.labels,
            lines=finder.lines,
            ends=finder.until,
            ends_at_labels=not finder.through_labels,
            is_end=None if finder.through_labels else self._ends(start.line),
        )
        return "\n".join(taken) if fact == "message" else _one_line(taken)

    def _ends(self, start: int) -> Callable[[int], bool]:
        """Whether somebody else speaks in a line below `start`: an agent's box, a footer, a portal's button."""
        others = self.foreign.lines if start not in self.foreign.lines else frozenset()
        return lambda number: number in others or (self.rule.names_senders and ends_message(self.lines[number]))

    def _in_header(self, finder: Finder) -> Iterator[tuple[str, str]]:
        view = self.view
        origin = f"header {finder.header}"
        if finder.header == "reply-to":
            found = {"address": view.reply_to, "name": view.reply_to_name, "text": view.reply_to}
        elif finder.header == "from":
            sender = view.senders[0] if view.senders else None
            found = {"address": sender, "name": view.from_name, "text": sender}
        else:
            for value in () if view.forwarded else view.mail.headers.get(finder.header, ()):
                if finder.part == "address":
                    yield from ((each, origin) for each in addresses_in(value))
                else:
                    yield value.partition("<")[0] if finder.part == "name" else value, origin
            return
        if chosen := found[finder.part]:
            yield chosen, origin

    def _in_links(self, fact: str, finder: Finder) -> Iterator[tuple[str, str]]:
        for link in self.body.links:
            scheme, _, rest = link.target.partition(":")
            kind = {"mailto": "mailto", "tel": "tel", "http": "web", "https": "web"}.get(scheme.lower())
            if kind != finder.link or (finder.beside is not None and not finder.beside.search(link.text)):
                continue
            if finder.target is not None and not finder.target.search(link.target):
                continue
            if fact not in _PERSONAL or link.line not in self.foreign_in_body.lines:
                yield (link.target if kind == "web" else _unescaped(rest.partition("?")[0])), f"link {kind}"


def accepted(fact: str, value: str, view: MailView, rule: MailRule) -> tuple[str, str] | None:
    """The value where it can be the fact, with the fact it is (an e-mail may be a relay's); None where it cannot."""
    if not value or is_nothing(value):
        return None
    if fact in ("email", "relay_email"):
        return _address(value, view, rule)
    if fact == "phone":
        phone = phone_in(value)
        return None if phone is None else (fact, phone)
    if fact in ("name", "first_name", "last_name"):
        name = name_in(value)
        return None if name is None else (fact, name)
    if fact == "property_url":
        match = URL.search(value)
        return (fact, match[0][:2000].rstrip(".,;")) if match else None
    if fact == "property_price" and not is_price(value):
        return None
    limit = _MESSAGE_LIMIT if fact == "message" else LINE_LIMIT
    text = clean_paragraphs(_unquoted(value), limit) if fact == "message" else clean_line(value, limit).strip("*_| ")
    return (fact, text) if text else None


def _address(value: str, view: MailView, rule: MailRule) -> tuple[str, str] | None:
    for address in addresses_in(value):
        if not is_own_address(address, rule, view.recipients):
            is_relay = is_in_domains(address, rule.relay_domains, subdomains=True)
            return ("relay_email" if is_relay else "email"), address
    return None


def _one_line(lines: Sequence[str]) -> str:
    """The lines of a short value on one: an address in two lines gets its comma, a wrapped line none (trap 7)."""
    joined = ""
    for line in lines:
        line = line.replace("\t", " ").strip()
        if joined and line:
            is_wrapped = joined.endswith((",", ";", "-")) or len(joined) > 60
            joined += " " if is_wrapped else ", "
        joined += line
    return joined


def _unquoted(text: str) -> str:
    """A message without the quotation marks that a portal puts around it."""
    bare = text.strip()
    for opening, closing in (('"', '"'), ("“", "”"), ("'", "'")):
        inner = bare[1:-1]
        if len(bare) > 1 and bare[0] == opening and bare[-1] == closing and not {opening, closing} & set(inner):
            return inner
    return text


def _unescaped(target: str) -> str:
    """A link target with its %-escapes read; they can hide control characters."""
    return clean_text(unquote(target))
