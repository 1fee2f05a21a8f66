"""`leadflow score`, `backtest`, `outcomes` and `marts`: what analysts do with the formula and what it led to."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from leadflow_pipeline.domain.errors import PermanentError
from leadflow_pipeline.settings import read_settings

outcomes_app = typer.Typer(no_args_is_help=True, help="What became of leads.")
marts_app = typer.Typer(no_args_is_help=True, help="What analysts read: the schema analytics.")
console = Console(highlight=False, soft_wrap=True)

SHOWN_CHANGES = 20


def score() -> None:
    """Put the weights of dbt_scoring/seeds in force: built and tested, swapped in at once, open leads scored again.

    A bad seed is refused and changes nothing. Assigned leads keep their score and their agent.
    """
    from leadflow_pipeline.stages.dbt_builds import put_scoring_in_force

    with _reach() as (database, dbt):
        switch, _ = put_scoring_in_force(database, dbt, now=datetime.now(UTC))
    console.print(f"In force: version {switch.scoring_version}. {switch.rescored} open leads were scored again.")


def backtest(
    weights: Annotated[Path, typer.Option(help="A CSV file like dbt_scoring/seeds/scoring_weights.csv.")],
    since: Annotated[str, typer.Option(help="How far back: 90d, or a day like 2026-09-01.")] = "90d",
    outcome: Annotated[
        str, typer.Option(help="What lift is measured by: contacted, appointment or won.")
    ] = "appointment",
    changes: Annotated[Path | None, typer.Option(help="Write the leads that change bucket to this CSV file.")] = None,
    chart: Annotated[Path | None, typer.Option(help="Write the chart to this PNG file.")] = None,
) -> None:
    """Tell what other weights would have done with past leads. Nothing that is in force is touched."""
    from leadflow_pipeline.adapters.backtest_chart import draw_backtest
    from leadflow_pipeline.domain.backtests import OUTCOMES
    from leadflow_pipeline.stages.backtests import backtest_weights
    from leadflow_pipeline.stages.dbt_builds import build_trial

    if outcome not in OUTCOMES:
        raise PermanentError(f"--outcome is one of {', '.join(OUTCOMES)}.")
    now = datetime.now(UTC)
    start = read_since(since, now)
    text = _read(weights)
    with _reach() as (database, dbt):
        trial = dbt.with_weights(text)
        try:
            found = backtest_weights(
                database, lambda schema: build_trial(trial, schema), since=start, now=now, lift_outcome=outcome
            )
        finally:
            trial.discard()
    _print_backtest(found)
    if changes is not None:
        changes.write_text(found.changed.to_csv(index=False), encoding="utf-8")
        console.print(f"The leads that change bucket are in {changes}.")
    if chart is not None:
        chart.write_bytes(draw_backtest(found))
        console.print(f"The chart is {chart}.")


@outcomes_app.command("import")
def import_outcomes(
    file: Annotated[
        Path, typer.Argument(help="CSV with a header: stage, happened_at and one of lead_id, email, phone.")
    ],
) -> None:
    """Take in what became of leads (contacted, appointment, won, lost). One wrong row, and nothing is changed."""
    from leadflow_pipeline.stages.outcomes import read_outcomes, record_outcomes

    rows = read_outcomes(_read(file), region=read_settings().default_region, now=datetime.now(UTC))
    with _reach() as (database, _):
        new = record_outcomes(database, rows, told_by="file")
    console.print(f"{new} outcomes are new, {len(rows) - new} were known.")


@marts_app.command("build")
def build(
    from_scratch: Annotated[bool, typer.Option("--from-scratch", help="Compute all of history anew.")] = False,
) -> None:
    """Build and test the marts as they stand in dbt_scoring/ now."""
    from leadflow_pipeline.stages.dbt_builds import build_marts

    with _reach() as (database, dbt):
        _print_nodes(build_marts(database, dbt, from_scratch=from_scratch))


@marts_app.command("refresh")
def refresh() -> None:
    """Bring the marts up to date for the days that have changed; Dagster does it every 15 minutes."""
    from leadflow_pipeline.stages.dbt_builds import refresh_marts

    with _reach() as (database, dbt):
        _print_nodes(refresh_marts(database, dbt))


@marts_app.command("docs")
def docs() -> None:
    """Write the description of every table and column that analysts read, as one web page."""
    with _reach() as (_, dbt):
        command = ("docs", "generate", "--static")
        dbt.run(*command)
        page = dbt.target_of(*command) / "static_index.html"
    console.print(f"Open {page} in a browser.")


def read_since(text: str, now: datetime) -> datetime:
    """The time that `90d` or a day stands for. Raises `PermanentError` when it is neither."""
    if found := re.fullmatch(r"(\d{1,5})d", text.strip()):
        return now - timedelta(days=int(found[1]))
    try:
        return datetime.fromisoformat(text.strip()).replace(tzinfo=UTC)
    except ValueError as error:
        raise PermanentError(
            f"--since {text!r} is neither a number of days like 90d nor a day like 2026-09-01."
        ) from error


@contextmanager
def _reach() -> Iterator[tuple[Any, Any]]:
    """The database in force and dbt for it, for one command."""
    from leadflow_pipeline.adapters.database import Database
    from leadflow_pipeline.adapters.dbt_command import DbtCommand
    from leadflow_pipeline.runtime.postgres import reach_database

    settings = read_settings()
    with (
        reach_database(settings) as url,
        Database(url, pool_size=1, application_name="leadflow cli") as database,
    ):
        yield database, DbtCommand(url=url, work_folder=settings.home / "dbt")


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "is not UTF-8 text"
        raise PermanentError(f"{file}: {reason}.") from error


def _print_nodes(nodes: Any) -> None:
    models = [node for node in nodes if node.kind == "model"]
    for node in models:
        console.print(f"  {node.name:<40} {node.seconds:6.1f} s")
    console.print(f"{len(models)} models are up to date, {len(nodes) - len(models)} seeds and tests passed.")


def _print_backtest(found: Any) -> None:
    console.print(f"{found.leads} leads; {len(found.changed)} of them would change bucket.\n")
    table = Table("in force \\ new", *found.bucket_changes.columns, box=None)
    for bucket, row in found.bucket_changes.iterrows():
        table.add_row(str(bucket), *(str(count) for count in row))
    console.print(table)
    table = Table("hot", "weights", "hot leads", "got there", "precision", "recall", box=None)
    for row in found.hot_quality.to_dict("records"):
        weights = "in force" if row["weights"] == "old" else "new"
        table.add_row(
            row["outcome"],
            weights,
            str(row["hot"]),
            str(row["reached"]),
            _percent(row["precision"]),
            _percent(row["recall"]),
        )
    console.print(table)
    table = Table(f"lift to {found.lift_outcome}, decile", "in force", "new", box=None)
    for decile, row in found.lift.iterrows():
        table.add_row(str(decile), _times(row["old"]), _times(row["new"]))
    console.print(table)
    for row in found.changed.head(SHOWN_CHANGES).to_dict("records"):
        old, new = f"{row['old_score']} ({row['old_bucket']})", f"{row['new_score']} ({row['new_bucket']})"
        console.print(f"  lead {row['lead_id']}: {old} -> {new}")
    if len(found.changed) > SHOWN_CHANGES:
        console.print(f"  and {len(found.changed) - SHOWN_CHANGES} more; --changes FILE.csv writes all of them.")


def _percent(share: float | None) -> str:
    return "–" if share is None or share != share else f"{100 * share:.1f} %"


def _times(lift: float) -> str:
    return "–" if lift != lift else f"{lift:.2f}"
