"""Mail rules: which mails one reads, where each fact stands and which facts it must find.

Here are the types and the comparing of senders. A rule is made from a file's content in `mail_rule_reader`;
facts are read out of a mail in `mail_facts`; `mail_outcomes` decides which rule counts.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import Literal

from leadflow_pipeline.domain.email_domains import PORTAL_RELAY_DOMAINS
from leadflow_pipeline.domain.errors import PermanentError
from leadflow_pipeline.domain.mail_healing import HealingLabels
from leadflow_pipeline.domain.mail_labels import KnownLabels
from leadflow_pipeline.domain.mail_sections import portal_line
from leadflow_pipeline.domain.staged_leads import StagedLead

Place = Literal["label", "header", "link", "subject", "heading", "opening", "alone", "text"]
Shape = Literal["name", "email", "phone", "address", "price"]
FACTS = tuple(each.name for each in fields(StagedLead) if each.name not in ("origins", "extra"))


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
    target: re.Pattern[str] | None = None  # what the link's address holds; for place link
    shape: Shape | None = None  # what fills the line; for place alone
    pattern: re.Pattern[str] | None = None  # subject, text: group `value` is the fact; heading; opening: lines to pass
    after: re.Pattern[str] | None = None  # only below the first line that this matches
    before: re.Pattern[str] | None = None  # only above the first line that this matches
    lines: int = 1  # how many lines the value may take
    until: re.Pattern[str] | None = None  # a line that ends the value
    through_labels: bool = False  # a known label does not end the value
    take: re.Pattern[str] | None = None  # the part of what was found that is the fact


@dataclass(frozen=True, kw_only=True)
class NotALead:
    """A mail of a lead sender that is no lead, and why (`lead-sources` 1.7)."""

    reason: str
    senders: frozenset[str] = frozenset()  # exact addresses or domains; empty: any sender of the rule
    subject: re.Pattern[str] | None = None
    contains: tuple[tuple[str, ...], ...] = ()

    def is_from(self, senders: Sequence[str]) -> bool:
        """Whether one of the senders is meant."""
        return not self.senders or any(
            each in self.senders or each.rpartition("@")[2] in self.senders for each in senders
        )


@dataclass(frozen=True, kw_only=True)
class MailRule:
    """How one layout of one source is recognised and read. Built by `mail_rules`, with every pattern compiled."""

    name: str  # the file's, with its layout where it has several: `zillow.relay`
    source: str
    version: int
    called: frozenset[str] = frozenset()  # what others call the source, exactly (trap 5); in lower case
    addresses: frozenset[str] = frozenset()  # exact senders
    domains: frozenset[str] = frozenset()  # exact domains of senders
    subdomains: bool = False  # whether domains below count too
    shared: bool = False  # the senders send other mail too: what the rule cannot read is no changed layout
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
    def file_name(self) -> str:
        """The name of the file's rule, without the layout."""
        return self.name.partition(".")[0]

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

    @cached_property
    def signed(self) -> re.Pattern[str] | None:
        """A line in which the portal names itself as the sender."""
        return portal_line(self.called)

    @cached_property
    def healing(self) -> HealingLabels:
        """The labels by the fact they stand for, to know a label that drifted."""
        return HealingLabels(
            (fact, label) for fact, places in self.finders.items() for each in places for label in each.labels
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
