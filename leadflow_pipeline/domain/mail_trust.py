"""Whether a mail is from whom it says: `Authentication-Results` of our own receiving host (RFC 8601).

Anyone can forge a hot lead. A mail that fails is taken in and marked; what a mark costs is decided by the score.
Only what our host wrote on the mail itself counts: what is forwarded inside a mail is as good as its forwarder.
"""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from typing import Literal

from leadflow_pipeline.domain.generic_mail import FREE_MAIL_DOMAINS
from leadflow_pipeline.domain.mail_message import MailMessage
from leadflow_pipeline.domain.mail_rules import MailRule
from leadflow_pipeline.domain.mail_views import MailView
from leadflow_pipeline.domain.staged_leads import StagedLead

Authentication = Literal["pass", "fail", "none"]

_COMMENT = re.compile(r"\([^()]*\)")
_RESULT = re.compile(r"^\s*(dmarc|dkim|spf|arc)\s*(?:/\s*\d+\s*)?=\s*(\w+)(.*)$", re.IGNORECASE | re.DOTALL)
_PROPERTY = re.compile(r"\b(header\.(?:from|d|i)|smtp\.mailfrom|envelope-from)\s*=\s*\"?([^\s;\"]+)", re.IGNORECASE)
_REFUSALS = frozenset({"fail", "softfail", "permerror", "none", "neutral", "policy"})
_NOBODYS_DOMAINS = frozenset({"com", "net", "org", "edu", "gov", "io", "co", "info", "co.uk", "com.mx", "com.au"})


@dataclass(frozen=True, kw_only=True)
class OurMail:
    """Who we are in mail: the addresses we send from, and the receiving hosts whose findings are believed."""

    addresses: frozenset[str] = frozenset()  # in lower case
    hosts: frozenset[str] = frozenset()  # as they name themselves in `Authentication-Results`, in lower case

    def includes(self, address: str | None) -> bool:
        """Whether it is one of our addresses, or of a colleague at a domain of ours."""
        domain = (address or "").rpartition("@")[2]
        ours = {each.rpartition("@")[2] for each in self.addresses} - FREE_MAIL_DOMAINS
        return address in self.addresses or domain in ours


NOBODY = OurMail()


def with_trust(lead: StagedLead, view: MailView, rule: MailRule, mail: MailMessage, ours: OurMail) -> StagedLead:
    """The lead with `authentication`; with `suspected_forgery` where the mail claims a portal and cannot prove it.

    `rule` is the rule of the source that the lead is said to be from; `view` is `mail` or a mail forwarded in it.
    """
    claimed = next((each for each in view.senders if rule.names_senders and rule.claims([each])), None)
    is_forwarded = view.forwarded or view.mail is not mail
    sender = mail.from_address if is_forwarded else claimed or next(iter(view.senders), None)
    result = authentication(mail, sender, ours.hosts)
    if result == "fail" and sender != mail.from_address and ours.includes(mail.from_address):
        result = authentication(mail, mail.from_address, ours.hosts)  # a group of ours passed it on
        is_forwarded = is_forwarded or result == "pass"
    is_proven = result == "pass" and (ours.includes(mail.from_address) if is_forwarded else claimed is not None)
    is_forgery = rule.names_senders and result != "none" and not is_proven
    marks = {"suspected_forgery": True} if is_forgery else {}
    return replace(lead, extra={**lead.extra, "authentication": result, **marks})


def authentication(mail: MailMessage, sender: str | None, hosts: Collection[str]) -> Authentication:
    """Whether the sender's domain stands behind the mail, as our own receiving host saw it."""
    results = _results_of(mail, hosts)
    if results is None or sender is None:
        return "none"
    domain = sender.rpartition("@")[2]
    judged = [(method, verdict, _is_aligned(properties, domain)) for method, verdict, properties in results]
    if any(verdict == "pass" and aligned for method, verdict, aligned in judged):
        return "pass"
    return "fail" if any(verdict in _REFUSALS or verdict == "pass" for _, verdict, _ in judged) else "none"


def _results_of(mail: MailMessage, hosts: Collection[str]) -> list[tuple[str, str, dict[str, str]]] | None:
    """The results of a believed host's own header. It writes above all others, so a later one may be forged."""
    for value in mail.headers.get("authentication-results", ()) if hosts else ():
        parts = _COMMENT.sub(" ", _COMMENT.sub(" ", value)).split(";")
        if (parts[0].split() or [""])[0].lower() in hosts:
            return list(_each_result(parts[1:]))
    return None


def _each_result(parts: list[str]) -> Iterator[tuple[str, str, dict[str, str]]]:
    for part in parts:
        match = _RESULT.match(part)
        if match and match[1].lower() != "arc":
            properties = {name.lower(): value.lower() for name, value in _PROPERTY.findall(match[3])}
            yield match[1].lower(), match[2].lower(), properties


def _is_aligned(properties: dict[str, str], domain: str) -> bool:
    """Whether a result speaks of the sender's domain, or of one above or below it."""
    for value in properties.values():
        other = value.rpartition("@")[2]
        if other == domain or other.endswith("." + domain):
            return True
        if domain.endswith("." + other) and other not in _NOBODYS_DOMAINS:
            return True
    return False
