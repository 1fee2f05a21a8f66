"""The mail as rules see it: who sent it, its lines, its links; and what is forwarded in it, by hand or attached."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property

from leadflow_pipeline.domain.mail_characters import addresses_in
from leadflow_pipeline.domain.mail_message import MailMessage
from leadflow_pipeline.domain.mail_quotes import forwarded_mail
from leadflow_pipeline.domain.mail_rules import MailRule, is_in_domains
from leadflow_pipeline.domain.mail_text import Link, VisibleText, read_html, read_plain

_FORWARDS_LIMIT = 4
# Kept apart from `from_address`: who wrote the mail before a program passed it on (trap 9).
_ORIGINAL_SENDER_HEADERS = ("x-original-from", "x-original-sender", "x-forwarded-from", "resent-from")


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
        html_part=VisibleText(lines=page.lines, links=_below(view.page, len(page.lines))) if page else None,
    )


def _below(page: VisibleText, kept: int) -> tuple[Link, ...]:
    """The links of the last `kept` lines, counted from there."""
    cut = len(page.lines) - kept
    return tuple(replace(link, line=link.line - cut) for link in page.links if link.line >= cut)
