"""A rule tried on a mail, field by field, and a mail compared with what its example says: for whoever writes rules."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from leadflow_pipeline.domain.mail_facts import read_facts
from leadflow_pipeline.domain.mail_message import read_mail
from leadflow_pipeline.domain.mail_outcomes import MailOutcome, judge_message, matches
from leadflow_pipeline.domain.mail_rules import FACTS, Finder, MailRule
from leadflow_pipeline.domain.mail_views import views_of


@dataclass(frozen=True, kw_only=True)
class FieldTrial:
    """One field of the rule and what it found."""

    field: str
    value: str | None
    origin: str | None
    looked_for: str


@dataclass(frozen=True, kw_only=True)
class RuleTrial:
    """What a rule makes of a mail, and what becomes of the mail under all rules."""

    rule: str
    claims_sender: bool | None  # None for a rule that names no sender
    matches: bool  # subject and text
    fields: tuple[FieldTrial, ...]
    missing: tuple[str, ...]  # required, and not found
    outcome: MailOutcome


def try_rule(raw: bytes, rule: MailRule, rules: Sequence[MailRule]) -> RuleTrial:
    """The rule on the mail, or on what is forwarded in it where the rule knows that."""
    mail = read_mail(raw)
    views = views_of(mail)[::-1]
    claimed = [view for view in views if rule.claims(view.senders) or not rule.names_senders]
    view = next((each for each in claimed if matches(each, rule)), claimed[0] if claimed else views[-1])
    facts = read_facts(view, rule)
    found: Mapping[str, Any] = {**facts.extra, **facts.values}
    fields = [
        FieldTrial(
            field=name,
            value=found.get(name),
            origin=facts.origins.get(name, "extra" if name in facts.extra else None),
            looked_for="; ".join(map(_described, places)),
        )
        for name, places in (*rule.finders.items(), *rule.extra.items())
    ]
    fields += [
        FieldTrial(field=name, value=text, origin=facts.origins.get(name), looked_for="")
        for name, text in facts.values.items()
        if name not in rule.finders
    ]
    return RuleTrial(
        rule=rule.name,
        claims_sender=rule.claims(view.senders) if rule.names_senders else None,
        matches=matches(view, rule),
        fields=tuple(fields),
        missing=tuple(" or ".join(group) for group in facts.missing(rule)),
        outcome=judge_message(mail, rules),
    )


def as_example(outcome: MailOutcome) -> dict[str, Any]:
    """What to write beside a mail when it is read as it should be: the form that `differences` compares with."""
    found: dict[str, Any] = {"outcome": outcome.outcome, "source": outcome.source}
    if outcome.lead is None:
        return {**found, "reason": outcome.reason}
    return {**found, "lead": {fact: text for fact in FACTS if (text := getattr(outcome.lead, fact)) is not None}}


def differences(outcome: MailOutcome, expected: Mapping[str, Any]) -> list[str]:
    """In what a mail's outcome is not as its example says; empty where it is."""
    found = [
        f"{key}: expected {expected[key]!r}, came to {getattr(outcome, key)!r}"
        for key in ("outcome", "source", "reason", "rule")
        if key in expected and getattr(outcome, key) != expected[key]
    ]
    wanted = expected.get("lead") or {}
    read = {fact: getattr(outcome.lead, fact) for fact in FACTS} if outcome.lead is not None else {}
    for fact in (*FACTS, *(each for each in wanted if each not in FACTS)):
        if wanted.get(fact) != read.get(fact):
            found.append(f"{fact}: expected {wanted.get(fact)!r}, found {read.get(fact)!r}")
    extra = dict(outcome.lead.extra) if outcome.lead is not None else {}
    for name, value in (expected.get("extra") or {}).items():
        if extra.get(name) != value:
            found.append(f"extra {name}: expected {value!r}, found {extra.get(name)!r}")
    return found


def _described(finder: Finder) -> str:
    """Where a finder looks, in words."""
    what = {
        "label": f"label {', '.join(finder.labels)}",
        "header": f"header {finder.header} ({finder.part})",
        "link": f"link {finder.link}",
        "alone": f"a line with nothing but {finder.shape}",
        "opening": "the text from its beginning",
    }.get(finder.place) or f"{finder.place} {finder.pattern.pattern if finder.pattern else ''}"
    bounds = [
        f"{word} {pattern.pattern}"
        for word, pattern in (("beside", finder.beside), ("after", finder.after), ("before", finder.before))
        if pattern is not None
    ]
    return ", ".join([what, *bounds])
