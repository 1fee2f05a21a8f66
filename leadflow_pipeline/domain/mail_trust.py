"""Whether a mail is from whom it says: `Authentication-Results` of our own receiving host (RFC 8601).

Anyone can forge a hot lead. A mail that fails is taken in and marked; what a mark costs is decided by the score.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Literal

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


def with_trust(lead: StagedLead, view: MailView, rule: MailRule, authserv_id: str | None) -> StagedLead:
    """The lead with `authentication`; with `suspected_forgery` where a mail claims a portal and fails."""
    claimed = next((each for each in view.senders if rule.names_senders and rule.claims([each])), None)
    result: Authentication = "none"
    # What somebody forwarded by hand is signed by nobody we could ask.
    if not view.forwarded:
        result = authentication(view.mail, claimed or (view.senders[0] if view.senders else None), authserv_id)
    marks = {"suspected_forgery": True} if result == "fail" and claimed else {}
    return replace(lead, extra={**lead.extra, "authentication": result, **marks})


def authentication(mail: MailMessage, sender: str | None, authserv_id: str | None) -> Authentication:
    """Whether the sender's domain stands behind the mail, as our own receiving host saw it."""
    results = _results_of(mail, authserv_id)
    if results is None or sender is None:
        return "none"
    domain = sender.rpartition("@")[2]
    judged = [(method, verdict, _is_aligned(properties, domain)) for method, verdict, properties in results]
    if any(verdict == "pass" and aligned for method, verdict, aligned in judged):
        return "pass"
    return "fail" if any(verdict in _REFUSALS or verdict == "pass" for _, verdict, _ in judged) else "none"


def _results_of(mail: MailMessage, authserv_id: str | None) -> list[tuple[str, str, dict[str, str]]] | None:
    """The results of the believed host's own header. It writes above all others, so a later one may be forged."""
    for value in mail.headers.get("authentication-results", ()) if authserv_id else ():
        parts = _COMMENT.sub(" ", _COMMENT.sub(" ", value)).split(";")
        if authserv_id and (parts[0].split() or [""])[0].lower() == authserv_id.lower():
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
