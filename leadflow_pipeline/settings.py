"""All settings, typed: the only reader of the environment outside Dagster's resources.

Values come from the environment and from `.env` beside the code; `.env.example` lists every one of them.
"""

import functools
import os
import re
from datetime import time
from email.utils import parseaddr
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import SettingsConfigDict, SettingsError

from leadflow_pipeline.domain.errors import PermanentError
from leadflow_pipeline.domain.lead_effects import Channels
from leadflow_pipeline.vendor_settings import VendorSettings, list_parts

CHECKOUT = Path(__file__).resolve().parents[1]

GOOGLE_TOKEN_URL = "https://oauth2.googleapis.com/token"
# How Gmail names itself in Authentication-Results (general knowledge, unconfirmed); LEADFLOW_AUTHSERV_ID wins.
GMAIL_HOST, GMAIL_AUTHSERV_ID = "imap.gmail.com", "mx.google.com"

Port = Annotated[int, Field(ge=1, le=65535)]

SENDER = re.compile(r"[^<>\r\n]*<[^<>@\s]+@[^<>@\s]+>|[^<>@\s]+@[^<>@\s]+")


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
        return list_parts(self.folder)


class Settings(VendorSettings):
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
    webhook_posts_per_minute: int = Field(default=30_000, ge=1)

    claim_seconds: int = Field(default=45, ge=20, le=60)
    claim_hides_contact: bool = True
    same_inquiry_minutes: int = Field(default=10, ge=0, le=1440)
    first_touch_minutes: int = Field(default=0, ge=0, le=10_080)
    public_url: str | None = None
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
    max_batches: int = Field(default=4, ge=1, le=64)
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
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError("must be an IANA time zone like America/Chicago") from None
        return name

    @field_validator("mail_from", "alert_mail_to")
    @classmethod
    def read_sender(cls, sender: str | None) -> str | None:
        """An address, with or without a name before it."""
        if sender is not None and not SENDER.fullmatch(sender.strip()):
            raise ValueError("must be like Lakeside Homes <hello@brokerage.example>")
        return sender

    @field_validator("home", "rules_dir", "dagster_yaml")
    @classmethod
    def anchor_in_checkout(cls, path: Path | None) -> Path | None:
        """A relative path means the same whichever folder a command is run from."""
        return None if path is None else (CHECKOUT / path.expanduser()).resolve()

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

    @property
    def open_url(self) -> str:
        """Where agents and leads reach the receiver: the base of the links in texts and mails."""
        return (self.public_url or f"http://127.0.0.1:{self.receiver_port}").rstrip("/")

    def crm_webhook_url(self, crm: str) -> str:
        """Where a CRM sends its webhooks; HubSpot signs the address too, so it has to be the very one."""
        return f"{(self.receiver_public_url or self.open_url).rstrip('/')}/crm/{crm}"

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
            sms=self.find_vendor("twilio") is not None,
            slack=self.slack_account() is not None,
            time_zone=self.time_zone,
        )

    def list_mailboxes(self) -> tuple[MailboxSettings, ...]:
        """The mailbox of the LEADFLOW_IMAP_ variables and those of LEADFLOW_MAILBOXES; none on the sandbox."""
        if self.imap_host is None:
            return self.mailboxes
        names = MailboxSettings.model_fields
        return (MailboxSettings(**{name: getattr(self, f"imap_{name}") for name in names}), *self.mailboxes)

    def list_own_addresses(self) -> frozenset[str]:
        """The addresses that we send from: those set, the drip's, and the mailboxes' users, in lower case."""
        users = [parseaddr(self.mail_from or "")[1], *(mailbox.user or "" for mailbox in self.list_mailboxes())]
        return frozenset(each.lower() for each in (*list_parts(self.own_addresses), *users) if "@" in each)

    def list_authserv_ids(self) -> frozenset[str]:
        """The receiving hosts whose `Authentication-Results` are believed, in lower case."""
        gmail = {GMAIL_AUTHSERV_ID for mailbox in self.list_mailboxes() if mailbox.host.lower() == GMAIL_HOST}
        return frozenset(each.lower() for each in list_parts(self.authserv_id)) or frozenset(gmail)

    def webhook_secrets(self, source: str) -> tuple[str, ...]:
        """The secrets that open a webhook source; two while they are being rotated, none when it is closed."""
        secret: SecretStr | None = getattr(self, f"webhook_{source}_secret", None)
        if secret is None:
            return ()
        return tuple(list_parts(secret.get_secret_value()))


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
