"""What becomes of a mail: a lead, ignored, or quarantined, and why. The one door from raw bytes to a decision.

Order: certain non-leads, the known sender's rule, a data block, rules that know a layout by its words, likely
non-leads, the generic rule. In doubt a mail is quarantined, as a lost lead costs more than a look at a mail.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from leadflow_pipeline.domain.mail_facts import Facts, read_facts
from leadflow_pipeline.domain.mail_filters import Filtered, filter_mail, is_spam, own_mail
from leadflow_pipeline.domain.mail_leads import LeadFacts, StatedLead, gather, labelled_facts, stated_leads
from leadflow_pipeline.domain.mail_message import MailMessage, read_mail
from leadflow_pipeline.domain.mail_rules import MailRule, NotALead
from leadflow_pipeline.domain.mail_trust import NOBODY, OurMail, with_trust
from leadflow_pipeline.domain.mail_unknown import LOOKED_FOR, announced_facts, form_facts, unknown_facts
from leadflow_pipeline.domain.mail_views import MailView, views_of
from leadflow_pipeline.domain.staged_leads import StagedLead

Outcome = Literal["lead", "ignored", "quarantined"]

_SPAM = "looks like spam: marked by a mail filter, or a story of money for nothing"


@dataclass(frozen=True, kw_only=True)
class MailOutcome:
    """The decision about one mail. A reason never holds text of the mail, so that reasons can be counted."""

    outcome: Outcome
    reason: str | None = None  # why it is no lead; None for a lead
    source: str | None = None  # the rule's source; None for a mail ignored before any rule
    rule: str | None = None
    rule_version: int | None = None
    lead: StagedLead | None = None


def judge_mail(raw: bytes, rules: Sequence[MailRule], *, ours: OurMail = NOBODY) -> MailOutcome:
    """What becomes of the mail in `raw`. Never raises on any bytes.

    Without a host in `ours` whose findings are believed, every lead's `extra["authentication"]` is `none`.
    """
    return judge_message(read_mail(raw), rules, ours=ours)


def judge_message(mail: MailMessage, rules: Sequence[MailRule], *, ours: OurMail = NOBODY) -> MailOutcome:
    """What becomes of a mail that is already read."""
    if mail.is_empty:
        return MailOutcome(outcome="quarantined", reason="empty mail: no subject and no text")
    filtered = filter_mail(mail)
    if filtered is not None and filtered.certain:
        return MailOutcome(outcome="ignored", reason=filtered.reason)
    views = views_of(mail)[::-1]
    is_own = mail.from_address in ours.addresses
    if is_own and len(views) > 1:
        views = views[:-1]  # what one of us forwards; the words above it are no lead's
    elif is_own and filtered is None:
        filtered = own_mail()
    return _Judgement(mail=mail, views=views, rules=rules, filtered=filtered, ours=ours).outcome()


@dataclass(frozen=True, kw_only=True)
class _Judgement:
    """One mail on its way to an outcome: each question is asked once, in order, until one is answered."""

    mail: MailMessage
    views: Sequence[MailView]  # the innermost forwarded mail first
    rules: Sequence[MailRule]
    filtered: Filtered | None
    ours: OurMail

    def outcome(self) -> MailOutcome:
        return (
            self._by_known_sender()
            or self._by_data_block()
            or self._by_words()
            or self._by_form_in_bulk_mail()
            or self._by_anything()
        )

    @cached_property
    def generic(self) -> list[MailRule]:
        return [rule for rule in self.rules if rule.everything]

    @cached_property
    def knowing_words(self) -> list[MailRule]:
        return [rule for rule in self.rules if not rule.names_senders and not rule.everything]

    def _by_known_sender(self) -> MailOutcome | None:
        """What the rules of the mail's sender make of it; None where no rule claims the sender.

        A claimed mail is never left to the generic rule: a changed layout would go unseen.
        """
        for view in self.views:
            claiming = [rule for rule in self.rules if rule.claims(view.senders)]
            for rule in claiming:
                if (not_lead := _not_a_lead(view, rule)) is not None:
                    return _of(rule, "ignored", not_lead.reason)
            stated = stated_leads(view, claiming[0]) if claiming else []
            for rule in claiming:
                if (found := self._lead_by(view, rule, stated)) is not None:
                    return found
            if claiming and (found := self._lead_by_block(view, claiming[0], stated, named=claiming[0])):
                return found
            strict = [rule for rule in claiming if not rule.shared]
            if strict:
                if self.filtered is not None and self.filtered.final_for_known_senders:
                    return _of(strict[0], "ignored", self.filtered.reason)
                return _changed_layout(view, strict)
        return None

    def _by_data_block(self) -> MailOutcome | None:
        """The lead in metadata or ADF of a sender that no rule knows."""
        for view in self.views if self.generic else ():
            stated = stated_leads(view, self.generic[0])
            if stated:
                found = self._lead_by_block(view, self.generic[0], stated, named=self._rule_named_by(stated))
                if found is not None:
                    return found
        return None

    def _by_words(self) -> MailOutcome | None:
        """The lead of a layout that is known by its words, whoever sends it."""
        for rule in self.knowing_words:
            for view in self.views:
                if (found := self._lead_by(view, rule, [])) is not None:
                    return found
        return None

    def _by_form_in_bulk_mail(self) -> MailOutcome | None:
        """What a likely non-lead comes to: a lead only where a form or an announcement stands in it."""
        if self.filtered is None:
            return None
        for rule in self.generic:
            facts, view = form_facts(self.views, rule) or announced_facts(self.views, rule) or (None, None)
            if facts is not None and view is not None:
                return self._lead(facts, rule, view)
        return MailOutcome(outcome="ignored", reason=self.filtered.reason)

    def _by_anything(self) -> MailOutcome:
        """What the generic rule makes of the mail."""
        if not self.generic:
            return MailOutcome(outcome="quarantined", reason="no rule reads this mail")
        reasons = []
        for rule in self.generic:
            judged = [(unknown_facts(view, rule), view) for view in self.views]
            for (facts, _), view in judged:
                if facts is not None:
                    if is_spam(self.mail):
                        return _of(rule, "quarantined", _SPAM)
                    return self._lead(facts, rule, view)
            reasons.append(_of(rule, "quarantined", judged[0][0][1]))
        recognised = [_of(r, "quarantined", LOOKED_FOR) for r in self.knowing_words if matches(self.views[-1], r)]
        return [*recognised, *reasons][0]

    def _lead_by(self, view: MailView, rule: MailRule, stated: Sequence[StatedLead]) -> MailOutcome | None:
        """The lead that a source's rule reads; None where the rule does not match or a required fact is missing."""
        if not matches(view, rule):
            return None
        found = read_facts(view, rule)
        labelled = [labelled_facts(view, generic, found, rule) for generic in self.generic]
        lead = gather(stated, [("rule", found), *(("labels", each) for each in labelled)], view, rule)
        if lead.missing(rule) or not lead.has_contact:
            return None
        return self._lead(lead, rule, view)

    def _lead_by_block(
        self, view: MailView, rule: MailRule, stated: Sequence[StatedLead], *, named: MailRule
    ) -> MailOutcome | None:
        """The lead in a data block alone, where no layout of the sender is recognised."""
        if not any(each.facts.has_contact for each in stated):
            return None
        labelled = [labelled_facts(view, generic, None, None) for generic in self.generic]
        lead = gather(stated, [("labels", each) for each in labelled], view, rule)
        outcome = self._lead(lead, named, view)
        first = stated[0]
        source = "adf" if named.everything and first.level == "adf" else named.source
        return MailOutcome(
            outcome="lead", source=source, rule=first.level, rule_version=first.version, lead=outcome.lead
        )

    def _rule_named_by(self, stated: Sequence[StatedLead]) -> MailRule:
        """The rule of the source that a data block names; the generic one where it names none that we know."""
        for each in stated:
            called = " ".join((each.source or "").lower().split())
            for rule in self.rules:
                if called and called in rule.called:
                    return rule
        return self.generic[0]

    def _lead(self, lead: LeadFacts, rule: MailRule, view: MailView) -> MailOutcome:
        staged = with_trust(lead.staged(), view, rule, self.mail, self.ours)
        return MailOutcome(outcome="lead", source=rule.source, rule=rule.name, rule_version=rule.version, lead=staged)


def _changed_layout(view: MailView, rules: Sequence[MailRule]) -> MailOutcome:
    for rule in rules:
        if matches(view, rule):
            facts: Facts = read_facts(view, rule)
            missing = [group for group in facts.missing(rule) if not facts.seen & set(group)]
            if missing:
                wanted = "; ".join(" or ".join(group) for group in missing)
                return _changed(rule, f"{wanted} not found")
            return _of(rule, "quarantined", LOOKED_FOR)
    rule = rules[0]
    what = "subject or text" if rule.subject and rule.contains else "subject" if rule.subject else "text"
    return _changed(rule, f"{what} that the rule knows not found")


def _changed(rule: MailRule, what: str) -> MailOutcome:
    return _of(rule, "quarantined", f"layout of {rule.source} changed: {what}")


def matches(view: MailView, rule: MailRule) -> bool:
    """Whether subject and text are as the rule says. The sender is compared before, where it is named."""
    if rule.subject and not any(pattern.search(view.subject) for pattern in rule.subject):
        return False
    return _contains(view, rule.contains)


def _contains(view: MailView, groups: Sequence[Sequence[str]]) -> bool:
    return all(any(text in view.body_text for text in group) for group in groups)


def _not_a_lead(view: MailView, rule: MailRule) -> NotALead | None:
    for each in rule.not_leads:
        if (
            each.is_from(view.senders)
            and (each.subject is None or each.subject.search(view.subject))
            and _contains(view, each.contains)
        ):
            return each
    return None


def _of(rule: MailRule, outcome: Outcome, reason: str) -> MailOutcome:
    return MailOutcome(outcome=outcome, reason=reason, source=rule.source, rule=rule.name, rule_version=rule.version)
