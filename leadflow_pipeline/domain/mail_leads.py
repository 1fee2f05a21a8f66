"""One lead from all that a mail says of it, by trust: metadata, ADF, the source's rule, labels, prose.

A fact of a more trusted place wins, a missing one is filled from below, and its origin says which place gave it.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from leadflow_pipeline.domain.generic_mail import introduced_name, prose_budget, prose_phone, signed_name
from leadflow_pipeline.domain.mail_adf import read_adf
from leadflow_pipeline.domain.mail_characters import addresses_in
from leadflow_pipeline.domain.mail_facts import Facts, read_facts, stated_facts
from leadflow_pipeline.domain.mail_labels import normalize_label
from leadflow_pipeline.domain.mail_metadata import read_metadata
from leadflow_pipeline.domain.mail_rules import MailRule, is_in_domains
from leadflow_pipeline.domain.mail_values import name_in
from leadflow_pipeline.domain.mail_views import MailView, is_own_address
from leadflow_pipeline.domain.staged_leads import StagedLead

Level = Literal["metadata", "adf", "rule", "labels", "prose"]
_NAMES = frozenset({"name", "first_name", "last_name"})
_REACH = frozenset({"email", "relay_email"})
_NAME_WORDS_LIMIT = 4


@dataclass(frozen=True, kw_only=True)
class StatedLead:
    """What a mail's own data block says: the most trusted facts."""

    level: Level
    facts: Facts
    source: str | None  # the lead's source as the block names it
    default_lead_type: str | None
    version: int = 1


@dataclass(frozen=True, kw_only=True)
class LeadFacts:
    """Facts of one lead, gathered from the most trusted place downwards."""

    values: Mapping[str, str] = field(default_factory=dict)
    origins: Mapping[str, str] = field(default_factory=dict)  # `metadata: lead_phone`, `rule: label Phone`
    extra: Mapping[str, Any] = field(default_factory=dict)

    @property
    def has_contact(self) -> bool:
        """Whether there is a way to reach the person."""
        return bool(self.values.keys() & {*_REACH, "phone"})

    def missing(self, rule: MailRule) -> list[tuple[str, ...]]:
        """The groups of the rule's required facts of which none was found."""
        return [group for group in rule.requires if not self.values.keys() & set(group)]

    def filled(self, level: Level, facts: Facts) -> "LeadFacts":
        """These facts, with those of a less trusted place where they are missing."""
        usable = {fact: text for fact, text in facts.values.items() if fact not in self.values}
        if self.values.keys() & _NAMES and not _is_same_person(self.values, facts.values):
            usable = {fact: text for fact, text in usable.items() if fact not in _NAMES}
        return LeadFacts(
            values={**usable, **self.values},
            origins={**{fact: f"{level}: {facts.origins[fact]}" for fact in usable}, **self.origins},
            extra={**facts.extra, **self.extra},
        )

    def staged(self) -> StagedLead:
        """The lead as a row."""
        return StagedLead(**self.values, origins=dict(self.origins), extra=dict(self.extra))


def stated_leads(view: MailView, rule: MailRule) -> list[StatedLead]:
    """The data blocks of the mail, metadata before ADF. Addresses of `rule`'s portal are left out."""
    found: list[StatedLead] = []
    blocks: tuple[tuple[Level, Any], ...] = (
        ("metadata", read_metadata(view.mail.html)),
        ("adf", read_adf(view.mail)),
    )
    for level, stated in blocks:
        if stated is not None:
            facts = stated_facts(stated, view, rule)
            found.append(
                StatedLead(level=level, facts=facts, source=stated.source, default_lead_type=stated.default_lead_type)
            )
    return found


def gather(
    stated: Sequence[StatedLead], others: Sequence[tuple[Level, Facts]], view: MailView, rule: MailRule
) -> LeadFacts:
    """All that is known of the lead: the data blocks, the other places in their order, what the person typed."""
    lead = LeadFacts()
    for each in stated:
        lead = lead.filled(each.level, each.facts)
    for level, facts in others:
        lead = lead.filled(level, facts)
    lead = lead.filled("prose", _typed(lead.values, view, rule))
    default = next((each for each in stated if each.default_lead_type), None)
    if default is not None and "lead_type" not in lead.values and default.default_lead_type:
        value = {"lead_type": default.default_lead_type}
        lead = lead.filled(default.level, Facts(values=value, origins={"lead_type": "default of the standard"}))
    return lead


def labelled_facts(view: MailView, generic: MailRule, found: Facts | None, rule: MailRule | None) -> Facts:
    """What stands under general labels; for a rule's mail only what its rule has not found.

    Where the rule looks for the fact under another label, that label has drifted.
    """
    labelled = read_facts(view, generic)
    if found is None or rule is None:
        return labelled
    taken = found.values.keys()
    values = {
        fact: text
        for fact, text in labelled.values.items()
        if not _is_answered(fact, taken)
        and not (fact == "email" and is_own_address(text, rule, view.recipients))
        and not _is_known(labelled.origins[fact], rule)
    }
    origins = {fact: _healed(labelled.origins[fact], fact, rule) for fact in values}
    return Facts(values=values, origins=origins)


def _is_answered(fact: str, taken: Collection[str]) -> bool:
    return fact in taken or (fact in _REACH and bool(_REACH & set(taken)))


def _is_known(origin: str, rule: MailRule) -> bool:
    """Whether a label means something else to the rule, which has read it already."""
    return normalize_label(origin.removeprefix("label ")) in rule.known_labels.labels


def is_healed(lead: StagedLead) -> bool:
    """Whether a field was found under a label that had drifted."""
    return any("(healed from " in origin for origin in lead.origins.values())


def _healed(origin: str, fact: str, rule: MailRule) -> str:
    known = next((label for each in rule.finders.get(fact, ()) for label in each.labels), None)
    return origin if known is None or not origin.startswith("label ") else f"{origin} (healed from {known})"


def _is_same_person(values: Mapping[str, str], others: Mapping[str, str]) -> bool:
    """Whether the parts of a name below belong to the name above."""
    mine = " ".join(values[fact] for fact in _NAMES & values.keys()).casefold().split()
    return all(word in mine for fact in _NAMES & others.keys() for word in others[fact].casefold().split())


def _typed(values: Mapping[str, str], view: MailView, rule: MailRule) -> Facts:
    """What the person typed into the message: a number, an address, a name, what they can spend."""
    message = values.get("message")
    if not message:
        return Facts()
    found = {fact: text for fact, text in _typed_facts(message, view, rule) if fact not in values}
    return Facts(values=found, origins=dict.fromkeys(found, "message"))


def _typed_facts(message: str, view: MailView, rule: MailRule) -> Iterator[tuple[str, str]]:
    if phone := prose_phone(message):
        yield "phone", phone
    for address in addresses_in(message):
        if not is_own_address(address, rule, view.recipients):
            yield "relay_email" if is_in_domains(address, rule.relay_domains, subdomains=True) else "email", address
            break
    name = introduced_name(message) or signed_name(message.split("\n"))
    if name and len(name.split()) <= _NAME_WORDS_LIMIT and (name := name_in(name)):
        yield "name", name
    if budget := prose_budget(message):
        yield "budget", budget


def with_sender(facts: Facts, kind: str, address: str, origin: str, name: str | None) -> Facts:
    """A form's facts with the person whom the mail can be answered to."""
    values, origins = {**facts.values, kind: address}, {**facts.origins, kind: origin}
    if name and "name" not in values:
        values["name"], origins["name"] = name, origin
    return replace(facts, values=values, origins=origins)
