"""The settings of outside systems that leads are told to or asked about: keys, addresses, and which of them are on.

Belongs here: one way to find a vendor. `Settings` takes all of it in; nobody else needs to know that it is apart.
"""

import re
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationInfo, field_validator
from pydantic_settings import BaseSettings

from leadflow_pipeline.domain.crm_notices import read_stages

META_GRAPH_URL = "https://graph.facebook.com/v26.0"  # current in 2026-08 (grade C)
SANDBOX_KEY = "sandbox"
CrmName = Literal["followupboss", "hubspot"]


@dataclass(frozen=True, kw_only=True)
class VendorTerms:
    """How a vendor is set: the setting that holds its key, what has to be named beside it, and its own address."""

    key: str
    url: str
    beside: tuple[str, ...] = ()
    sandbox_key: str = SANDBOX_KEY


VENDORS: Mapping[str, VendorTerms] = {
    # Its client takes only keys that look like Google's.
    "google": VendorTerms(key="google_key", url="https://maps.googleapis.com", sandbox_key="AIzaSandbox"),
    "clearbit": VendorTerms(key="clearbit_key", url="https://person.clearbit.com"),
    "pdl": VendorTerms(key="pdl_key", url="https://api.peopledatalabs.com"),
    "followupboss": VendorTerms(key="followupboss_api_key", url="https://api.followupboss.com"),
    "hubspot": VendorTerms(key="hubspot_token", url="https://api.hubapi.com"),
    "twilio": VendorTerms(
        key="twilio_auth_token", url="https://api.twilio.com", beside=("twilio_account_sid", "twilio_from")
    ),
}


@dataclass(frozen=True, kw_only=True, repr=False)
class VendorAccess:
    """Where and how a vendor is called. Its text shows no key."""

    url: str
    key: str
    is_stand_in: bool  # the sandbox's, because nobody has given a key for the real one


class SlackAccount(BaseModel):
    """A Slack app in a workspace."""

    model_config = ConfigDict(frozen=True)

    url: str
    token: SecretStr
    signing_secret: SecretStr
    hot_channel: str


class VendorSettings(BaseSettings):
    """Outside systems, with the defaults of a stack that needs no account."""

    meta_graph_url: str | None = None
    meta_access_token: SecretStr | None = None

    slack_url: str = "https://slack.com/api/"
    slack_bot_token: SecretStr | None = None
    slack_signing_secret: SecretStr | None = None
    slack_hot_channel: str = "hot-leads"

    vendor_timeout_seconds: float = Field(default=8, gt=0, le=8)

    crm: Literal["followupboss", "hubspot", "none"] | None = None
    followupboss_url: str | None = None
    followupboss_api_key: SecretStr | None = None
    followupboss_system_key: SecretStr | None = None
    hubspot_url: str | None = None
    hubspot_token: SecretStr | None = None
    hubspot_client_secret: SecretStr | None = None
    crm_stages: str = ""  # what the brokerage calls its stages, as Met buyer=appointment

    twilio_url: str | None = None
    twilio_account_sid: str | None = None
    twilio_auth_token: SecretStr | None = None
    twilio_from: str | None = None

    llm_provider: Literal["anthropic", "openai"] | None = None
    llm_base_url: str | None = None
    llm_api_key: SecretStr | None = None
    llm_model: str | None = Field(default=None, validate_default=True)
    llm_timeout_seconds: float = Field(default=20, gt=0, le=120)
    llm_dollars_per_million_input: Decimal = Field(default=Decimal(1), ge=0)
    llm_dollars_per_million_output: Decimal = Field(default=Decimal(5), ge=0)
    google_key: SecretStr | None = None
    google_url: str | None = None
    google_keep_days: int = Field(default=30, ge=1, le=30)
    clearbit_key: SecretStr | None = None
    clearbit_url: str | None = None
    pdl_key: SecretStr | None = None
    pdl_url: str | None = None
    pdl_min_likelihood: int = Field(default=6, ge=1, le=10)
    enrichers: str = Field(default="clearbit,pdl", pattern=r"^(none|(clearbit|pdl)(\s*,\s*(clearbit|pdl))*)$")
    people_keep_days: int = Field(default=90, ge=1)
    vendor_seconds: float = Field(default=8, ge=0, le=60)
    vendor_share: float = Field(default=0.1, ge=0, le=1)
    vendor_calls_at_once: int = Field(default=8, ge=1, le=16)

    @field_validator("crm_stages")
    @classmethod
    def understand_stages(cls, text: str) -> str:
        """Pairs of a stage and what it means."""
        read_stages(text)
        return text

    @field_validator("llm_model")
    @classmethod
    def name_a_model(cls, model: str | None, info: ValidationInfo) -> str | None:
        """A provider alone says nothing about what to ask."""
        if info.data.get("llm_provider") and not model:
            raise ValueError("has to name a model, as LEADFLOW_LLM_PROVIDER is set")
        return model

    @field_validator("google_key")
    @classmethod
    def look_like_google_s(cls, key: SecretStr | None) -> SecretStr | None:
        """Google's own client takes no other; better told at the start than by a lead that is late."""
        if key is not None and not key.get_secret_value().startswith("AIza"):
            raise ValueError("a Google API key begins with AIza")
        return key

    @property
    @abstractmethod
    def sandbox(self) -> bool:
        """Whether mail comes from the sandbox's mailbox, and so whether vendors without a key are stand-ins."""

    @property
    @abstractmethod
    def sandbox_url(self) -> str:
        """Where the vendors' stand-ins are; each below its own name."""

    def find_vendor(self, vendor: str) -> VendorAccess | None:
        """How one of `VENDORS` is called; None when it is off.

        On the sandbox a vendor without a key is its stand-in; with a mailbox of one's own it is off.
        """
        terms = VENDORS[vendor]
        key: SecretStr | None = getattr(self, terms.key)
        named: str | None = getattr(self, f"{vendor}_url")
        if key is None:
            stand_in = VendorAccess(
                url=named or f"{self.sandbox_url}/{vendor}", key=terms.sandbox_key, is_stand_in=True
            )
            return stand_in if self.sandbox else None
        if any(getattr(self, name) is None for name in terms.beside):
            return None
        return VendorAccess(url=named or terms.url, key=key.get_secret_value(), is_stand_in=False)

    @property
    def crm_in_use(self) -> CrmName | None:
        """The CRM that leads go into: the one that is named, else the one with a key, else the sandbox's."""
        if self.crm == "none":
            return None
        if self.crm is not None:
            return self.crm if self.find_vendor(self.crm) else None
        named: tuple[CrmName, ...] = ("followupboss", "hubspot")
        with_key = (vendor for vendor in named if getattr(self, VENDORS[vendor].key) is not None)
        return next(with_key, "followupboss" if self.sandbox else None)

    def crm_secrets(self, crm: str) -> tuple[str, ...]:
        """What a CRM signs its webhooks with; two while they are being rotated, none where it cannot prove itself."""
        secret = {"followupboss": self.followupboss_system_key, "hubspot": self.hubspot_client_secret}.get(crm)
        if secret is not None:
            return tuple(list_parts(secret.get_secret_value()))
        found = self.find_vendor(crm) if crm in VENDORS else None
        return (SANDBOX_KEY,) if found and found.is_stand_in else ()

    @property
    def twilio_numbers(self) -> tuple[str, str]:
        """Twilio's account sid, and the number or messaging service that texts come from; where Twilio is on."""
        found = self.find_vendor("twilio")
        if found and found.is_stand_in:
            return "AC00000000000000000000000000000000", "+15005550006"
        return self.twilio_account_sid or "", self.twilio_from or ""

    @property
    def meta_url(self) -> str:
        """Where Meta's Graph API is: the sandbox's stand-in unless the stack is a real one."""
        return self.meta_graph_url or (f"{self.sandbox_url}/meta" if self.sandbox else META_GRAPH_URL)

    def list_enrichers(self) -> tuple[str, ...]:
        """Who is asked about people, in this order, whether configured or not."""
        return () if self.enrichers == "none" else tuple(dict.fromkeys(re.split(r"\s*,\s*", self.enrichers)))

    def slack_account(self) -> SlackAccount | None:
        """The Slack app of this stack: the configured one, on the sandbox else its stand-in, or none."""
        if self.slack_bot_token and self.slack_signing_secret:
            return SlackAccount(
                url=self.slack_url,
                token=self.slack_bot_token,
                signing_secret=self.slack_signing_secret,
                hot_channel=self.slack_hot_channel,
            )
        if not self.sandbox or self.slack_bot_token or self.slack_signing_secret:
            return None
        return SlackAccount(
            url=f"{self.sandbox_url}/slack/api/",
            token=SecretStr("xoxb-sandbox"),
            signing_secret=SecretStr("sandbox-signing-secret"),
            hot_channel="C0HOTLEADS",
        )


def list_parts(text: str) -> list[str]:
    """What a setting names with commas between, each once."""
    return list(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
