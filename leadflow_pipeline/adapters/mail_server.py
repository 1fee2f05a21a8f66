"""A mail server that takes our mails: SMTP with STARTTLS (RFC 3207), by the standard library.

Codes of RFC 5321: 4yz can be tried again, 5yz cannot. What is lost after the mail's text was sent may have arrived.
"""

import smtplib
import ssl
from dataclasses import dataclass
from email.message import EmailMessage
from typing import Literal

from leadflow_pipeline.adapters.vendor_calls import REFUSED_KEY_SECONDS
from leadflow_pipeline.domain.errors import PermanentError, TransientError


class MailboxRefusedError(PermanentError):
    """The recipient's mailbox takes no mail, for good."""


@dataclass(frozen=True, kw_only=True)
class SmtpServer:
    """Sends through one server; each mail has a connection of its own."""

    host: str
    port: int
    security: Literal["starttls", "tls", "none"] = "starttls"
    user: str | None = None
    password: str | None = None
    seconds: float = 8.0
    ca_file: str | None = None  # for a server whose certificate no public authority has signed

    def send_mail(self, message: EmailMessage) -> None:
        """Hand a mail over. Raises `MailboxRefusedError` where the recipient takes none."""
        try:
            connection = self._connect()
        except smtplib.SMTPAuthenticationError as error:
            raise TransientError(
                f"The mail server {self.host} refuses our log-in ({error.smtp_code}).", retry_after=REFUSED_KEY_SECONDS
            ) from error
        except (OSError, smtplib.SMTPException) as error:
            raise TransientError(f"The mail server {self.host} cannot be reached ({type(error).__name__}).") from error
        try:
            connection.send_message(message)
        except smtplib.SMTPRecipientsRefused as error:
            code = next(iter(error.recipients.values()))[0]
            if code >= 500:
                raise MailboxRefusedError(f"The mailbox takes no mail (SMTP {code}).") from error
            raise TransientError(f"The mailbox takes no mail now (SMTP {code}).", retry_after=600) from error
        except smtplib.SMTPResponseException as error:
            if error.smtp_code >= 500:
                raise PermanentError(f"The mail server refused the mail (SMTP {error.smtp_code}).") from error
            raise TransientError(
                f"The mail server is busy (SMTP {error.smtp_code}).", retry_after=60, may_have_acted=error.smtp_code < 0
            ) from error
        except smtplib.SMTPNotSupportedError as error:
            raise PermanentError("The mail server cannot carry this address (SMTPUTF8).") from error
        except (OSError, smtplib.SMTPException) as error:
            raise TransientError("The mail server gave no answer to a mail.", may_have_acted=True) from error
        finally:
            connection.close()

    def _connect(self) -> smtplib.SMTP:
        context = ssl.create_default_context(cafile=self.ca_file)
        if self.security == "tls":
            connection: smtplib.SMTP = smtplib.SMTP_SSL(self.host, self.port, timeout=self.seconds, context=context)
        else:
            connection = smtplib.SMTP(self.host, self.port, timeout=self.seconds)
        try:
            if self.security == "starttls":
                connection.starttls(context=context)
            if self.user:
                connection.login(self.user, self.password or "")
        except BaseException:
            connection.close()
            raise
        return connection
