"""What an effect on the outside world is before it is queued, and which vendor it speaks to.

Which effects a lead causes is decided in the modules that know the cause (`lead_effects`, `drip`); how one is carried
out is its sender's business.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

VENDORS = {
    "crm_contact": "crm",
    "crm_owner": "crm",
    "crm_note": "crm",
    "crm_task": "crm",
    "crm_facts": "crm",
    "crm_notice": "crm",
    "sms": "twilio",
    "slack_card": "slack",
    "slack_card_update": "slack",
    "slack_message": "slack",
    "ops_alert": "slack",
    "drip_mail": "smtp",
    "alert_mail": "smtp",
}


@dataclass(frozen=True, kw_only=True)
class NewEffect:
    """An effect to be queued."""

    idempotency_key: str  # kind and cause, for example sms:assigned:17
    kind: str
    lead_id: int | None = None
    agent_id: str | None = None
    payload: Mapping[str, Any] = field(default_factory=dict)  # ids and decisions, never a lead's own words
    due_at: datetime | None = None  # not before this; None: at once
    after_key: str | None = None  # the effect that has to be sent first
