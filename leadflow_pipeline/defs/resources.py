"""Configuration that hands out plain adapters: the database and the mailbox. No logic of theirs in here.

Secrets are named by their environment variable, so that the UI shows the name and not the value.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

from leadflow_pipeline.adapters.database import Database
from leadflow_pipeline.adapters.imap_mailbox import ImapAccount, ImapMailbox, hold_mailbox
from leadflow_pipeline.sandbox.mailbox import SANDBOX_HOST, SANDBOX_PASSWORD, SANDBOX_USER
from leadflow_pipeline.settings import Settings

SANDBOX_BACKFILL_DAYS = 36_500


class DatabaseResource(dg.ConfigurableResource[Database]):
    """Hands out a `Database` for the length of a run or a tick."""

    url: str

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Iterator[Database]:  # noqa: ARG002
        with Database(self.url, pool_size=2, application_name="leadflow pipeline") as database:
            yield database


class MailboxResource(dg.ConfigurableResource[ImapMailbox]):
    """Hands out the mailbox whose connection this process holds."""

    host: str
    port: int
    tls: bool
    user: str
    password: str
    folder: str

    def create_resource(self, context: dg.InitResourceContext) -> ImapMailbox:  # noqa: ARG002
        return hold_mailbox(
            ImapAccount(
                host=self.host,
                port=self.port,
                tls=self.tls,
                user=self.user,
                password=self.password,
                folder=self.folder,
            )
        )


def build_resources(settings: Settings) -> dict[str, object]:
    """The resources of a stack with these settings."""
    return {"database": DatabaseResource(url=dg.EnvVar("LEADFLOW_DATABASE_URL")), "mailbox": build_mailbox(settings)}


def build_mailbox(settings: Settings) -> MailboxResource:
    """The brokerage's mailbox where one is named, else the sandbox's."""
    if settings.imap_host is None:
        return MailboxResource(
            host=SANDBOX_HOST,
            port=settings.sandbox_imap_port,
            tls=False,
            user=SANDBOX_USER,
            password=SANDBOX_PASSWORD,
            folder="INBOX",
        )
    tls = settings.imap_security == "tls"
    return MailboxResource(
        host=settings.imap_host,
        port=settings.imap_port or (993 if tls else 143),
        tls=tls,
        user=settings.imap_user or "",
        password=dg.EnvVar("LEADFLOW_IMAP_PASSWORD"),
        folder=settings.imap_folder,
    )
