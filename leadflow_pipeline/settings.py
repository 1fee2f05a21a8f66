"""All settings, typed: the only reader of the environment outside Dagster's resources.

Values come from the environment and from `.env` beside the code; `.env.example` lists every one of them.
"""

import functools
import os
import re
from datetime import time
from decimal import Decimal
from email.utils import parseaddr
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import available_timezones

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

from leadflow_pipeline.domain.errors import PermanentError
from leadflow_pipeline.domain.lead_effects import Channels

CHECKOUT = Path(__file__).resolve().parents[1]

META_GRAPH_URL = "https://graph.facebook.com/v26.0"  # current in 2026-08 (grade C)
GOOGLE_TOKEN_URL = "https://oauth2.googleapis.com/token"
# How Gmail names itself in Authentication-Results (general knowledge, unconfirmed); LEADFLOW_AUTHSERV_ID wins.
GMAIL_HOST, GMAIL_AUTHSERV_ID = "imap.gmail.com", "mx.google.com"

Port = Annotated[int, Field(ge=1, le=65535)]

SENDER = re.compile(r"[^<>\r\n]*<[^<>@\s]+@[^<>@\s]+>|[^<>@\s]+@[^<>@\s]+")
VENDOR_KEYS = {"followupboss": "followupboss_api_key", "hubspot": "hubspot_token", "twilio": "twilio_auth_token"}


class MailboxSettings(BaseModel):
    """A mailbox: the LEADFLOW_IMAP_ variables, or an entry of LEADFLOW_MAILBOXES with their names in small letters."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: str
    port: Port | None = None
    security: Literal["tls", "none"] = "tls"
    user: str | None = None
    password: SecretStr | None = None
    folder: str = "INBOX"  # or several, separated by commas
    oauth2_client_id: str | None = None
    oauth2_client_secret: SecretStr | None = None
    oauth2_refresh_token: SecretStr | None = None
    oauth2_token_url: str = GOOGLE_TOKEN_URL

    @property
    def folders(self) -> list[str]:
        """The folders' names, each once."""
        return _parts(self.folder)


class SlackAccount(BaseModel):
    """A Slack app in a workspace."""

    model_config = ConfigDict(frozen=True)

    url: str
    token: SecretStr
    signing_secret: SecretStr
    hot_channel: str


class Settings(BaseSettings):
    """What can be set, with the defaults of a stack that needs no account: every outside system is the sandbox's."""

    model_config = SettingsConfigDict(
        env_prefix="LEADFLOW_", env_file=CHECKOUT / ".env", extra="ignore", frozen=True, env_ignore_empty=True
    )

    database_url: SecretStr | None = None
    home: Path = Path(".leadflow")

    receiver_host: str = "127.0.0.1"
    receiver_port: Port = 8010
    receiver_public_url: str | None = Field(default=None, pattern="^https?://[^/]+")
    dagster_port: Port = 3000
    sandbox_port: Port = 8020
    sandbox_imap_port: Port = 3143
    samples: int | None = Field(default=None, ge=0, le=100_000)

    imap_host: str | None = None
    imap_port: Port | None = None
    imap_security: Literal["tls", "none"] = "tls"
    imap_user: str | None = None
    imap_password: SecretStr | None = None
    imap_folder: str = "INBOX"
    imap_oauth2_client_id: str | None = None
    imap_oauth2_client_secret: SecretStr | None = None
    imap_oauth2_refresh_token: SecretStr | None = None
    imap_oauth2_token_url: str = GOOGLE_TOKEN_URL
    mailboxes: tuple[MailboxSettings, ...] = ()
    imap_backfill_days: int = Field(default=1, ge=0)
    own_addresses: str = ""  # separated by commas
    authserv_id: str = ""  # one or several, separated by commas

    webhook_website_secret: SecretStr | None = None
    webhook_standard_secret: SecretStr | None = None
    webhook_zillow_secret: SecretStr | None = None
    webhook_zillow_rentals_secret: SecretStr | None = None
    webhook_realtor_com_secret: SecretStr | None = None
    webhook_google_ads_secret: SecretStr | None = None
    webhook_meta_secret: SecretStr | None = None
    webhook_typeform_secret: SecretStr | None = None
    webhook_webflow_secret: SecretStr | None = None
    webhook_gravity_forms_secret: SecretStr | None = None
    webhook_adf_secret: SecretStr | None = None
    webhook_meta_verify_token: SecretStr | None = None
    meta_graph_url: str | None = None
    meta_access_token: SecretStr | None = None
    webhook_posts_per_minute: int = Field(default=30_000, ge=1)

    slack_url: str = "https://slack.com/api/"
    slack_bot_token: SecretStr | None = None
    slack_signing_secret: SecretStr | None = None
    slack_hot_channel: str = "hot-leads"

    claim_seconds: int = Field(default=45, ge=20, le=60)
    claim_hides_contact: bool = True
    same_inquiry_minutes: int = Field(default=10, ge=0, le=1440)
    first_touch_minutes: int = Field(default=0, ge=0, le=10_080)
    public_url: str | None = None
    vendor_timeout_seconds: float = Field(default=8, gt=0, le=8)

    crm: Literal["followupboss", "hubspot", "none"] | None = None
    followupboss_url: str | None = None
    followupboss_api_key: SecretStr | None = None
    followupboss_system_key: SecretStr | None = None
    hubspot_url: str | None = None
    hubspot_token: SecretStr | None = None

    twilio_url: str | None = None
    twilio_account_sid: str | None = None
    twilio_auth_token: SecretStr | None = None
    twilio_from: str | None = None

    smtp_host: str | None = None
    smtp_port: Port = 587
    smtp_security: Literal["starttls", "tls", "none"] = "starttls"
    smtp_user: str | None = None
    smtp_password: SecretStr | None = None
    smtp_ca_file: Path | None = None
    sandbox_smtp_port: Port | None = None
    mail_from: str | None = None
    mail_postal_address: str | None = None
    drip_schedule: str = "0 10 * * 2"

    time_zone: str = "America/New_York"

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

    default_region: str = Field(default="US", pattern="^[A-Z]{2}$")
    rules_dir: Path | None = None

    # Alerts and replays.
    slack_tech_channel: str = "lead-tech"
    alert_mail_to: str | None = None
    dagster_public_url: str | None = None
    runbook_url: str | None = None
    office_hours: str = Field(default="08:00-20:00", pattern=r"^\d\d:\d\d-\d\d:\d\d$")
    replay_hold_hours: int = Field(default=4, ge=0)

    # How long what is kept, in days.
    keep_raw_days: int = Field(default=365, ge=1)
    keep_outbox_days: int = Field(default=90, ge=1)
    keep_lead_events_days: int = Field(default=730, ge=1)
    keep_alerts_days: int = Field(default=90, ge=1)
    keep_runs_days: int = Field(default=14, ge=1)
    keep_ticks_days: int = Field(default=7, ge=1)

    batch_size: int = Field(default=500, ge=1, le=5000)
    max_batches: int = Field(default=2, ge=1, le=64)
    lease_seconds: int = Field(default=45, ge=5)
    dagster_yaml: Path = Path("dagster.yaml")
    executor: Literal["in_process", "multiprocess"] = "in_process"

    @field_validator("office_hours")
    @classmethod
    def check_hours(cls, text: str) -> str:
        """Two times of day, the first one earlier."""
        opens, closes = (time.fromisoformat(part) for part in text.split("-"))
        if opens >= closes:
            raise ValueError("the office must open before it closes, as in 08:00-20:00")
        return text

    @field_validator("time_zone")
    @classmethod
    def know_time_zone(cls, name: str) -> str:
        """Only zones that there are."""
        if name not in available_timezones():
            raise ValueError("must be an IANA time zone like America/Chicago")
        return name

    @field_validator("mail_from", "alert_mail_to")
    @classmethod
    def read_sender(cls, sender: str | None) -> str | None:
        """An address, with or without a name before it."""
        if sender is not None and not SENDER.fullmatch(sender.strip()):
            raise ValueError("must be like Lakeside Homes <hello@brokerage.example>")
        return sender

    @field_validator("llm_model")
    @classmethod
    def name_a_model(cls, model: str | None, info: ValidationInfo) -> str | None:
        """A provider alone says nothing about what to ask."""
        if info.data.get("llm_provider") and not model:
            raise ValueError("has to name a model, as LEADFLOW_LLM_PROVIDER is set")
        return model

    @field_validator("home", "rules_dir", "dagster_yaml")
    @classmethod
    def anchor_in_checkout(cls, path: Path | None) -> Path | None:
        """A relative path means the same whichever folder a command is run from."""
        return None if path is None else (CHECKOUT / path.expanduser()).resolve()

    @field_validator("google_key")
    @classmethod
    def look_like_google_s(cls, key: SecretStr | None) -> SecretStr | None:
        """Google's own client takes no other; better told at the start than by a lead that is late."""
        if key is not None and not key.get_secret_value().startswith("AIza"):
            raise ValueError("a Google API key begins with AIza")
        return key

    @property
    def sandbox(self) -> bool:
        """Whether mail comes from the sandbox's mailbox, because no other one is named."""
        return self.imap_host is None and not self.mailboxes

    @property
    def opening(self) -> tuple[time, time]:
        """When the office opens and closes, on the clock of `time_zone`."""
        opens, closes = (time.fromisoformat(part) for part in self.office_hours.split("-"))
        return opens, closes

    @property
    def dagster_link(self) -> str:
        """Where people open Dagster's UI: the first part of the links in alerts."""
        return (self.dagster_public_url or f"http://127.0.0.1:{self.dagster_port}").rstrip("/")

    @property
    def sandbox_url(self) -> str:
        """Where the vendors' stand-ins are; each below its own name."""
        return f"http://127.0.0.1:{self.sandbox_port}"

    def find_vendor(self, vendor: str, sandbox_key: str = "sandbox") -> tuple[str, str | None] | None:
        """The key and the address of a vendor's API, None for its own; None when the vendor is off.

        On the sandbox a vendor without a key is its stand-in; with a mailbox of one's own it is off.
        """
        key: SecretStr | None = getattr(self, f"{vendor}_key")
        url: str | None = getattr(self, f"{vendor}_url")
        if key is not None:
            return key.get_secret_value(), url
        return (sandbox_key, url or f"{self.sandbox_url}/{vendor}") if self.sandbox else None

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

    @property
    def open_url(self) -> str:
        """Where agents and leads reach the receiver: the base of the links in texts and mails."""
        return (self.public_url or f"http://127.0.0.1:{self.receiver_port}").rstrip("/")

    def vendor_url(self, vendor: str, real: str) -> str:
        """Where a vendor's API is: as set, else the stand-in on a sandbox without a key for the vendor, else `real`."""
        named: str | None = getattr(self, f"{vendor}_url")
        return named or (f"{self.sandbox_url}/{vendor}" if self.is_stand_in(vendor) else real)

    def is_stand_in(self, vendor: str) -> bool:
        """Whether a vendor is the sandbox's, because nobody has given a key for the real one."""
        return self.sandbox and getattr(self, VENDOR_KEYS[vendor]) is None

    @property
    def crm_in_use(self) -> Literal["followupboss", "hubspot"] | None:
        """The CRM that leads go into: the one that is named, else the one with a key, else the sandbox's."""
        if self.crm == "none":
            return None
        if self.crm is not None:
            return self.crm if self.has_vendor(self.crm) else None
        named: tuple[Literal["followupboss", "hubspot"], ...] = ("followupboss", "hubspot")
        with_key = (vendor for vendor in named if getattr(self, VENDOR_KEYS[vendor]) is not None)
        return next(with_key, "followupboss" if self.sandbox else None)

    def has_vendor(self, vendor: str) -> bool:
        """Whether a vendor can be called: it has a key (Twilio also account and sender), or is the sandbox's."""
        if self.is_stand_in(vendor):
            return True
        needed = (VENDOR_KEYS[vendor], *(("twilio_account_sid", "twilio_from") if vendor == "twilio" else ()))
        return all(getattr(self, name) is not None for name in needed)

    def vendor_key(self, vendor: str) -> str:
        """The key to call a vendor with; any will do for a stand-in."""
        key: SecretStr | None = getattr(self, VENDOR_KEYS[vendor])
        return key.get_secret_value() if key is not None else "sandbox"

    @property
    def sends_mail(self) -> bool:
        """Whether the drip's mails go out: server, sender and postal address are named, or the sandbox has a server."""
        if self.smtp_host is not None:
            return self.mail_from is not None and self.mail_postal_address is not None
        return self.has_mail_server

    @property
    def has_mail_server(self) -> bool:
        """Whether there is a server to send mails through: one that is named, or the sandbox's."""
        return self.smtp_host is not None or (self.sandbox and self.sandbox_smtp_port is not None)

    @property
    def mails_alerts(self) -> bool:
        """Whether alerts go out by mail."""
        return self.alert_mail_to is not None and self.has_mail_server

    @property
    def mail_sender(self) -> tuple[str, str]:
        """Whom the drip's mails come from, `Name <address>`, and the postal address below them."""
        return (
            self.mail_from or "Lakeside Homes <hello@sandbox.test>",
            self.mail_postal_address or "Lakeside Homes, 100 Example Street, Austin, TX 78701",
        )

    @property
    def channels(self) -> Channels:
        """What leads are delivered through."""
        return Channels(
            crm=self.crm_in_use is not None,
            sms=self.has_vendor("twilio"),
            slack=self.slack_account() is not None,
            time_zone=self.time_zone,
        )

    def twilio_account(self) -> tuple[str, str, str]:
        """Twilio's account sid, its auth token, and the number or messaging service that texts come from."""
        if self.is_stand_in("twilio"):
            return "AC00000000000000000000000000000000", "sandbox", "+15005550006"
        return self.twilio_account_sid or "", self.vendor_key("twilio"), self.twilio_from or ""

    @property
    def meta_url(self) -> str:
        """Where Meta's Graph API is: the sandbox's stand-in unless the stack is a real one."""
        return self.meta_graph_url or (f"{self.sandbox_url}/meta" if self.sandbox else META_GRAPH_URL)

    def list_mailboxes(self) -> tuple[MailboxSettings, ...]:
        """The mailbox of the LEADFLOW_IMAP_ variables and those of LEADFLOW_MAILBOXES; none on the sandbox."""
        if self.imap_host is None:
            return self.mailboxes
        names = MailboxSettings.model_fields
        return (MailboxSettings(**{name: getattr(self, f"imap_{name}") for name in names}), *self.mailboxes)

    def list_own_addresses(self) -> frozenset[str]:
        """The addresses that we send from: those set, the drip's, and the mailboxes' users, in lower case."""
        users = [parseaddr(self.mail_from or "")[1], *(mailbox.user or "" for mailbox in self.list_mailboxes())]
        return frozenset(each.lower() for each in (*_parts(self.own_addresses), *users) if "@" in each)

    def list_authserv_ids(self) -> frozenset[str]:
        """The receiving hosts whose `Authentication-Results` are believed, in lower case."""
        gmail = {GMAIL_AUTHSERV_ID for mailbox in self.list_mailboxes() if mailbox.host.lower() == GMAIL_HOST}
        return frozenset(each.lower() for each in _parts(self.authserv_id)) or frozenset(gmail)

    def webhook_secrets(self, source: str) -> tuple[str, ...]:
        """The secrets that open a webhook source; two while they are being rotated, none when it is closed."""
        secret: SecretStr | None = getattr(self, f"webhook_{source}_secret", None)
        if secret is None:
            return ()
        return tuple(_parts(secret.get_secret_value()))


def _parts(text: str) -> list[str]:
    """What a setting names with commas between, each once."""
    return list(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))


def read_settings() -> Settings:
    """The settings of this process. Raises `PermanentError` that names each wrong variable and what it may be.

    Reading them takes some 20 ms, and a run asks a dozen times; so they are read anew only when something has changed.
    """
    variables = frozenset((name, value) for name, value in os.environ.items() if name.startswith("LEADFLOW_"))
    files = [CHECKOUT / ".env", *(Path(value) for name, value in variables if name.endswith("_FILE"))]
    return _read_settings(variables, tuple(_changed_at(file) for file in files))


def _changed_at(file: Path) -> int:
    try:
        return file.stat().st_mtime_ns
    except OSError:
        return 0


@functools.lru_cache(maxsize=1)
def _read_settings(variables: frozenset[tuple[str, str]], changed_at: tuple[int, ...]) -> Settings:  # noqa: ARG001
    try:
        return Settings(**_read_secret_files())
    except SettingsError as error:
        raise PermanentError(
            f"Settings (environment or {CHECKOUT / '.env'}): LEADFLOW_MAILBOXES is not the JSON list that "
            ".env.example shows."
        ) from error
    except ValidationError as error:
        wrong = "; ".join(
            f"LEADFLOW_{'_'.join(str(part) for part in problem['loc']).upper()}: {problem['msg']}"
            for problem in error.errors(include_input=False)
        )
        raise PermanentError(f"Settings (environment or {CHECKOUT / '.env'}): {wrong}.") from error


def secret_names() -> list[str]:
    """The settings that hold a secret."""
    return [name for name, field in Settings.model_fields.items() if "SecretStr" in str(field.annotation)]


def secret_file(name: str) -> Path | None:
    """The file that holds a secret, where LEADFLOW_<NAME>_FILE names one (as Docker and Kubernetes mount them)."""
    path = os.environ.get(f"LEADFLOW_{name.upper()}_FILE")
    return Path(path) if path else None


def _read_secret_files() -> dict[str, Any]:
    """The secrets that are named by file; one that is also given as a variable would leave open which is meant."""
    found: dict[str, Any] = {}
    for name in secret_names():
        path = secret_file(name)
        if path is None:
            continue
        variable = f"LEADFLOW_{name.upper()}"
        if os.environ.get(variable):
            raise PermanentError(f"{variable} and {variable}_FILE are both set; keep one of them.")
        try:
            found[name] = path.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise PermanentError(f"{variable}_FILE: {path} cannot be read. It must be a text file.") from error
    return found
