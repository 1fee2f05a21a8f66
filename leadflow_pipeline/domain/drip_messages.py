"""A drip mail as it goes out: headers that name it as ours, as automatic, and as easy to end; text beside HTML.

What the mail says comes rendered; here nothing is templated. Headers take no line break: `EmailMessage` refuses them.
"""

from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr

from leadflow_pipeline.domain.plain_text import clean_line


@dataclass(frozen=True, kw_only=True)
class DripContent:
    """The rendered parts of a mail."""

    subject: str
    text: str
    html: str


def build_message(
    content: DripContent, *, sender: str, to: str, to_name: str | None, message_id: str, unsubscribe: str, now: datetime
) -> EmailMessage:
    """The mail. `sender` is `Name <address>`; `unsubscribe` the address for RFC 8058's one click."""
    message = EmailMessage(policy=SMTP)
    name, address = parseaddr(sender)
    message["From"] = Address(display_name=name, addr_spec=address)
    message["To"] = Address(display_name=clean_line(to_name, 80), addr_spec=to)
    message["Subject"] = clean_line(content.subject, 150)
    message["Date"] = format_datetime(now)
    message["Message-ID"] = message_id
    message["List-Unsubscribe"] = f"<{unsubscribe}>"
    message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    message["Auto-Submitted"] = "auto-generated"
    message["Precedence"] = "bulk"
    message.set_content(content.text)
    message.add_alternative(content.html, subtype="html")
    return message


def domain_of(sender: str) -> str:
    """The domain of `Name <address>`."""
    return parseaddr(sender)[1].rpartition("@")[2] or "localhost"
