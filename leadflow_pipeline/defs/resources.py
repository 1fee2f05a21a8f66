"""Configuration that hands out plain adapters: the database and the mailboxes. No logic of theirs in here.

Secrets are named by their environment variable, so that the UI shows the name and not the value.
"""

import dagster as dg

from leadflow_pipeline.adapters.database import Database, hold_database
from leadflow_pipeline.adapters.imap_accounts import list_accounts
from leadflow_pipeline.adapters.imap_mailbox import ImapAccount, ImapMailbox, hold_mailbox
from leadflow_pipeline.adapters.meta_graph import TOKEN, MetaGraph, build_meta_graph
from leadflow_pipeline.sandbox.mailbox import SANDBOX_HOST, SANDBOX_USER, build_account
from leadflow_pipeline.settings import Settings, read_settings

SANDBOX_BACKFILL_DAYS = 36_500
# Each tick that listens has a connection of its own, deliveries read from several threads; made when they are needed.
POOL_SIZE = 24


class DatabaseResource(dg.ConfigurableResource[Database]):
    """Hands out the process's `Database`: runs and ticks of one process share its connections."""

    url: str

    def create_resource(self, context: dg.InitResourceContext) -> Database:  # noqa: ARG002
        return hold_database(self.url, pool_size=POOL_SIZE, application_name="leadflow pipeline")


class MailboxResource(dg.ConfigurableResource[tuple[ImapMailbox, ...]]):
    """Hands out the mailboxes whose connections this process holds. What is configured here is for people to see."""

    mailboxes: list[str]
    secrets: list[str]

    def create_resource(self, context: dg.InitResourceContext) -> tuple[ImapMailbox, ...]:  # noqa: ARG002
        return tuple(hold_mailbox(account) for account in list_accounts_or_sandbox(read_settings()))


class MetaGraphResource(dg.ConfigurableResource[MetaGraph]):
    """Hands out the client of Meta's Graph API. What is configured here is for people to see."""

    url: str
    secret: str

    def create_resource(self, context: dg.InitResourceContext) -> MetaGraph:  # noqa: ARG002
        return build_meta_graph(read_settings())


def build_resources(settings: Settings) -> dict[str, object]:
    """The resources of a stack with these settings."""
    return {
        "database": DatabaseResource(url=dg.EnvVar("LEADFLOW_DATABASE_URL")),
        "mailbox": build_mailbox(settings),
        "meta_graph": MetaGraphResource(url=settings.meta_url, secret=TOKEN),
    }


def build_mailbox(settings: Settings) -> MailboxResource:
    """The brokerage's mailboxes where any is named, else the sandbox's."""
    return MailboxResource(
        mailboxes=[
            f"{mailbox.user} at {mailbox.host}, {', '.join(mailbox.folders)}" for mailbox in settings.list_mailboxes()
        ]
        or [f"{SANDBOX_USER} at {SANDBOX_HOST}:{settings.sandbox_imap_port}"],
        secrets=[] if settings.sandbox else ["LEADFLOW_IMAP_PASSWORD", "LEADFLOW_IMAP_OAUTH2_", "LEADFLOW_MAILBOXES"],
    )


def list_accounts_or_sandbox(settings: Settings) -> tuple[ImapAccount, ...]:
    """The folders to read."""
    return list_accounts(settings) or (build_account(settings.sandbox_imap_port),)
