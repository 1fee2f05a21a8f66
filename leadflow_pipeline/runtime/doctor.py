"""What `leadflow doctor` looks at: every part a lead needs, whether it is there, and what to do if not."""

import functools
import re
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from leadflow_pipeline.adapters.database import Database, describe_url, normalize_url
from leadflow_pipeline.adapters.dbt_command import DbtCommand
from leadflow_pipeline.adapters.imap_accounts import list_accounts
from leadflow_pipeline.adapters.imap_mailbox import ImapAccount, ImapMailbox
from leadflow_pipeline.adapters.meta_graph import TOKEN
from leadflow_pipeline.adapters.rule_files import load_rules
from leadflow_pipeline.adapters.slack import SlackChat
from leadflow_pipeline.domain.errors import PermanentError, TransientError
from leadflow_pipeline.domain.webhook_sources.registry import SOURCES
from leadflow_pipeline.domain.webhook_sources.source import Source
from leadflow_pipeline.runtime.postgres import find_embedded
from leadflow_pipeline.runtime.stack import answers, dagster_url, receiver_url
from leadflow_pipeline.sandbox.mailbox import build_account
from leadflow_pipeline.settings import CHECKOUT, Settings, secret_file, secret_names
from leadflow_pipeline.stages.dbt_builds import is_built

# What people leave standing when they copy an example.
PLACEHOLDER = re.compile(
    r"^(?:\.+|x+|changeme|change_me|placeholder|todo|your[-_ ].*|<.*>|secret|password)$", re.IGNORECASE
)


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing looked at."""

    what: str
    is_fine: bool
    detail: str  # what was found, or the remedy


def examine(settings: Settings) -> Iterator[Finding]:
    """Look at everything, one after the other; nothing is changed."""
    yield _look("Mail rules", lambda: _rules(settings))
    url = settings.database_url.get_secret_value() if settings.database_url else find_embedded(settings.home)
    if url is None:
        yield Finding(what="Database", is_fine=False, detail="The stack is not running; start it with `make up`.")
    else:
        yield from _examine_database(url, DbtCommand(url=url, work_folder=settings.home / "dbt"))
    yield _look("Receiver", lambda: _service(f"{receiver_url(settings)}/health", receiver_url(settings)))
    for source in SOURCES.values():
        yield _look(f"Webhook {source.name}", functools.partial(_describe_webhook, settings, source))
    yield _look("Dagster UI", lambda: _service(f"{dagster_url(settings)}/server_info", dagster_url(settings)))
    for vendor in ("google", *settings.list_enrichers()):
        yield Finding(what=f"Vendor {vendor}", is_fine=True, detail=_describe_vendor(settings, vendor))
    yield _look("Mailbox", lambda: _mailbox(settings))
    yield _look("Slack", lambda: _slack(settings))
    yield Finding(what="CRM", is_fine=True, detail=_describe_crm(settings))
    yield Finding(what="Texts", is_fine=True, detail=_describe_texts(settings))
    yield Finding(what="Drip", is_fine=True, detail=_describe_drip(settings))
    yield _look("Alerts", lambda: _describe_alerts(settings))
    yield _look("Secrets", lambda: check_secrets(settings))


def _examine_database(url: str, dbt: DbtCommand) -> Iterator[Finding]:
    with Database(url, pool_size=1) as database:

        def ask(query: str, **parameters: object) -> object:
            with database.transaction() as transaction:
                return transaction.value(query, **parameters)

        def storing() -> str:
            if not ask("can_store"):
                raise PermanentError("It is read-only; name the primary server in LEADFLOW_DATABASE_URL.")
            return f"{describe_url(normalize_url(url))}, takes writes"

        def agents() -> str:
            active = ask("count_active_agents")
            if not active:
                raise PermanentError(
                    "No agent is active, so leads wait; `leadflow agents import FILE.csv` adds agents."
                )
            return f"{active} active"

        def models() -> str:
            if not is_built(database, dbt, "scoring"):
                raise PermanentError(
                    "The weights in force are not those of dbt_scoring/; `make score` puts them in force."
                )
            if not is_built(database, dbt, "marts"):
                raise PermanentError("The marts are not those of dbt_scoring/; `leadflow marts build` builds them.")
            return "built and tested, as they stand in dbt_scoring/"

        def analysts() -> str:
            if not ask("has_analyst_role"):
                raise PermanentError(
                    "The role leadflow_analyst is missing, so analysts cannot read; let an administrator run "
                    '"create role leadflow_analyst nologin", then `leadflow marts build`.'
                )
            return "the role leadflow_analyst reads the schema analytics"

        yield _look("Database", storing)
        yield _look("Agents", agents)
        yield _look("dbt models", models)
        yield _look("Analysts", analysts)


def _look(what: str, find: Callable[[], str]) -> Finding:
    try:
        return Finding(what=what, is_fine=True, detail=find())
    except (PermanentError, TransientError) as error:
        return Finding(what=what, is_fine=False, detail=str(error))


def _slack(settings: Settings) -> str:
    account = settings.slack_account()
    if account is None:
        if settings.slack_bot_token or settings.slack_signing_secret:
            raise PermanentError("LEADFLOW_SLACK_BOT_TOKEN and LEADFLOW_SLACK_SIGNING_SECRET need each other.")
        return "off: hot leads are not offered; LEADFLOW_SLACK_BOT_TOKEN turns it on (docs/routing.md)"
    SlackChat(account).check_token()
    address = f"{receiver_url(settings)}/slack/interactions"
    return f"the token is good; offers go to {account.hot_channel}, clicks come to {address}"


def _rules(settings: Settings) -> str:
    return f"{len(load_rules(settings.rules_dir))} rules read"


def _service(probe: str, address: str) -> str:
    if not answers(probe):
        raise TransientError(f"{address} does not answer; start the stack with `make up`.")
    return address


def _describe_webhook(settings: Settings, source: Source) -> str:
    """Whether a source is open, with the address to paste into the sender's form."""
    base = settings.receiver_public_url or receiver_url(settings)
    address = f"{base.rstrip('/')}/webhooks/{source.name}"
    if settings.webhook_secrets(source.name):
        if source.read_contact is not None and settings.meta_access_token is None and not settings.sandbox:
            raise PermanentError(
                f"open, but {TOKEN} is not set: the notices hold ids only, and the contacts cannot be fetched."
            )
        return f"open: {address}{'/SECRET' if source.secret_place == 'path' else ''} ({source.secret_note})"
    if source.is_open_on_sandbox and settings.sandbox:
        return f"open without a secret, as this is the sandbox: {address}"
    return f"closed; LEADFLOW_WEBHOOK_{source.name.upper()}_SECRET opens it"


def check_secrets(settings: Settings) -> str:
    """Placeholders left from an example, and files that others on this machine can read."""
    faults = []
    given = [name for name in secret_names() if getattr(settings, name) is not None]
    for name in given:
        if PLACEHOLDER.search(getattr(settings, name).get_secret_value()):
            faults.append(f"LEADFLOW_{name.upper()} still holds a placeholder; put the real secret there.")
    files = [path for path in (CHECKOUT / ".env", *map(secret_file, given)) if path is not None and path.is_file()]
    for path in files:
        if path.stat().st_mode & (stat.S_IROTH | stat.S_IWOTH):
            faults.append(f"{path} can be read by everybody on this machine; `chmod 600 {path}`.")
    if faults:
        raise PermanentError(" ".join(faults))
    return f"{len(given)} given, none is a placeholder, no file of theirs is open to others"


def _describe_vendor(settings: Settings, vendor: str) -> str:
    found = settings.find_vendor(vendor)
    if found is None:
        return f"Off; LEADFLOW_{vendor.upper()}_KEY turns it on (docs/vendors.md)."
    return f"Its stand-in at {found.url}" if found.is_stand_in else f"On, at {found.url}"


def _describe_crm(settings: Settings) -> str:
    crm = settings.crm_in_use
    if crm is None:
        return "off; LEADFLOW_FOLLOWUPBOSS_API_KEY or LEADFLOW_HUBSPOT_TOKEN connects one"
    found = settings.find_vendor(crm)
    if found and found.is_stand_in:
        return f"{crm}, the sandbox's stand-in"
    if settings.crm_secrets(crm):
        return f"{crm}, with your key; what happens there may come to {settings.crm_webhook_url(crm)}"
    secret = {"followupboss": "LEADFLOW_FOLLOWUPBOSS_SYSTEM_KEY", "hubspot": "LEADFLOW_HUBSPOT_CLIENT_SECRET"}[crm]
    return f"{crm}, with your key; {secret} would let it tell us of calls and stages (docs/delivery.md)"


def _describe_texts(settings: Settings) -> str:
    found = settings.find_vendor("twilio")
    if found is None:
        return "off; LEADFLOW_TWILIO_ACCOUNT_SID, _AUTH_TOKEN and _FROM together let agents be texted"
    if found.is_stand_in:
        return "the sandbox's stand-in"
    return f"Twilio, from {settings.twilio_from}"


def _describe_drip(settings: Settings) -> str:
    if settings.smtp_host is None:
        return "the sandbox's mail server" if settings.sandbox else "a dry run; LEADFLOW_SMTP_HOST names a mail server"
    if not settings.sends_mail:
        return "a dry run; LEADFLOW_MAIL_FROM and LEADFLOW_MAIL_POSTAL_ADDRESS are needed too"
    return f"through {settings.smtp_host}, from {settings.mail_sender[0]}"


def _describe_alerts(settings: Settings) -> str:
    """Where the people who run this are told; `leadflow alerts` lists them anyhow."""
    if settings.alert_mail_to is not None and not settings.has_mail_server:
        raise PermanentError("LEADFLOW_ALERT_MAIL_TO is set, but LEADFLOW_SMTP_HOST names no mail server.")
    ways = [f"Slack's channel {settings.slack_tech_channel}"] if settings.slack_account() else []
    ways += [f"mail to {settings.alert_mail_to}"] if settings.alert_mail_to is not None else []
    return (
        " and ".join(ways) or "nobody is told; LEADFLOW_ALERT_MAIL_TO names an address, docs/routing.md tells of Slack"
    )


def _mailbox(settings: Settings) -> str:
    accounts = list_accounts(settings) or (build_account(settings.sandbox_imap_port),)
    return "; ".join(_folder(account) for account in accounts)


def _folder(account: ImapAccount) -> str:
    mailbox = ImapMailbox(account)
    try:
        mailbox.select()
    finally:
        mailbox.close()
    return f"{account.user} at {account.host}:{account.port}, folder {account.folder}, can be read"
