"""Sends an agent a text about a lead, once: after a lost answer the vendor is asked for it first.

What the text says is decided in `domain.agent_messages`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from leadflow_pipeline.domain.agent_messages import write_text
from leadflow_pipeline.domain.errors import PermanentError
from leadflow_pipeline.domain.signed_links import sign_link
from leadflow_pipeline.stages.deliveries import Effect
from leadflow_pipeline.stages.store import Store

LEAD_PAGE = "lead"


class Texts(Protocol):
    """Whoever carries texts."""

    def send_text(self, to: str, body: str) -> str: ...

    def find_text(self, to: str, part: str, since: datetime) -> str | None: ...


@dataclass(frozen=True, kw_only=True)
class TextSender:
    """Sends `sms` effects. `opted_out` is the error by which the carrier says that the agent wants no more texts."""

    store: Store
    texts: Texts
    opted_out: type[PermanentError]
    public_url: str  # where agents reach the receiver

    def send(self, effect: Effect) -> str:
        """Gives the text's sid."""
        lead, agent, key, is_suppressed = self._read(effect)
        phone = agent["phone"] if agent else None
        if not phone:
            raise PermanentError(f"Agent {effect.agent_id} has no phone number to text to.")
        if is_suppressed:
            raise PermanentError(f"Agent {effect.agent_id} has opted out of texts.")
        link = f"{self.public_url}/l/{sign_link(LEAD_PAGE, lead['lead_id'], key)}"
        if effect.may_have_acted:
            there = self.texts.find_text(phone, link, effect.created_at)
            if there is not None:
                return there
        try:
            return self.texts.send_text(phone, write_text(lead, link))
        except self.opted_out:
            with self.store.transaction() as transaction:
                transaction.execute("suppress_address", channel="sms", address=phone, reason="opted_out")
            raise

    def _read(self, effect: Effect) -> tuple[Mapping[str, Any], Mapping[str, Any] | None, bytes, bool]:
        with self.store.transaction() as transaction:
            lead = transaction.row("read_delivery_lead", lead_id=effect.lead_id)
            if lead is None:
                raise PermanentError(f"Lead {effect.lead_id} is no longer there.")
            agent = transaction.row("read_delivery_agent", agent_id=effect.agent_id)
            phone = agent["phone"] if agent else None
            is_suppressed = bool(phone) and transaction.value("is_suppressed", channel="sms", address=phone)
            return lead, agent, bytes(transaction.value("read_link_key")), is_suppressed
