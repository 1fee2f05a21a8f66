"""Facts read out of one mail by one rule: where each was found, as text, trimmed and never made up.

A `MailView` is the mail as rules see it: who sent it, its lines, its links. What a fact must look like to be
taken (an address, a number with enough digits) is here too; cleaning it is the work of `normalized_leads`.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from urllib.parse import unquote

from leadflow_pipeline.domain.mail_labels import LabelIndex, LabelledLine, separate_labels
from leadflow_pipeline.domain.mail_message import MailMessage, addresses_in, clean_text
from leadflow_pipeline.domain.mail_rules import Finder, MailRule, is_in_domains
from leadflow_pipeline.domain.mail_text import VisibleText, forwarded_mail, own_words, read_html, read_plain
from leadflow_pipeline.domain.plain_text import clean_line, clean_paragraphs

_LINE_LIMIT = 500
_NAME_LIMIT = 200
_NAME_WORDS_LIMIT = 10
_MESSAGE_LIMIT = 20_000
_FORWARDS_LIMIT = 4
# Kept apart from `from_address`: who wrote the mail before a program passed it on (trap 9).
_ORIGINAL_SENDER_HEADERS = ("x-original-from", "x-original-sender", "x-forwarded-from", "resent-from")

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
_URL = re.compile(r"https?://[^\s<>\"\])]+", re.IGNORECASE)
_NOT_IN_NAMES = re.compile(r"[{}=:<>]|\d{3}|\d+ \w+ \w+$")
_PRICE_TAIL = re.compile(r"\s*[-–—,(|]*\s*\$\s*\d[\d.,]*\s*(?:[km]|million)?\b\)?.*$", re.IGNORECASE)
_IN_BRACKETS = re.compile(r"[<(\[]\s*(?:mailto:)?[^<>()\[\]]*@[^<>()\[\]]*[>)\]]")
_EDGES = " \t\"'*_|,;:<>-–—"


@dataclass(frozen=True, kw_only=True)
class MailView:
    """A mail as the rules see it: the mail itself, or one that was forwarded inside it."""

    mail: MailMessage
    senders: tuple[str, ...]
    from_name: str | None
    reply_to: str | None
    reply_to_name: str | None
    subject: str
    recipients: frozenset[str]
    forwarded: bool = False
    plain_part: VisibleText | None = None  # of a mail forwarded by hand; else read from the mail
    html_part: VisibleText | None = None

    @cached_property
    def plain(self) -> VisibleText:
        """The text part."""
        if self.forwarded:
            return self.plain_part or VisibleText()
        return read_plain(self.mail.text)

    @cached_property
    def page(self) -> VisibleText:
        """The HTML part as a person sees it."""
        if self.forwarded:
            return self.html_part or VisibleText()
        return read_html(self.mail.html)

    @cached_property
    def body_text(self) -> str:
        """Everything readable in lower case, for `contains`."""
        return "\n".join((*self.plain.lines, *self.page.lines)).lower()


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What a rule found: fact → text, and fact → where it stood."""

    values: Mapping[str, str] = field(default_factory=dict)
    origins: Mapping[str, str] = field(default_factory=dict)
    extra: Mapping[str, str] = field(default_factory=dict)
    seen: frozenset[str] = frozenset()  # facts whose label stands in the mail, with or without a value

    @property
    def has_contact(self) -> bool:
        """Whether there is a way to reach the person."""
        return bool(self.values.keys() & {"email", "relay_email", "phone"})

    def missing(self, rule: MailRule) -> list[tuple[str, ...]]:
        """The groups of required facts of which none was found."""
        return [group for group in rule.requires if not self.values.keys() & set(group)]


def views_of(mail: MailMessage) -> list[MailView]:
    """The mail, then what is forwarded in it, by hand or as an attachment; the innermost last."""
    senders = [mail.from_address] if mail.from_address else []
    for name in _ORIGINAL_SENDER_HEADERS:
        senders += [address for value in mail.headers.get(name, ()) for address in addresses_in(value)]
    outer = MailView(
        mail=mail,
        senders=tuple(dict.fromkeys(senders)),
        from_name=mail.from_name,
        reply_to=mail.reply_to,
        reply_to_name=mail.reply_to_name,
        subject=mail.subject,
        recipients=frozenset(mail.recipients),
    )
    views = [outer, *(view for enclosed in mail.enclosed for view in views_of(enclosed))]
    view: MailView | None = outer
    while view is not None and len(views) < _FORWARDS_LIMIT:
        view = _forwarded(view)
        if view is not None:
            views.append(view)
    return views


def read_facts(view: MailView, rule: MailRule) -> Facts:
    """What the rule finds in the mail. The part (text or HTML) with more facts counts; the other fills gaps."""
    bodies = _bodies(view)
    first = _Body(next(bodies, VisibleText()), view, rule).facts()
    page = None if len(first.values) == len(rule.finders) else next(bodies, None)
    if page is None:
        return _completed(first)
    second = _Body(page, view, rule).facts()
    richer, poorer = (second, first) if len(second.values) > len(first.values) else (first, second)
    return _completed(
        Facts(
            values={**poorer.values, **richer.values},
            origins={**poorer.origins, **richer.origins},
            extra={**poorer.extra, **richer.extra},
            seen=first.seen | second.seen,
        )
    )


def phone_in(text: str) -> str | None:
    """The one telephone number in `text`; the whole text where it holds several; None where it holds none."""
    bare = text
    for address in addresses_in(text):
        bare = re.sub(re.escape(address), " ", bare, flags=re.IGNORECASE)
    found = [each for each in _PHONE.findall(_URL.sub(" ", bare)) if 7 <= sum(map(str.isdigit, each)) <= 20]
    if len(found) == 1:
        return str(found[0]).strip()
    if sum(map(str.isdigit, bare)) >= 7 or re.search(r"\d{3}\D{0,3}[A-Z\d-]{7,9}\b", bare):
        return clean_line(bare, _LINE_LIMIT).strip(_EDGES) or None
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


def is_own_address(address: str, rule: MailRule, recipients: Iterable[str] = ()) -> bool:
    """Whether an address belongs to the portal or to ourselves, and so never to the lead (trap 2)."""
    if is_in_domains(address, rule.relay_domains, subdomains=True):
        return False
    return (
        address in recipients
        or address in rule.addresses
        or is_in_domains(address, rule.own_domains, subdomains=True)
        or is_in_domains(address, rule.domains, subdomains=rule.subdomains)
    )


def is_nothing(value: str) -> bool:
    """Whether a value only says that there is none."""
    bare = value.strip(" .*").lower()
    if bare.startswith("[") and _TEMPLATE_TAG.fullmatch(bare):
        return True
    return bare.replace(" ", "_") in _NOTHING or not any(map(str.isalnum, value))


def _forwarded(view: MailView) -> MailView | None:
    """The mail forwarded by hand in the view; the text part says so first, then the HTML part."""
    subject = view.subject
    plain = forwarded_mail(view.plain.lines, subject=subject)
    page = forwarded_mail(view.page.lines, subject=subject) if view.mail.html else None
    found = plain or page
    if found is None:
        return None
    return MailView(
        mail=view.mail,
        senders=(found.from_address,) if found.from_address else (),
        from_name=found.from_name,
        reply_to=found.reply_to,
        reply_to_name=None,
        subject=found.subject or re.sub(r"^\s*\w{2,5}\s*:\s*", "", subject),
        # The forwarder is one of us: neither theirs nor the first recipients' addresses are the lead's.
        recipients=view.recipients | frozenset(found.recipients) | frozenset(view.senders),
        forwarded=True,
        plain_part=VisibleText(lines=plain.lines) if plain else None,
        html_part=VisibleText(lines=page.lines, links=view.page.links) if page else None,
    )


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
    return Facts(
        values={**facts.values, "name": " ".join(filter(None, (first, last)))},
        origins={**facts.origins, "name": "first_name and last_name"},
        extra=facts.extra,
        seen=facts.seen,
    )


class _Body:
    """One part of a mail, read with one rule."""

    def __init__(self, body: VisibleText, view: MailView, rule: MailRule) -> None:
        self.view, self.rule, self.links = view, rule, body.links
        own = own_words(body.lines, subject="Fwd:" if view.forwarded else view.subject)
        self.lines = separate_labels(own, rule.known_labels)
        self.index = LabelIndex(self.lines)

    @cached_property
    def text(self) -> str:
        return "\n".join(self.lines)

    def facts(self) -> Facts:
        values: dict[str, str] = {}
        origins: dict[str, str] = {}
        seen: set[str] = set()
        for fact, finders in self.rule.finders.items():
            for finder in finders:
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

    def _taken(self, fact: str, finder: Finder, seen: set[str]) -> Iterator[tuple[str, str, str]]:
        """What the finder finds that can be the fact: its kind (an e-mail may be a relay's), text and origin."""
        for value, origin in self._found(fact, finder, seen):
            if finder.take is not None:
                match = finder.take.search(value)
                value = (match["value"] or "") if match else ""
            accepted = self._accepted(fact, value)
            if accepted is not None:
                yield *accepted, origin

    def _found(self, fact: str, finder: Finder, seen: set[str]) -> Iterator[tuple[str, str]]:
        if finder.place == "label":
            for label in finder.labels:
                for line in self.index.with_label(label):
                    seen.add(fact)
                    yield self._block(line, finder, fact), f"label {line.label}"
        elif finder.place == "header":
            yield from self._in_header(finder)
        elif finder.place == "link":
            yield from self._in_links(finder)
        elif finder.place == "subject" and finder.pattern is not None:
            if (match := finder.pattern.search(self.view.subject)) and match["value"]:
                yield match["value"], "subject"
        elif finder.place == "heading" and finder.pattern is not None:
            for number, text in enumerate(self.lines):
                if text and finder.pattern.search(text):
                    seen.add(fact)
                    start = LabelledLine(label="", value="", line=number)
                    yield self._block(start, finder, fact), "heading"
        elif finder.place == "text" and finder.pattern is not None:
            for match in finder.pattern.finditer(self.text):
                yield match["value"] or "", "text"

    def _block(self, start: LabelledLine, finder: Finder, fact: str) -> str:
        taken = self.index.block(
            start,
            known=self.rule.known_labels.labels,
            lines=finder.lines,
            ends=finder.until,
            ends_at_labels=not finder.through_labels,
        )
        return "\n".join(taken) if fact == "message" else _one_line(taken)

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

    def _in_links(self, finder: Finder) -> Iterator[tuple[str, str]]:
        for link in self.links:
            scheme, _, rest = link.target.partition(":")
            kind = {"mailto": "mailto", "tel": "tel", "http": "web", "https": "web"}.get(scheme.lower())
            if kind != finder.link or (finder.beside is not None and not finder.beside.search(link.text)):
                continue
            yield (link.target if kind == "web" else _unescaped(rest.partition("?")[0])), f"link {kind}"

    def _accepted(self, fact: str, value: str) -> tuple[str, str] | None:
        """The value where it can be the fact, with the fact it is; None where it cannot."""
        if not value or is_nothing(value):
            return None
        if fact in ("email", "relay_email"):
            return self._address(value)
        if fact == "phone":
            phone = phone_in(value)
            return None if phone is None else (fact, phone)
        if fact in ("name", "first_name", "last_name"):
            name = name_in(value)
            return None if name is None else (fact, name)
        if fact == "property_url":
            match = _URL.search(value)
            return (fact, match[0][:2000].rstrip(".,;")) if match else None
        limit = _MESSAGE_LIMIT if fact == "message" else _LINE_LIMIT
        text = clean_paragraphs(value, limit) if fact == "message" else clean_line(value, limit).strip("*_| ")
        return (fact, text) if text else None

    def _address(self, value: str) -> tuple[str, str] | None:
        for address in addresses_in(value):
            if is_own_address(address, self.rule, self.view.recipients):
                continue
            is_relay = is_in_domains(address, self.rule.relay_domains, subdomains=True)
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


def _unescaped(target: str) -> str:
    """A link target with its %-escapes read; they can hide control characters."""
    return clean_text(unquote(target))
