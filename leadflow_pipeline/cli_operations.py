"""Commands for whoever keeps the pipeline running: quarantine, replay, alerts. Reads arguments, calls one use case."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from leadflow_pipeline.domain.errors import PermanentError
from leadflow_pipeline.domain.replays import advise, find_opening
from leadflow_pipeline.settings import read_settings

quarantine_app = typer.Typer(no_args_is_help=True, help="Events that no rule could read, or no stage could go on with.")
console = Console(highlight=False, soft_wrap=True)

SECONDS_TO_SETTLE = 60


@contextmanager
def open_database() -> Iterator[Any]:
    """The database in force, for one command."""
    from leadflow_pipeline.adapters.database import Database
    from leadflow_pipeline.runtime.postgres import reach_database

    with (
        reach_database(read_settings()) as url,
        Database(url, pool_size=1, application_name="leadflow cli") as database,
    ):
        yield database


def replay(
    source: Annotated[
        str | None, typer.Option(help="Events of this source, as `leadflow quarantine list` names it.")
    ] = None,
    reason: Annotated[str | None, typer.Option(help="Events with this reason.")] = None,
    event: Annotated[list[int] | None, typer.Option(help="This event; may be given several times.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="All events in quarantine.")] = False,
    wake: Annotated[bool, typer.Option(help="Let old leads wake agents outside office hours.")] = False,
    wait: Annotated[int, typer.Option(help="Seconds to wait for what becomes of them.", min=0)] = SECONDS_TO_SETTLE,
) -> None:
    """Judge events in quarantine anew, by the rules in force; those that are leads go on to assignment."""
    from leadflow_pipeline.stages.quarantine import Holding, Selection, replay_events

    if not (source or reason or event or everything):
        raise PermanentError("Say what to replay: --source, --reason, --event, or --all.")
    settings = read_settings()
    holding = Holding(
        after_hours=settings.replay_hold_hours,
        until=None if wake else find_opening(datetime.now(ZoneInfo(settings.time_zone)), *settings.opening),
    )
    with open_database() as database:
        done = replay_events(
            database,
            Selection(source=source, reason=reason, event_ids=event),
            judged_before=None,
            holding=holding,
            seconds=wait,
        )
    console.print(f"{done.released} events were let go from quarantine to be judged anew.")
    if done.held:
        console.print(f"{done.held} of them are old and wait until {holding.until:%Y-%m-%d %H:%M %Z}; --wake does not.")
    if done.under_way:
        console.print(
            f"{done.under_way} of them are still on their way; `leadflow status` shows whether the stack runs."
        )
    console.print(f"{done.remaining} are in quarantine now.")
    if done.examples:
        table = Table("event", "received", "source", "stage", "rule", "reason", box=None)
        for each in done.examples:
            received = f"{each.received_at:%Y-%m-%d %H:%M:%S}"
            table.add_row(str(each.event_id), received, each.source, each.stage, each.rule or "–", Text(each.reason))
        console.print(table)
        console.print(Text(f"What to do: {advise(done.examples[0].stage, done.examples[0].reason)}"))
        raise typer.Exit(1)


@quarantine_app.command("list")
def list_quarantine() -> None:
    """List what waits in quarantine, by source, stage and reason."""
    from leadflow_pipeline.stages.quarantine import list_groups

    with open_database() as database:
        groups = list_groups(database)
    if not groups:
        console.print("Nothing waits in quarantine.")
        return
    table = Table("events", "since", "source", "stage", "reason", "what to do", box=None)
    for group in groups:
        since = f"{group['since']:%Y-%m-%d %H:%M}" if group["since"] else "–"
        table.add_row(
            str(group["events"]), since, group["source"], group["stage"], Text(group["reason"]),
            Text(advise(group["stage"], group["reason"])),
        )  # fmt: skip
    console.print(table)


@quarantine_app.command("show")
def show_event(event: Annotated[int, typer.Argument(help="The event's id.")]) -> None:
    """Write what arrived to stdout, byte by byte; for a mail, redirect it into a file and try rules on it."""
    from leadflow_pipeline.stages.quarantine import read_raw

    with open_database() as database:
        raw = read_raw(database, event)
    sys.stdout.buffer.write(raw)


def erase(
    email: Annotated[list[str] | None, typer.Option(help="The person's e-mail; may be given several times.")] = None,
    phone: Annotated[list[str] | None, typer.Option(help="The person's phone; may be given several times.")] = None,
) -> None:
    """Erase a person everywhere: raw mails and posts, leads, contacts, caches, what was still to be sent."""
    from leadflow_pipeline.adapters.personal_data import read_personal_tables
    from leadflow_pipeline.domain.personal_data import Person
    from leadflow_pipeline.domain.phones import normalize_phone
    from leadflow_pipeline.stages.erasure import erase_person

    settings = read_settings()
    numbers = [normalize_phone(text, region=settings.default_region) for text in phone or ()]
    wrong = [text for text, number in zip(phone or (), numbers, strict=True) if number is None or not number.e164]
    wrong += [text for text in email or () if "@" not in text]
    if wrong or not (email or phone):
        raise PermanentError("Name the person by --email or --phone; a phone with its area code.")
    person = Person(
        emails=tuple(text.strip().lower() for text in email or ()),
        phones=tuple(str(number.e164) for number in numbers if number is not None),
    )
    with open_database() as database:
        done = erase_person(database, person, read_personal_tables())
    console.print(f"Erased {done.leads} leads and {done.events} mails and posts.")
    for table, rows in done.rows.items():
        console.print(f"  {table}: {rows} rows")
    for kind, reference in done.at_vendors:
        console.print(f"  To be erased at the vendor, too: {kind} {reference}")
    if done.leads or done.events:
        console.print("The same mails and posts stay empty when they come again. Backups made before still hold them.")


def backup(
    file: Annotated[Path, typer.Argument(help="Where to write it; must not exist yet.")],
) -> None:
    """Write the whole database into one file, while everything goes on running. It holds personal data."""
    from leadflow_pipeline.runtime.backups import write_backup
    from leadflow_pipeline.runtime.postgres import reach_database

    with reach_database(read_settings()) as url:
        size = write_backup(url, file)
    console.print(
        f"Wrote {file}, {size / 1e6:.1f} MB. `leadflow restore {file}` brings it back into an empty database."
    )


def restore(
    file: Annotated[Path, typer.Argument(help="A file that `leadflow backup` wrote.")],
    replace: Annotated[bool, typer.Option(help="Drop what the database holds of leadflow first.")] = False,
) -> None:
    """Bring a backup back. The stack must not run; people erased since then have to be erased again."""
    from leadflow_pipeline.adapters.migrations import apply_migrations
    from leadflow_pipeline.runtime.backups import read_backup
    from leadflow_pipeline.runtime.postgres import reach_database
    from leadflow_pipeline.runtime.stack import hold_home

    settings = read_settings()
    with hold_home(settings.home), reach_database(settings) as url:
        read_backup(url, file, replace=replace)
        apply_migrations(url)
    console.print(f"The database is as it was when {file} was written.")


def alerts(
    hours: Annotated[int, typer.Option(help="Show also those that ended within these hours.", min=0)] = 24,
) -> None:
    """List the alerts that last, and those of the last hours."""
    from leadflow_pipeline.stages.alerts import list_alerts

    with open_database() as database:
        rows = list_alerts(database, hours=hours)
    if not rows:
        console.print("No alert lasts, and none has ended lately.")
        return
    table = Table("", "since", "until", "alert", "told", "what to do", box=None)
    for row in rows:
        table.add_row(
            "over" if row["resolved_at"] else "LASTS",
            f"{row['first_seen_at']:%Y-%m-%d %H:%M:%S}",
            f"{row['resolved_at']:%H:%M:%S}" if row["resolved_at"] else "",
            Text(row["text"]),
            "yes" if row["told_at"] else "not yet",
            f"docs/runbook/{row['kind']}.md",
        )
    console.print(table)
