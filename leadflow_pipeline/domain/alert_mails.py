"""How an alert reads as a mail, and the mail itself: plain text, marked as automatic, so that no inbox answers it.

The words are those of the alert; `domain.alerts` says what is worth one.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from leadflow_pipeline.domain.alerts import Alert
from leadflow_pipeline.domain.drip_messages import domain_of
from leadflow_pipeline.domain.plain_text import clean_line


@dataclass(frozen=True, kw_only=True)
class AlertMail:
    """What a mail says."""

    subject: str
    text: str


def describe_alert_mail(alert: Alert) -> AlertMail:
    """The beginning of an alert, or its end."""
    kind = alert.kind.replace("_", " ")
    since = f"Since {alert.first_seen_at:%Y-%m-%d %H:%M:%S %Z}"
    until = f", over at {alert.resolved_at:%Y-%m-%d %H:%M:%S %Z}" if alert.resolved_at else ", and it lasts"
    links = [f"Run: {alert.run_url}"] if alert.run_url else []
    return AlertMail(
        subject=f"leadflow {'over' if alert.resolved_at else 'alert'}: {kind}",
        text="\n".join([alert.text, "", f"{since}{until}.", *links, f"What to do: {alert.runbook}"]),
    )


def build_alert_mail(mail: AlertMail, *, sender: str, to: str, key: str, now: datetime) -> EmailMessage:
    """The mail. The same `key` gives the same Message-ID, by which a mail program knows a repeat."""
    message = EmailMessage(policy=SMTP)
    message["From"] = sender
    message["To"] = to
    message["Subject"] = clean_line(mail.subject, 150)
    message["Date"] = format_datetime(now)
    message["Message-ID"] = f"<leadflow-alert.{hashlib.sha256(key.encode()).hexdigest()[:32]}@{domain_of(sender)}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(mail.text)
    return message
