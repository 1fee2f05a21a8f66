"""What becomes of a mail: a lead, ignored, or quarantined, and why. The one door from raw bytes to a decision.

Order: certain non-leads, the known sender's rule, rules that know a layout by its words, likely non-leads,
the generic rule. In doubt a mail is quarantined, as a lost lead costs more than a look at a mail.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from leadflow_pipeline.domain import mail_words as words
from leadflow_pipeline.domain.generic_mail import FREE_MAIL_DOMAINS, person_of, prose_phone, read_prose
from leadflow_pipeline.domain.mail_facts import Facts, MailView, is_own_address, read_facts, views_of
from leadflow_pipeline.domain.mail_filters import Filtered, filter_mail
from leadflow_pipeline.domain.mail_message import MailMessage, addresses_in, read_mail
from leadflow_pipeline.domain.mail_rules import MailRule, NotALead, is_in_domains
from leadflow_pipeline.domain.staged_leads import StagedLead

Outcome = Literal["lead", "ignored", "quarantined"]

_LOOKED_FOR = "no contact method found: looked for an e-mail address, a relay address and a phone number"


@dataclass(frozen=True, kw_only=True)
class MailOutcome:
    """The decision about one mail. A reason never holds text of the mail, so that reasons can be counted."""

    outcome: Outcome
    reason: str | None = None  # why it is no lead; None for a lead
    source: str | None = None  # the rule's source; None for a mail ignored before any rule
    rule: str | None = None
    rule_version: int | None = None
    lead: StagedLead | None = None


def judge_mail(raw: bytes, rules: Sequence[MailRule]) -> MailOutcome:
    """What becomes of the mail in `raw`. Never raises on any bytes."""
    return judge_message(read_mail(raw), rules)


def judge_message(mail: MailMessage, rules: Sequence[MailRule]) -> MailOutcome:
    """What becomes of a mail that is already read."""
    if mail.is_empty:
        return MailOutcome(outcome="quarantined", reason="empty mail: no subject and no text")
    filtered = filter_mail(mail)
    if filtered is not None and filtered.certain:
        return MailOutcome(outcome="ignored", reason=filtered.reason)
    views = views_of(mail)
    known = _by_known_sender(views, [rule for rule in rules if rule.names_senders], filtered)
    if known is not None:
        return known
    by_words = [rule for rule in rules if not rule.names_senders and not rule.everything]
    for rule in by_words:
        for view in reversed(views):
            found = _lead_by(view, rule)
            if found is not None:
                return found
    generic = [rule for rule in rules if rule.everything]
    if filtered is not None:
        for rule in generic:
            found = _form_lead(views, rule) or _announced_lead(views, rule)
            if found is not None:
                return found
        return MailOutcome(outcome="ignored", reason=filtered.reason)
    if not generic:
        return MailOutcome(outcome="quarantined", reason="no rule reads this mail")
    outcomes = [_generic_outcome(views, rule) for rule in generic]
    recognised = [_of(rule, "quarantined", _LOOKED_FOR) for rule in by_words if _matches(views[0], rule)]
    return next((each for each in outcomes if each.outcome == "lead"), [*recognised, *outcomes][0])


def _by_known_sender(
    views: Sequence[MailView], rules: Sequence[MailRule], filtered: Filtered | None
) -> MailOutcome | None:
    """What the rules of the mail's sender make of it; None where no rule claims the sender.

    The innermost forwarded mail comes first. A claimed mail is never left to the generic rule: a changed
    layout would go unseen.
    """
    for view in reversed(views):
        claiming = [rule for rule in rules if rule.claims(view.senders)]
        for rule in claiming:
            not_lead = _not_a_lead(view, rule)
            if not_lead is not None:
                return _of(rule, "ignored", not_lead.reason)
        failures = []
        for rule in claiming:
            found = _lead_by(view, rule)
            if found is not None:
                return found
            failures.append((rule, view))
        if failures:
            if filtered is not None and filtered.reason.startswith("security code"):
                return _of(failures[0][0], "ignored", filtered.reason)
            return _changed_layout(failures)
    return None


def _changed_layout(failures: Sequence[tuple[MailRule, MailView]]) -> MailOutcome:
    for rule, view in failures:
        if _matches(view, rule):
            facts = read_facts(view, rule)
            missing = [group for group in facts.missing(rule) if not facts.seen & set(group)]
            if missing:
                wanted = "; ".join(" or ".join(group) for group in missing)
                return _of(rule, "quarantined", f"layout of {rule.source} changed: {wanted} not found")
            return _of(rule, "quarantined", _LOOKED_FOR)
    rule = failures[0][0]
    what = "subject or text" if rule.subject and rule.contains else "subject" if rule.subject else "text"
    return _of(rule, "quarantined", f"layout of {rule.source} changed: {what} that the rule knows not found")


def _lead_by(view: MailView, rule: MailRule) -> MailOutcome | None:
    """The lead that a source's rule reads; None where the rule does not match or a required fact is missing."""
    if not _matches(view, rule):
        return None
    facts = _with_message_facts(read_facts(view, rule), view, rule)
    if facts.missing(rule) or not facts.has_contact:
        return None
    return _lead(facts, rule)


def _matches(view: MailView, rule: MailRule) -> bool:
    """Whether subject and text are as the rule says. The sender is compared before, where it is named."""
    if rule.subject and not any(pattern.search(view.subject) for pattern in rule.subject):
        return False
    return _contains(view, rule.contains)


def _contains(view: MailView, groups: Sequence[Sequence[str]]) -> bool:
    return all(any(text in view.body_text for text in group) for group in groups)


def _not_a_lead(view: MailView, rule: MailRule) -> NotALead | None:
    for each in rule.not_leads:
        if (each.subject is None or each.subject.search(view.subject)) and _contains(view, each.contains):
            return each
    return None


def _with_message_facts(facts: Facts, view: MailView, rule: MailRule) -> Facts:
    """The facts, completed by a number or address that the person typed into the message."""
    message = facts.values.get("message")
    if not message or {"phone", "email"} <= facts.values.keys():
        return facts
    values, origins = dict(facts.values), dict(facts.origins)
    if "phone" not in values and (phone := prose_phone(message)):
        values["phone"], origins["phone"] = phone, "message"
    if "email" not in values:
        for address in addresses_in(message):
            if not is_own_address(address, rule, view.recipients):
                is_relay = is_in_domains(address, rule.relay_domains, subdomains=True)
                values.setdefault("relay_email" if is_relay else "email", address)
                origins.setdefault("relay_email" if is_relay else "email", "message")
    return Facts(values=values, origins=origins, extra=facts.extra, seen=facts.seen)


def _form_lead(views: Sequence[MailView], rule: MailRule) -> MailOutcome | None:
    """A lead under labels that even a bulk mail's footer does not have: a person's name and a way to reach them."""
    for view in reversed(views):
        facts = read_facts(view, rule)
        if "name" in facts.values and _is_form(facts, at_least=3) and not _is_footer(facts, view):
            return _lead(_with_message_facts(facts, view, rule), rule)
    return None


def _announced_lead(views: Sequence[MailView], rule: MailRule) -> MailOutcome | None:
    """A lead that the subject of a machine's mail announces, with a stranger's address or number in the text."""
    for view in reversed(views):
        if rule.prose and words.ANNOUNCED_LEAD.search(view.subject):
            facts = read_prose(view, rule).facts
            if any(facts.origins.get(fact) == "text" for fact in ("email", "phone")):
                return _lead(facts, rule)
    return None


def _is_form(facts: Facts, *, at_least: int) -> bool:
    """Whether the labels belong to a form: a way to reach somebody and other facts beside it."""
    labelled = {fact for fact, origin in facts.origins.items() if origin.startswith("label ")}
    return facts.has_contact and len(labelled - {"property_url"}) >= at_least


def _is_footer(facts: Facts, view: MailView) -> bool:
    """Whether the address found is the sender's own: contact details in a footer."""
    address = facts.values.get("email", "")
    domains = {sender.rpartition("@")[2] for sender in view.senders}
    return address in view.senders or (bool(address) and address.rpartition("@")[2] in domains)


def _generic_outcome(views: Sequence[MailView], rule: MailRule) -> MailOutcome:
    """What the generic rule makes of a mail: labels first, then free text; what was forwarded before the cover."""
    outcomes = [_generic_view(view, rule) for view in reversed(views)]
    return next((each for each in outcomes if each.outcome == "lead"), outcomes[-1])


def _generic_view(view: MailView, rule: MailRule) -> MailOutcome:
    labelled = read_facts(view, rule)
    if _is_form(labelled, at_least=2):
        return _lead(_with_sender(_with_message_facts(labelled, view, rule), view, rule), rule)
    if not rule.prose:
        return _of(rule, "quarantined", _LOOKED_FOR)
    prose = read_prose(view, rule)
    # A label in free text says more than the text around it.
    facts = Facts(
        values={**prose.facts.values, **_without_message(labelled.values)},
        origins={**prose.facts.origins, **_without_message(labelled.origins)},
        extra=labelled.extra,
    )
    is_inquiry = prose.announced or (prose.inquiry and prose.from_person)
    if not facts.has_contact:
        return _of(rule, "quarantined", f"{_LOOKED_FOR} in labels, text, Reply-To and From")
    if not is_inquiry and not ("message" in labelled.values and _is_form(labelled, at_least=1)):
        return _of(
            rule, "quarantined", "no sign of an inquiry: a contact was found, but no wish or question about a home"
        )
    return _lead(facts, rule)


def _without_message(found: Mapping[str, str]) -> dict[str, str]:
    return {fact: text for fact, text in found.items() if fact != "message"}


def _with_sender(facts: Facts, view: MailView, rule: MailRule) -> Facts:
    """A form's facts, completed by the person whom the mail can be answered to, where it gives no address."""
    person, name = person_of(view, rule)
    if not person or facts.values.keys() & {"email", "relay_email"}:
        return facts
    if person != view.reply_to and person.rpartition("@")[2] not in FREE_MAIL_DOMAINS:
        return facts  # the site's own mailbox, as far as anybody can tell
    kind = "relay_email" if is_in_domains(person, rule.relay_domains, subdomains=True) else "email"
    origin = "header reply-to" if person == view.reply_to else "header from"
    values, origins = {**facts.values, kind: person}, {**facts.origins, kind: origin}
    if name and "name" not in values:
        values["name"], origins["name"] = name, origin
    return Facts(values=values, origins=origins, extra=facts.extra, seen=facts.seen)


def _lead(facts: Facts, rule: MailRule) -> MailOutcome:
    lead = StagedLead(**facts.values, origins=dict(facts.origins), extra=dict(facts.extra))
    return MailOutcome(outcome="lead", source=rule.source, rule=rule.name, rule_version=rule.version, lead=lead)


def _of(rule: MailRule, outcome: Outcome, reason: str) -> MailOutcome:
    return MailOutcome(outcome=outcome, reason=reason, source=rule.source, rule=rule.name, rule_version=rule.version)
