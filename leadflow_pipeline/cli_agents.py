"""`leadflow agents`: who takes leads. Reads arguments, calls one function, prints for people."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from leadflow_pipeline.domain.errors import PermanentError
from leadflow_pipeline.settings import read_settings

agents_app = typer.Typer(no_args_is_help=True, help="The agents who are given leads.")
console = Console(highlight=False, soft_wrap=True)


@agents_app.command("import")
def import_agents(
    file: Annotated[Path, typer.Argument(help="CSV with a header; docs/routing.md lists the columns.")],
) -> None:
    """Add or change agents. One wrong row, and nothing is changed; columns that are not there stay as they are."""
    from leadflow_pipeline.stages import agents

    settings = read_settings()
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "is not UTF-8 text"
        raise PermanentError(f"{file}: {reason}.") from error
    rows = agents.read_agents(text, region=settings.default_region)
    with _database() as database:
        written = agents.import_agents(database, rows)
    console.print(f"{written} agents are in place.")


@agents_app.command("export")
def export_agents(
    file: Annotated[Path | None, typer.Argument(help="Where to write the CSV; by default to the screen.")] = None,
) -> None:
    """Write all agents as the CSV that `import` takes."""
    from leadflow_pipeline.stages import agents

    with _database() as database:
        text = agents.export_agents(database)
    if file is None:
        sys.stdout.write(text)
        return
    try:
        file.write_text(text, encoding="utf-8", newline="")
    except OSError as error:
        raise PermanentError(f"{file}: {error.strerror}.") from error


@agents_app.command("list")
def list_agents() -> None:
    """List the agents in the order they joined, with what they take and how many leads each was given."""
    from leadflow_pipeline.stages import agents

    with _database() as database:
        rows = agents.list_agents(database)
    table = Table("agent_id", "name", "email", "phone", "state", "weight", "territories", "hours", "leads", box=None)
    for row in rows:
        state = "paused" if row["paused"] else "active"
        table.add_row(
            row["agent_id"],
            row["name"],
            row["email"] or "",
            row["phone"] or "",
            state if row["active"] else "not active",
            str(row["weight"]),
            "; ".join(row["territories"]) or "everywhere",
            row["working_hours"] or "always",
            str(row["leads_assigned"]),
        )
    console.print(table)


@agents_app.command("pause")
def pause_agent(
    agent_id: Annotated[str, typer.Argument(help="As `leadflow agents list` shows it.")],
    reason: Annotated[str | None, typer.Option(help="For whoever looks at the list.")] = None,
) -> None:
    """Give an agent no leads until they are resumed."""
    from leadflow_pipeline.stages import agents

    with _database() as database:
        agents.pause_agent(database, agent_id, reason=reason)
    console.print(f"{agent_id} is paused.")


@agents_app.command("resume")
def resume_agent(agent_id: Annotated[str, typer.Argument(help="As `leadflow agents list` shows it.")]) -> None:
    """Give an agent leads again."""
    from leadflow_pipeline.stages import agents

    with _database() as database:
        agents.resume_agent(database, agent_id)
    console.print(f"{agent_id} takes leads again.")


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
