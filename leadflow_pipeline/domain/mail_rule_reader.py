"""A rule file's content, as plain values, to the rules it describes; every refusal names the key and a remedy.

A file holds one rule, or what several layouts of a source have in common with the layouts below it. Files are
read by `adapters.rule_files`; what the keys mean is said in `mail_rules`.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, get_args

from leadflow_pipeline.domain.email_domains import PORTAL_RELAY_DOMAINS
from leadflow_pipeline.domain.mail_labels import normalize_label
from leadflow_pipeline.domain.mail_rules import FACTS, Finder, MailRule, NotALead, Place, RuleError, Shape

PLACES: tuple[Place, ...] = get_args(Place)
SHAPES: tuple[Shape, ...] = get_args(Shape)

_RULE_KEYS = (
    "name", "source", "version", "called", "match", "not_leads", "own_domains", "relay_domains", "fields", "extra",
    "requires", "prose", "layouts", "examples", "about",
)  # fmt: skip
_LAYOUT_KEYS = ("name", "match", "not_leads", "relay_domains", "fields", "extra", "requires", "prose", "about")
_MATCH_KEYS = ("addresses", "domains", "subdomains", "shared", "subject", "contains", "everything")
_FINDER_KEYS = (*PLACES, "lines", "until", "through_labels", "take", "part", "beside", "target", "after", "before")
_LINK_KINDS = ("mailto", "tel", "web")
_HEADER_PARTS = ("text", "address", "name")
_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
_DOMAIN = re.compile(r"[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?\.[a-z0-9-]{2,}")
_ADDRESS = re.compile(r"[^\s@<>]+@[^\s@<>]+\.[^\s@<>]+")
_LINES_LIMIT = 500


def mail_rules(content: Mapping[str, Any], *, file: str) -> tuple[MailRule, ...]:
    """The rules that a file's content describes: one, or one for each layout, in the order they are tried."""
    layouts = content.get("layouts")
    if layouts is None:
        return (mail_rule(content, file=file),)
    reader = _Reader(file)
    reader.only(content, _RULE_KEYS, "")
    if not isinstance(layouts, list) or not layouts:
        raise reader.error("layouts", "must be a list of layouts", "Begin each with `- name:`.")
    rules: list[MailRule] = []
    for number, layout in enumerate(layouts):
        where = f"layouts.{number}"
        reader.only(reader.mapping(layout, where), _LAYOUT_KEYS, where)
        name = f"{reader.name(content, 'name')}.{reader.name(layout, 'name', where=where)}"
        if any(each.name == name for each in rules):
            raise reader.error(f"{where}.name", "is the name of another layout too", "Rename one of them.")
        try:
            rules.append(_rule(_Reader(file), _joined(content, layout), name))
        except RuleError as error:
            key = f"{where}.{error.key}" if error.key.partition(".")[0] in layout else error.key
            raise RuleError(file=file, key=key, problem=error.problem, remedy=error.remedy) from error
    return tuple(rules)


def mail_rule(content: Mapping[str, Any], *, file: str) -> MailRule:
    """The one rule of a file without layouts. Raises `RuleError` for the first thing that cannot be meant."""
    reader = _Reader(file)
    reader.only(content, _RULE_KEYS, "")
    return _rule(reader, content, reader.name(content, "name"))


def _joined(content: Mapping[str, Any], layout: Mapping[str, Any]) -> dict[str, Any]:
    """The layout with what it has in common with the others; its own facts go before the common ones."""
    joined = {key: value for key, value in content.items() if key not in ("layouts", "name")} | dict(layout)
    for key in ("fields", "extra"):
        common, own = content.get(key), layout.get(key)
        if isinstance(common, Mapping) and isinstance(own, Mapping):
            joined[key] = {**common, **own}
    if isinstance(content.get("not_leads"), list) and isinstance(layout.get("not_leads"), list):
        joined["not_leads"] = [*layout["not_leads"], *content["not_leads"]]
    return joined


def _rule(reader: "_Reader", content: Mapping[str, Any], name: str) -> MailRule:
    match = reader.mapping(content.get("match"), "match")
    reader.only(match, _MATCH_KEYS, "match")
    rule = MailRule(
        name=name,
        source=reader.name(content, "source"),
        version=reader.number(content.get("version"), "version", most=1_000_000),
        called=frozenset(" ".join(each.lower().split()) for each in reader.texts(content.get("called"), "called")),
        addresses=reader.addresses(match.get("addresses"), "match.addresses"),
        domains=reader.domains(match.get("domains"), "match.domains"),
        subdomains=reader.yes_no(match.get("subdomains"), "match.subdomains"),
        shared=reader.yes_no(match.get("shared"), "match.shared"),
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

    def name(self, content: Mapping[str, Any], key: str, *, where: str = "") -> str:
        value = content.get(key)
        if not isinstance(value, str) or not _NAME.fullmatch(value):
            raise self.error(
                f"{where}.{key}" if where else key,
                "must be a name in small letters, digits and _",
                f"Write for example `{key}: realtor_com`.",
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

    def senders(self, value: Any, key: str) -> frozenset[str]:
        texts = self.texts(value, key)
        for number, each in enumerate(texts):
            if not (_ADDRESS.fullmatch(each.strip()) or _DOMAIN.fullmatch(each.strip().lower())):
                raise self.error(f"{key}.{number}", "is neither an address nor a domain", "Write it in full.")
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
            self.only(content, ("reason", "from", "subject", "contains"), key)
            subject = content.get("subject")
            item = NotALead(
                reason=self.text(content.get("reason"), f"{key}.reason"),
                senders=self.senders(content.get("from"), f"{key}.from"),
                subject=None if subject is None else self.pattern(subject, f"{key}.subject"),
                contains=self.groups(content.get("contains"), f"{key}.contains"),
            )
            if item.subject is None and not item.contains and not item.senders:
                raise self.error(key, "would hold for every mail", "Give a `subject`, `contains` or `from`.")
            found.append(item)
        return tuple(found)

    def requires(self, value: Any, facts: Any) -> tuple[tuple[str, ...], ...]:
        groups = self.groups(value, "requires")
        for number, group in enumerate(groups):
            for fact in group:
                # An `email` that turns out to be a relay's is a `relay_email`.
                if not isinstance(facts, Mapping) or not {fact, fact.removeprefix("relay_")} & facts.keys():
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
            beside=self.optional(content, "beside", key),
            target=self.optional(content, "target", key),
            shape=self.shape(content[place], where) if place == "alone" else None,
            pattern=self.pattern(
                content[place], where, group=place in ("subject", "text"), anchored_lines=place != "subject"
            )
            if place in ("subject", "heading", "opening", "text")
            else None,
            after=self.optional(content, "after", key),
            before=self.optional(content, "before", key),
            lines=self.number(
                content.get("lines", _LINES_LIMIT if fact == "message" else 1), f"{key}.lines", most=_LINES_LIMIT
            ),
            until=self.any_of(content.get("until"), f"{key}.until"),
            through_labels=self.yes_no(content.get("through_labels"), f"{key}.through_labels"),
            take=self.pattern(content["take"], f"{key}.take", group=True) if "take" in content else None,
        )

    def optional(self, content: Mapping[str, Any], name: str, key: str) -> re.Pattern[str] | None:
        return self.pattern(content[name], f"{key}.{name}") if name in content else None

    def shape(self, value: Any, key: str) -> Shape:
        for shape in SHAPES:
            if shape == value:
                return shape
        raise self.error(key, f"must be one of {', '.join(SHAPES)}", "Choose one of them.")

    def one_of(self, value: Any, key: str, choices: Sequence[str]) -> str:
        if value not in choices:
            raise self.error(key, f"must be one of {', '.join(choices)}", "Choose one of them.")
        return str(value)

    def any_of(self, value: Any, key: str) -> re.Pattern[str] | None:
        patterns = self.patterns(value, key)
        return re.compile("|".join(f"(?:{each.pattern})" for each in patterns), re.IGNORECASE) if patterns else None
