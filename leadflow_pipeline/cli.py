"""The command `leadflow`: reads arguments, calls one use case, prints for people. No rule and no SQL in here.

Our two kinds of error end a command with their message on stderr and exit code 1.
"""

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from leadflow_pipeline import cli_operations
from leadflow_pipeline.cli_agents import agents_app
from leadflow_pipeline.cli_bench import bench_app
from leadflow_pipeline.cli_deliveries import deliveries_app, drip_app
from leadflow_pipeline.cli_explain import print_explanation
from leadflow_pipeline.cli_intent import intent
from leadflow_pipeline.cli_rules import rules_app
from leadflow_pipeline.cli_scoring import backtest, marts_app, outcomes_app, score
from leadflow_pipeline.cli_vendors import describe_vendors
from leadflow_pipeline.cli_webhooks import webhook_app
from leadflow_pipeline.domain.errors import PermanentError, StoppedError, TransientError
from leadflow_pipeline.settings import Settings, read_settings

# What only some commands need is imported by them: `leadflow --help` and `parse` stay quick.

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Takes in every lead of a brokerage, scores it, and gives it to the right agent within seconds.",
)
app.add_typer(agents_app, name="agents")
app.add_typer(rules_app, name="rules")
app.add_typer(deliveries_app, name="deliveries")
app.add_typer(drip_app, name="drip")
app.add_typer(cli_operations.quarantine_app, name="quarantine")
app.command()(cli_operations.replay)
app.command()(cli_operations.alerts)
app.command()(cli_operations.erase)
app.command()(cli_operations.backup)
app.command()(cli_operations.restore)
app.add_typer(bench_app, name="bench")
app.add_typer(webhook_app, name="webhook")
app.command("intent")(intent)
app.add_typer(outcomes_app, name="outcomes")
app.add_typer(marts_app, name="marts")
app.command()(score)
app.command()(backtest)

console = Console(highlight=False, soft_wrap=True)
DEFAULT_SAMPLES = 20
SECONDS_BETWEEN_FIGURES = 5.0  # they are counted over a day's leads


def main() -> None:
    """The entry point of the console script."""
    try:
        app()
    except (PermanentError, TransientError) as error:
        sys.stderr.write(f"leadflow: {error}\n")
        sys.exit(1)


@app.command()
def up() -> None:
    """Start the whole stack, send sample leads, and keep it running until Ctrl-C.

    Needs no account: without LEADFLOW_DATABASE_URL it brings a PostgreSQL of its own, without
    LEADFLOW_IMAP_HOST a mailbox. State lives in LEADFLOW_HOME (default .leadflow/).
    """
    from leadflow_pipeline.runtime.stack import run_stack

    settings = read_settings()
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: stop.set() if not stop.is_set() else None)
    with run_stack(settings, _report) as stack:
        _print_addresses(settings)
        _send_first_samples(settings)
        _watch(stack, stop)
        _report("Stopping …")
    console.print("Stopped. `make up` starts again where this ended.")


@app.command()
def migrate() -> None:
    """Bring the database's tables up to date; does nothing when they are."""
    from leadflow_pipeline.adapters.migrations import apply_migrations
    from leadflow_pipeline.runtime.postgres import reach_database

    with reach_database(read_settings()) as url:
        applied = apply_migrations(url)
    console.print(f"Applied {', '.join(applied)}." if applied else "The tables are up to date.")


@app.command()
def parse(
    files: Annotated[list[Path], typer.Argument(help="Mails as files (.eml); a folder stands for all files in it.")],
) -> None:
    """Show what would become of mails: one JSON object per mail. Needs no database and changes nothing."""
    from leadflow_pipeline.adapters.rule_files import load_rules
    from leadflow_pipeline.adapters.watched_process import WatchedProcess
    from leadflow_pipeline.domain.mail_trust import OurMail
    from leadflow_pipeline.domain.parsed_mails import describe_mail, describe_stopped

    settings = read_settings()
    rules = load_rules(settings.rules_dir)
    ours = OurMail(addresses=settings.list_own_addresses(), hosts=settings.list_authserv_ids())
    unreadable = 0
    found = list(_each_file(files))

    def describe(file: Path) -> dict[str, Any] | None:
        try:
            return describe_mail(file.read_bytes(), rules, region=settings.default_region, ours=ours)
        except OSError as error:
            sys.stderr.write(f"leadflow: {file}: {error.strerror}\n")
            return None

    for file, described in zip(found, WatchedProcess()(describe, found), strict=True):
        if isinstance(described, StoppedError):
            described = describe_stopped(f"reading it {described}")
        if described is None:
            unreadable += 1
            continue
        sys.stdout.write(json.dumps({"file": str(file), **described}, ensure_ascii=False) + "\n")
    if unreadable:
        raise typer.Exit(1)


@app.command()
def send_samples(
    count: Annotated[int, typer.Option(help="How many leads: about 70 % mails, 30 % posts.", min=1)] = DEFAULT_SAMPLES,
    seed: Annotated[
        int | None, typer.Option(help="The same seed gives the same people; by default always new ones.")
    ] = None,
) -> None:
    """Send invented leads to the running sandbox stack, through IMAP and HTTP."""
    settings = read_settings()
    mails, posts = _send(settings, count, seed)
    console.print(f"Sent {mails} mails and {posts} posts; `leadflow status` shows what becomes of them.")


@app.command()
def status() -> None:
    """Show how things stand: the last 24 hours, and what is under way."""
    from leadflow_pipeline.stages.status import read_status

    with _database() as database:
        found = read_status(database)
        vendors = describe_vendors(database)
    table = Table("", "last 24 hours", box=None)
    table.add_row("arrived", str(found.events))
    table.add_row("leads", str(found.leads))
    table.add_row("assigned or in the drip", str(found.assigned))
    table.add_row("ignored (no leads)", str(found.ignored))
    table.add_row("in quarantine", str(found.quarantined))
    table.add_row("arrival to assigned, p50", _seconds(found.p50_seconds))
    table.add_row("arrival to assigned, p95", _seconds(found.p95_seconds))
    table.add_row("under way now", str(found.under_way))
    table.add_row("waiting for an agent", str(found.waiting_for_agent))
    table.add_row("oldest waiting", _seconds(found.oldest_waiting_seconds))
    console.print(table)
    for part in vendors:
        console.print(part)


@app.command()
def explain(lead_id: Annotated[int, typer.Argument(help="The lead's id, as `analytics.scored_leads` has it.")]) -> None:
    """Tell what happened to a lead, and why."""
    from leadflow_pipeline.stages.status import explain_lead

    with _database() as database:
        found = explain_lead(database, lead_id)
    if found is None:
        raise PermanentError(f"There is no lead {lead_id}; analytics.scored_leads lists them.")
    print_explanation(console, found)


@app.command()
def doctor() -> None:
    """Check that everything a lead needs is configured and can be reached."""
    from leadflow_pipeline.runtime.doctor import examine

    table = Table("", "part", "found", box=None)
    is_well = True
    for finding in examine(read_settings()):
        is_well = is_well and finding.is_fine
        table.add_row("ok" if finding.is_fine else "FAULT", finding.what, finding.detail)
    console.print(table)
    if not is_well:
        raise typer.Exit(1)


@contextmanager
def _database() -> Iterator[Any]:
    """The database in force, for one command."""
    from leadflow_pipeline.adapters.database import Database
    from leadflow_pipeline.runtime.postgres import reach_database

    with (
        reach_database(read_settings()) as url,
        Database(url, pool_size=1, application_name="leadflow cli") as database,
    ):
        yield database


def _report(line: str) -> None:
    with suppress(OSError):  # nobody reads it, or the disk is full: the stack goes on
        console.print(f"  {line}")


def _print_addresses(settings: Settings) -> None:
    from leadflow_pipeline.runtime.stack import dagster_url, receiver_url

    console.print("\nleadflow is running")
    console.print(f"  Dagster UI   {dagster_url(settings)}  (Jobs > lead_pipeline, Assets, Automation)")
    console.print(f"  Receiver     {receiver_url(settings)}/webhooks/website")
    if settings.sandbox:
        from leadflow_pipeline.sandbox.mailbox import SANDBOX_PASSWORD, SANDBOX_USER

        console.print(
            f"  Mailbox      imap://127.0.0.1:{settings.sandbox_imap_port}  user {SANDBOX_USER}, "
            f"password {SANDBOX_PASSWORD}, folder INBOX"
        )
        console.print(f"  Vendors      {settings.sandbox_url}  (stand-ins; nothing leaves this machine)")
        console.print(f"  Slack        {settings.sandbox_url}/_page/slack/  (claim a hot lead there)")
    else:
        for mailbox in settings.list_mailboxes():
            console.print(f"  Mailbox      {mailbox.user} at {mailbox.host}, {', '.join(mailbox.folders)}")
    console.print(f"  State, logs  {settings.home}")
    console.print("  Try          .venv/bin/leadflow status, explain 1, agents list, send-samples, doctor\n")


def _send_first_samples(settings: Settings) -> None:
    """Samples go to a sandbox that has seen no lead yet, or as many as LEADFLOW_SAMPLES says, at every start."""
    from leadflow_pipeline.stages.status import read_status

    if not settings.sandbox:
        return
    count = settings.samples
    if count is None:
        with _database() as database:
            count = DEFAULT_SAMPLES if read_status(database).events == 0 else 0
    if count:
        mails, posts = _send(settings, count, None)
        console.print(f"Sent {mails} sample mails and {posts} sample posts.")


def _send(settings: Settings, count: int, seed: int | None) -> tuple[int, int]:
    """Send samples to the sandbox; gives how many mails and posts."""
    from leadflow_pipeline.runtime.stack import receiver_url
    from leadflow_pipeline.sandbox import mailbox, posting, samples

    if not settings.sandbox:
        raise PermanentError("Samples go to the sandbox only; LEADFLOW_IMAP_HOST names a real mailbox.")
    now = datetime.now(UTC)
    leads = samples.sample_leads(count, seed=int(now.timestamp()) if seed is None else seed, now=now)
    posts = [lead for lead in leads if isinstance(lead, samples.SamplePost)]
    mails = [lead.raw for lead in leads if isinstance(lead, samples.SampleMail)]
    posting.post_leads(receiver_url(settings), posts)
    mailbox.append_mails(
        mailbox.SANDBOX_HOST,
        settings.sandbox_imap_port,
        mailbox.SANDBOX_USER,
        mailbox.SANDBOX_PASSWORD,
        mails,
    )
    return len(mails), len(posts)


def _watch(stack: Any, stop: threading.Event) -> None:
    """Keep the stack running and one line of figures up to date, until told to stop or left alone by `make`."""
    from leadflow_pipeline.stages.status import read_status

    started_by = os.getppid()
    shown = None
    figures_at = 0.0
    while not stop.wait(1.0):
        if os.environ.get("MAKELEVEL") and os.getppid() != started_by:
            return  # make was killed; nobody is left to press Ctrl-C
        stack.look_after()
        if time.monotonic() < figures_at:
            continue
        figures_at = time.monotonic() + SECONDS_BETWEEN_FIGURES
        try:
            found = read_status(stack.database)
            line, news = _status_line(found), (found.leads, found.assigned, found.quarantined, found.waiting_for_agent)
        except TransientError as error:
            line, news = str(error), None
        with suppress(OSError):
            if console.is_terminal:
                sys.stdout.write(f"\r\x1b[2K{line[: console.width - 1]}")
                sys.stdout.flush()
            elif news != shown:
                console.print(line)
        shown = news


def _status_line(found: Any) -> str:
    parts = [
        f"leads in {found.leads}",
        f"assigned {found.assigned}",
        f"p50 {_seconds(found.p50_seconds)}",
        f"p95 {_seconds(found.p95_seconds)}",
        f"oldest waiting {_seconds(found.oldest_waiting_seconds)}",
    ]
    if found.waiting_for_agent:
        parts.append(f"{found.waiting_for_agent} wait for an active agent")
    if found.quarantined:
        parts.append(f"in quarantine {found.quarantined}")
    return " · ".join(parts)


def _seconds(seconds: float | None) -> str:
    if seconds is None:
        return "–"
    return f"{seconds:.1f} s" if seconds < 120 else f"{seconds / 60:.0f} min"


def _each_file(paths: Sequence[Path]) -> Iterator[Path]:
    for path in paths:
        if path.is_dir():
            yield from sorted(inner for inner in path.rglob("*") if inner.is_file())
        else:
            yield path


if __name__ == "__main__":
    main()
