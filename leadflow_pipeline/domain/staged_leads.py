"""What a source said about one lead, as it said it: the row of `leads.staged_leads`.

Every source (mail rule, form adapter) ends in a `StagedLead`. Values are text as found, free of
mark-up and control characters; cleaning them is the work of `normalized_leads`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, kw_only=True)
class StagedLead:
    """One lead as its source wrote it. An absent fact is None, never an empty string or a placeholder."""

    name: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    email: str | None = None
    relay_email: str | None = None  # reaches the person through the portal; never enriched, never merged on
    phone: str | None = None
    address: str | None = None  # where the person lives, not the property
    message: str | None = None
    budget: str | None = None
    lead_type: str | None = None  # buyer, seller or renter, where the source says so
    timeframe: str | None = None
    property_address: str | None = None
    property_mls_id: str | None = None
    property_price: str | None = None
    property_url: str | None = None
    origins: Mapping[str, str] = field(default_factory=dict)  # field name → what gave it, e.g. "label Phone Number"
    extra: Mapping[str, Any] = field(default_factory=dict)  # what the source said beyond these fields

    @property
    def has_contact(self) -> bool:
        """Whether there is any way to reach the person."""
        return bool(self.email or self.relay_email or self.phone)
