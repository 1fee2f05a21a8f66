"""What comes back to the inbox because of a drip mail: a bounce, a complaint, a reply. Read from the raw mail.

Our mails are known by their Message-ID, which is signed: nobody can end somebody else's mails by inventing one.
"""

import re
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import Message

from leadflow_pipeline.domain.signed_links import read_link, sign_link

MARKER = "leadflow-drip."
PURPOSE = "drip"
_TOKEN = re.compile(rb"leadflow-drip\.([0-9]{1,18}-[A-Za-z0-9_-]{12})\.[0-9]{1,3}@")


@dataclass(frozen=True, kw_only=True)
class DripAnswer:
    """An answer to one of our mails."""

    lead_id: int
    end_reason: str  # bounced, unsubscribed (a complaint), replied


def name_mail(lead_id: int, step: int, domain: str, key: bytes) -> str:
    """The Message-ID of a drip mail."""
    return f"<{MARKER}{sign_link(PURPOSE, lead_id, key)}.{step}@{domain}>"


def read_answer(raw: bytes, key: bytes) -> DripAnswer | None:
    """What a mail says about one of ours; None where it says nothing that ends a sequence."""
    lead_id = _find_lead(raw, key)
    if lead_id is None:
        return None
    try:
        mail = message_from_bytes(raw, policy=policy.compat32)
        reason = _judge(mail)
    except (ValueError, LookupError, IndexError, TypeError, AttributeError):  # what the parser raises on broken mails
        return None
    return None if reason is None else DripAnswer(lead_id=lead_id, end_reason=reason)


def _find_lead(raw: bytes, key: bytes) -> int | None:
    for match in _TOKEN.finditer(raw):
        lead_id = read_link(PURPOSE, match[1].decode("ascii"), key)
        if lead_id is not None:
            return lead_id
    return None


def _judge(mail: Message) -> str | None:
    kinds = {part.get_content_type() for part in mail.walk()}
    if "message/feedback-report" in kinds:
        return "unsubscribed"
    if "message/delivery-status" in kinds or mail.get_content_type() == "multipart/report":
        return "bounced" if _has_failed_for_good(mail) else None
    if mail.get("X-Failed-Recipients"):
        return "bounced"
    if str(mail.get("Auto-Submitted", "no")).strip().lower() != "no":
        return None  # an answering machine, or our own mail coming back
    answered = f"{mail.get('In-Reply-To', '')} {mail.get('References', '')}"
    return "replied" if MARKER in answered else None


def _has_failed_for_good(mail: Message) -> bool:
    """Whether a delivery report (RFC 3464) says `failed` with a permanent status (RFC 3463, class 5)."""
    text = "\n".join(
        part.as_string() for part in mail.walk() if part.get_content_type() == "message/delivery-status"
    ).lower()
    return re.search(r"^action:\s*failed", text, re.MULTILINE) is not None and (
        re.search(r"^status:\s*5\.", text, re.MULTILINE) is not None
    )
