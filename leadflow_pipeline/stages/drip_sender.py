"""Sends a drip mail, at most once. Whether it may go out is looked at again in the moment before it does.

A mail server cannot be asked what it has taken. Where an answer got lost the mail is not repeated: to get a newsletter
twice is worse than to miss one.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from typing import Any, Protocol

from leadflow_pipeline.domain.drip import NIGHT, why_not, zone_of_lead
from leadflow_pipeline.domain.drip_answers import name_mail
from leadflow_pipeline.domain.drip_messages import DripContent, build_message, domain_of
from leadflow_pipeline.domain.errors import PermanentError, TransientError
from leadflow_pipeline.domain.quiet_hours import end_of_quiet
from leadflow_pipeline.domain.signed_links import sign_link
from leadflow_pipeline.stages.deliveries import Effect
from leadflow_pipeline.stages.store import Store

UNSUBSCRIBE = "unsubscribe"


class MailServer(Protocol):
    """Whoever carries mails."""

    def send_mail(self, message: EmailMessage) -> None: ...


class Templates(Protocol):
    """Whoever renders the drip's mails."""

    def render(self, track: str, step: int, facts: Mapping[str, Any]) -> DripContent: ...


@dataclass(frozen=True, kw_only=True)
class DripSender:
    """Sends `drip_mail` effects. `refused` is the error by which the server says that the mailbox takes no mail."""

    store: Store
    server: MailServer
    templates: Templates
    refused: type[PermanentError]
    sender: str
    postal_address: str
    public_url: str
    time_zone: str
    now: Callable[[], datetime] = lambda: datetime.now(UTC)

    def send(self, effect: Effect) -> str:
        """Gives the Message-ID, or why nothing was sent."""
        with self.store.transaction() as transaction:
            lead = transaction.row("read_drip_lead", lead_id=effect.lead_id)
            key = bytes(transaction.value("read_link_key"))
        if lead is None:
            return "not sent: the lead is no longer there"
        obstacle = why_not(lead)
        if obstacle is not None:
            return f"not sent: the person {obstacle}"
        step = int(effect.payload["step"])
        message_id = name_mail(lead["lead_id"], step, domain_of(self.sender), key)
        if effect.may_have_acted:
            return f"{message_id} (no answer came; not repeated)"
        now = self.now()
        allowed_at = end_of_quiet(now, zone_of_lead(lead, self.time_zone), NIGHT)
        if allowed_at > now:
            raise TransientError("It is night where the lead lives.", retry_after=(allowed_at - now).total_seconds())
        self._hand_over(lead, step, message_id, key, now)
        return message_id

    def _hand_over(self, lead: Mapping[str, Any], step: int, message_id: str, key: bytes, now: datetime) -> None:
        unsubscribe = f"{self.public_url}/unsubscribe/{sign_link(UNSUBSCRIBE, lead['lead_id'], key)}"
        facts = {**lead, "unsubscribe": unsubscribe, "postal_address": self.postal_address, "sender": self.sender}
        message = build_message(
            self.templates.render(lead["track"], step, facts),
            sender=self.sender,
            to=lead["email"],
            to_name=lead["full_name"],
            message_id=message_id,
            unsubscribe=unsubscribe,
            now=now,
        )
        try:
            self.server.send_mail(message)
        except self.refused:
            with self.store.transaction() as transaction:
                transaction.execute("suppress_lead", lead_id=lead["lead_id"], reason="bounced")
                transaction.execute("end_sequence", lead_id=lead["lead_id"], end_reason="bounced")
            raise
