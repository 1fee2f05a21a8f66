"""Mail rules: a data file says which mails it reads, where each fact stands and which facts it must find.

Here are the rule's type, its making from a plain mapping (the parsed YAML), and matching. Reading a fact out
of a mail is in `mail_facts`; files are read by `adapters.rule_files`; `mail_outcomes` decides which rule counts.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import Any, Literal

from leadflow_pipeline.domain.email_domains import PORTAL_RELAY_DOMAINS
from leadflow_pipeline.domain.errors import PermanentError
from leadflow_pipeline.domain.mail_labels import KnownLabels, normalize_label
from leadflow_pipeline.domain.staged_leads import StagedLead

Place = Literal["label", "header", "link", "subject", "heading", "text"]
PLACES: tuple[Place, ...] = ("label", "header", "link", "subject", "heading", "text")
FACTS = tuple(each.name for each in fields(StagedLead) if each.name not in ("origins", "extra"))

_RULE_KEYS = (
    "name", "source", "version", "match", "not_leads", "own_domains", "relay_domains", "fields", "extra",
    "requires", "prose", "examples", "about",
)  # fmt: skip
_MATCH_KEYS = ("addresses", "domains", "subdomains", "subject", "contains", "everything")
_FINDER_KEYS = (*PLACES, "lines", "until", "through_labels", "take", "part", "beside")
_LINK_KINDS = ("mailto", "tel", "web")
_HEADER_PARTS = ("text", "address", "name")
_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
_DOMAIN = re.compile(r"[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?\.[a-z0-9-]{2,}")
_ADDRESS = re.compile(r"[^\s@<>]+@[^\s@<>]+\.[^\s@<>]+")
_LINES_LIMIT = 500


class RuleError(PermanentError):
    """A rule that cannot be used. Names the file, the key in it, what is wrong and what to write instead."""

    def __init__(self, *, file: str, key: str, problem: str, remedy: str) -> None:
        super().__init__(f"{file}: {key or 'rule'}: {problem}. {remedy}")
        self.file, self.key, self.problem, self.remedy = file, key, problem, remedy


@dataclass(frozen=True, kw_only=True)
class Finder:
    """One place where a fact may stand."""

    place: Place
    labels: tuple[str, ...] = ()  # normalized; for place label
    header: str = ""  # in lower case; for place header
    part: str = "text"  # text, address, name; for place header
    link: str = ""  # mailto, tel, web; for place link
    beside: re.Pattern[str] | None = None  # what the link's text holds; for place link
    pattern: re.Pattern[str] | None = None  # for places subject, heading, text; named group `value` is the fact
    lines: int = 1  # how many lines the value may take
    until: re.Pattern[str] | None = None  # a line that ends the value
    through_labels: bool = False  # a known label does not end the value
    take: re.Pattern[str] | None = None  # the part of what was found that is the fact


@dataclass(frozen=True, kw_only=True)
class NotALead:
    """A mail of a lead sender that is no lead, and why (`lead-sources` 1.7)."""

    reason: str
    subject: re.Pattern[str] | None = None
    contains: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True, kw_only=True)
class MailRule:
    """How one source's mails are recognised and read. Built by `mail_rule`, with every pattern compiled."""

    name: str
    source: str
    version: int
    addresses: frozenset[str] = frozenset()  # exact senders
    domains: frozenset[str] = frozenset()  # exact domains of senders
    subdomains: bool = False  # whether domains below count too
    subject: tuple[re.Pattern[str], ...] = ()  # one of them is found in the subject
    contains: tuple[tuple[str, ...], ...] = ()  # of each group one text stands in the body; in lower case
    everything: bool = False  # reads any mail, after all other rules
    not_leads: tuple[NotALead, ...] = ()
    own_domains: frozenset[str] = frozenset()  # the portal's, its subdomains too: never a lead's address
    relay_domains: frozenset[str] = PORTAL_RELAY_DOMAINS  # reach the person through the portal
    finders: Mapping[str, tuple[Finder, ...]] = field(default_factory=dict)  # fact → places, in order
    extra: Mapping[str, tuple[Finder, ...]] = field(default_factory=dict)
    requires: tuple[tuple[str, ...], ...] = ()  # of each group one fact must be found
    prose: bool = False  # whether free text is read where no labels are

    @property
    def names_senders(self) -> bool:
        """Whether the rule claims its senders: a mail of theirs that it cannot read is a changed layout."""
        return bool(self.addresses or self.domains)

    @cached_property
    def known_labels(self) -> KnownLabels:
        """Every label of the rule: where one begins, the value before it ends."""
        every = [each for places in (*self.finders.values(), *self.extra.values()) for each in places]
        messages = self.finders.get("message", ())
        return KnownLabels(
            {label for each in every for label in each.labels},
            whole={label for each in messages for label in each.labels},
        )

    def claims(self, senders: Sequence[str]) -> bool:
        """Whether one of the addresses is a sender of this source. Compared exactly (trap 5)."""
        return any(
            sender in self.addresses or is_in_domains(sender, self.domains, subdomains=self.subdomains)
            for sender in senders
        )


def is_in_domains(address: str, domains: frozenset[str], *, subdomains: bool) -> bool:
    """Whether the address belongs to one of the domains: exactly, or below it where asked."""
    domain = address.rpartition("@")[2]
    if domain in domains:
        return True
    if not subdomains or not domains:
        return False
    parts = domain.split(".")
    return any(".".join(parts[start:]) in domains for start in range(1, len(parts) - 1))


def mail_rule(content: Mapping[str, Any], *, file: str) -> MailRule:
    """The rule that a file's content describes. Raises `RuleError` for the first thing that cannot be meant."""
    reader = _Reader(file)
    reader.only(content, _RULE_KEYS, "")
    match = reader.mapping(content.get("match"), "match")
    reader.only(match, _MATCH_KEYS, "match")
    rule = MailRule(
        name=reader.name(content, "name"),
        source=reader.name(content, "source"),
        version=reader.number(content.get("version"), "version", most=1_000_000),
        addresses=reader.addresses(match.get("addresses"), "match.addresses"),
        domains=reader.domains(match.get("domains"), "match.domains"),
        subdomains=reader.yes_no(match.get("subdomains"), "match.subdomains"),
        subject=reader.patterns(match.get("subject"), "match.subject"),
        contains=reader.groups(match.get("contains"), "match.contains"),
        everything=reader.yes_no(match.get("everything"), "match.everything"),
        not_leads=reader.not_leads(content.get("not_leads")),
        own_domains=reader.domains(content.get("own_domains"), "own_domains"),
        relay_domains=reader.domains(content.get("relay_domains"), "relay_domains") | PORTAL_RELAY_DOMAINS,
        finders=reader.finders(content.get("fields"), "fields", facts=FACTS),
        extra=reader.finders(content.get("extra"), "extra", facts=None),
        requires=reader.requires(content.get("requires"), content.get("fields")),
        prose=reader.yes_no(content.get("prose"), "prose"),
    )
    if not (rule.names_senders or rule.subject or rule.contains or rule.everything):
        raise reader.error(
            "match", "nothing says which mails the rule reads", f"Give one of: {', '.join(_MATCH_KEYS)}."
        )
    if rule.everything and (rule.names_senders or rule.subject or rule.contains):
        raise reader.error("match.everything", "stands beside a narrower match", "Keep one of them.")
    if not rule.finders and not rule.prose:
        raise reader.error("fields", "no fact can be found", "Add a fact, for example `phone: [Phone]`.")
    return rule


class _Reader:
    """Plain values of a rule file to their types; every refusal names the key and a remedy."""

    def __init__(self, file: str) -> None:
        self.file = file

    def error(self, key: str, problem: str, remedy: str) -> RuleError:
        return RuleError(file=self.file, key=key, problem=problem, remedy=remedy)

    def only(self, content: Mapping[str, Any], keys: Sequence[str], where: str) -> None:
        for key in content:
            if key not in keys:
                path = f"{where}.{key}" if where else str(key)
                raise self.error(path, "is not a key of a rule", f"Known here: {', '.join(keys)}.")

    def mapping(self, value: Any, key: str) -> Mapping[str, Any]:
        if not isinstance(value, Mapping) or not value:
            raise self.error(
                key,
                "must be a mapping with something in it",
                f"Write `{key.rpartition('.')[2]}:` and its keys below, indented.",
            )
        return value

    def text(self, value: Any, key: str) -> str:
        if not isinstance(value, str) or not value.strip():
            raise self.error(key, f"must be a text, not {value!r:.40}", "Put it in quotes.")
        return value

    def texts(self, value: Any, key: str) -> tuple[str, ...]:
        if value is None:
            return ()
        if not isinstance(value, list):
            return (self.text(value, key),)
        return tuple(self.text(each, f"{key}.{number}") for number, each in enumerate(value))

    def name(self, content: Mapping[str, Any], key: str) -> str:
        value = content.get(key)
        if not isinstance(value, str) or not _NAME.fullmatch(value):
            raise self.error(
                key, "must be a name in small letters, digits and _", f"Write for example `{key}: realtor_com`."
            )
        return value

    def number(self, value: Any, key: str, *, most: int) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= most:
            raise self.error(
                key, f"must be a whole number from 1 to {most}", f"Write for example `{key.rpartition('.')[2]}: 1`."
            )
        return value

    def yes_no(self, value: Any, key: str) -> bool:
        if value is None:
            return False
        if not isinstance(value, bool):
            raise self.error(key, "must be true or false", f"Write `{key.rpartition('.')[2]}: true`.")
        return value

    def pattern(self, value: Any, key: str, *, group: bool = False, anchored_lines: bool = False) -> re.Pattern[str]:
        text = self.text(value, key)
        try:
            pattern = re.compile(text, re.IGNORECASE | (re.MULTILINE if anchored_lines else 0))
        except re.error as error:
            raise self.error(
                key, f"is not a pattern: {error}", "Put a backslash before signs meant as they stand."
            ) from error
        if group and "value" not in pattern.groupindex:
            raise self.error(key, "does not say which part is the fact", "Put it in a group: `(?P<value>.+)`.")
        return pattern

    def patterns(self, value: Any, key: str) -> tuple[re.Pattern[str], ...]:
        return tuple(self.pattern(each, f"{key}.{number}") for number, each in enumerate(self.texts(value, key)))

    def addresses(self, value: Any, key: str) -> frozenset[str]:
        texts = self.texts(value, key)
        for number, each in enumerate(texts):
            if not _ADDRESS.fullmatch(each.strip()):
                raise self.error(f"{key}.{number}", "is not an e-mail address", "Whole domains go under `domains`.")
        return frozenset(each.strip().lower() for each in texts)

    def domains(self, value: Any, key: str) -> frozenset[str]:
        texts = self.texts(value, key)
        for number, each in enumerate(texts):
            if not _DOMAIN.fullmatch(each.strip().lower()):
                raise self.error(
                    f"{key}.{number}", "is not a domain", "Write for example `example.com`, without @ or https."
                )
        return frozenset(each.strip().lower() for each in texts)

    def groups(self, value: Any, key: str) -> tuple[tuple[str, ...], ...]:
        """All of the items; an item that is a list means one of its texts."""
        items = value if isinstance(value, list) else [] if value is None else [value]
        groups = [self.texts(each, f"{key}.{number}") for number, each in enumerate(items)]
        return tuple(tuple(text.lower() for text in group) for group in groups)

    def not_leads(self, value: Any) -> tuple[NotALead, ...]:
        found = []
        for number, each in enumerate(value or []):
            key = f"not_leads.{number}"
            content = self.mapping(each, key)
            self.only(content, ("reason", "subject", "contains"), key)
            subject = content.get("subject")
            item = NotALead(
                reason=self.text(content.get("reason"), f"{key}.reason"),
                subject=None if subject is None else self.pattern(subject, f"{key}.subject"),
                contains=self.groups(content.get("contains"), f"{key}.contains"),
            )
            if item.subject is None and not item.contains:
                raise self.error(key, "would hold for every mail", "Give a `subject` or `contains`.")
            found.append(item)
        return tuple(found)

    def requires(self, value: Any, facts: Any) -> tuple[tuple[str, ...], ...]:
        groups = self.groups(value, "requires")
        for number, group in enumerate(groups):
            for fact in group:
                if not isinstance(facts, Mapping) or fact not in facts:
                    raise self.error(
                        f"requires.{number}", f"`{fact}` is not among the fields", "Add it under `fields`."
                    )
        return groups

    def finders(self, value: Any, key: str, *, facts: Sequence[str] | None) -> dict[str, tuple[Finder, ...]]:
        if value is None:
            return {}
        found = {}
        for fact, places in self.mapping(value, key).items():
            path = f"{key}.{fact}"
            if facts is not None and fact not in facts:
                raise self.error(
                    path, "is not a fact of a lead", f"Facts: {', '.join(facts)}; others go under `extra`."
                )
            if isinstance(places, list) and any(isinstance(each, Mapping) for each in places):
                found[str(fact)] = tuple(self.finder(each, f"{path}.{n}", str(fact)) for n, each in enumerate(places))
            else:
                found[str(fact)] = (self.finder(places, path, str(fact)),)
        return found

    def finder(self, value: Any, key: str, fact: str) -> Finder:
        content = value if isinstance(value, Mapping) else {"label": value}
        self.only(content, _FINDER_KEYS, key)
        places: list[Place] = [place for place in PLACES if place in content]
        if len(places) != 1:
            raise self.error(key, "must say one place where the fact stands", f"Give one of: {', '.join(PLACES)}.")
        place = places[0]
        where = f"{key}.{place}"
        labels = tuple(normalize_label(each) for each in self.texts(content[place], where)) if place == "label" else ()
        if place == "label" and not all(labels):
            raise self.error(
                where, "is a label without letters or digits", "Write it as it stands in the mail, without the colon."
            )
        return Finder(
            place=place,
            labels=tuple(dict.fromkeys(labels)),
            header=self.text(content[place], where).lower() if place == "header" else "",
            part=self.one_of(content.get("part", "text"), f"{key}.part", _HEADER_PARTS),
            link=self.one_of(content[place], where, _LINK_KINDS) if place == "link" else "",
            beside=self.pattern(content["beside"], f"{key}.beside") if "beside" in content else None,
            pattern=self.pattern(content[place], where, group=place != "heading", anchored_lines=place != "subject")
            if place in ("subject", "heading", "text")
            else None,
            lines=self.number(
                content.get("lines", _LINES_LIMIT if fact == "message" else 1), f"{key}.lines", most=_LINES_LIMIT
            ),
            until=self.any_of(content.get("until"), f"{key}.until"),
            through_labels=self.yes_no(content.get("through_labels"), f"{key}.through_labels"),
            take=self.pattern(content["take"], f"{key}.take", group=True) if "take" in content else None,
        )

    def one_of(self, value: Any, key: str, choices: Sequence[str]) -> str:
        if value not in choices:
            raise self.error(key, f"must be one of {', '.join(choices)}", "Choose one of them.")
        return str(value)

    def any_of(self, value: Any, key: str) -> re.Pattern[str] | None:
        patterns = self.patterns(value, key)
        return re.compile("|".join(f"(?:{each.pattern})" for each in patterns), re.IGNORECASE) if patterns else None
