"""Mails of senders that no rule knows: labels of a form first, then free text, and when these make a lead."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from leadflow_pipeline.domain import mail_words as words
from leadflow_pipeline.domain.generic_mail import FREE_MAIL_DOMAINS, Prose, person_of, read_prose
from leadflow_pipeline.domain.mail_facts import Facts, read_facts
from leadflow_pipeline.domain.mail_leads import LeadFacts, gather, with_sender
from leadflow_pipeline.domain.mail_rules import MailRule, is_in_domains
from leadflow_pipeline.domain.mail_views import MailView

LOOKED_FOR = "no contact method found: looked for an e-mail address, a relay address and a phone number"
_NO_INQUIRY = "no sign of an inquiry: a contact was found, but no wish or question about a home"


def form_facts(views: Sequence[MailView], rule: MailRule) -> tuple[LeadFacts, MailView] | None:
    """A lead under labels that even a bulk mail's footer does not have: a person's name and a way to reach them."""
    for view in views:
        facts = read_facts(view, rule)
        if "name" in facts.values and _is_form(facts, at_least=3) and not _is_footer(facts, view):
            return gather([], [("labels", facts)], view, rule), view
    return None


def announced_facts(views: Sequence[MailView], rule: MailRule) -> tuple[LeadFacts, MailView] | None:
    """A lead that the subject of a machine's mail announces, with a stranger's address or number in the text."""
    for view in views:
        if rule.prose and words.ANNOUNCED_LEAD.search(view.subject):
            facts = read_prose(view, rule).facts
            if any(facts.origins.get(fact) == "text" for fact in ("email", "phone")):
                return gather([], [("prose", facts)], view, rule), view
    return None


def unknown_facts(view: MailView, rule: MailRule) -> tuple[LeadFacts | None, str]:
    """The lead of a mail that only the generic rule reads, or why there is none."""
    labelled = read_facts(view, rule)
    if _is_form(labelled, at_least=2):
        return gather([], [("labels", _with_person(labelled, view, rule))], view, rule), ""
    if not rule.prose:
        return None, LOOKED_FOR
    prose = read_prose(view, rule)
    # A label in free text says more than the text around it.
    beside = replace(labelled, values=_without_message(labelled.values), origins=_without_message(labelled.origins))
    lead = gather([], [("labels", beside), ("prose", prose.facts)], view, rule)
    if not lead.has_contact:
        return None, f"{LOOKED_FOR} in labels, text, Reply-To and From"
    if not _is_wanted(prose) and not ("message" in labelled.values and _is_form(labelled, at_least=1)):
        return None, _NO_INQUIRY
    return lead, ""


def _is_wanted(prose: Prose) -> bool:
    return prose.announced or (prose.inquiry and prose.from_person)


def _is_form(facts: Facts, *, at_least: int) -> bool:
    """Whether the labels belong to a form: a way to reach somebody and other facts beside it."""
    labels = {
        origin for fact, origin in facts.origins.items() if origin.startswith("label ") and fact != "property_url"
    }
    return facts.has_contact and len(labels) >= at_least


def _is_footer(facts: Facts, view: MailView) -> bool:
    """Whether the address found is the sender's own: contact details in a footer."""
    address = facts.values.get("email", "")
    domains = {sender.rpartition("@")[2] for sender in view.senders}
    return address in view.senders or (bool(address) and address.rpartition("@")[2] in domains)


def _without_message(found: Mapping[str, str]) -> dict[str, str]:
    return {fact: text for fact, text in found.items() if fact != "message"}


def _with_person(facts: Facts, view: MailView, rule: MailRule) -> Facts:
    """A form's facts, completed by the person whom the mail can be answered to, where it gives no address."""
    person, name = person_of(view, rule)
    if not person or facts.values.keys() & {"email", "relay_email"}:
        return facts
    if person != view.reply_to and person.rpartition("@")[2] not in FREE_MAIL_DOMAINS:
        return facts  # the site's own mailbox, as far as anybody can tell
    kind = "relay_email" if is_in_domains(person, rule.relay_domains, subdomains=True) else "email"
    return with_sender(facts, kind, person, "header reply-to" if person == view.reply_to else "header from", name)
