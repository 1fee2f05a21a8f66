"""Alerts by mail: when they begin and when they are over, for people who do not look into Slack.

What a mail says is decided in `domain.alert_mails`. A mail cannot be changed as a message can: so what has changed
since the last one is told as it stands when the mail goes out, and the next mail about the same cause waits a while.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from typing import Protocol

from leadflow_pipeline.domain.alert_mails import AlertMail, build_alert_mail, describe_alert_mail
from leadflow_pipeline.stages.alerts import Links
from leadflow_pipeline.stages.deliveries import Effect
from leadflow_pipeline.stages.store import Store

PACE_SECONDS = 600  # between two mails about one alert
QUEUE_AGAIN_SECONDS = 600  # when the effect that was to tell it was given up
TEXT_HOURS = 24  # alerts that are only a text and older than this are no news


class MailServer(Protocol):
    """Whoever carries mails. Raises our two kinds of error."""

    def send_mail(self, message: EmailMessage) -> None: ...


def queue_alert_mails(store: Store) -> None:
    """Queue a mail for every alert that began or ended since its last mail."""
    with store.transaction() as transaction:
        transaction.execute("queue_alert_mails", pace_seconds=PACE_SECONDS, again_seconds=QUEUE_AGAIN_SECONDS)
        transaction.execute("queue_text_mails", hours=TEXT_HOURS)


@dataclass(frozen=True, kw_only=True)
class AlertMailSender:
    """Sends `alert_mail` effects.

    A mail whose end nobody saw is sent again, under the same Message-ID: an alert that comes twice is better than none.
    """

    store: Store
    server: MailServer
    sender: str
    to: str
    links: Links

    def send(self, effect: Effect) -> str | None:
        """Gives the Message-ID; None when there is nothing new to tell."""
        if "alert_id" not in effect.payload:
            return self._hand_over(effect, AlertMail(subject="leadflow alert", text=str(effect.payload["text"])))
        alert_id = effect.payload["alert_id"]
        with self.store.transaction() as transaction:
            row = transaction.row("read_alert", alert_id=alert_id)
        if row is None:
            return None
        state = "over" if row["resolved_at"] else "lasting"
        if row["mailed_as"] == state:
            return None
        message_id = self._hand_over(effect, describe_alert_mail(self.links.tell(row)))
        with self.store.transaction() as transaction:
            transaction.execute("note_alert_mailed", alert_id=alert_id, mailed_as=state)
        return message_id

    def _hand_over(self, effect: Effect, mail: AlertMail) -> str:
        message = build_alert_mail(
            mail, sender=self.sender, to=self.to, key=effect.idempotency_key, now=datetime.now(UTC)
        )
        self.server.send_mail(message)
        return str(message["Message-ID"])
