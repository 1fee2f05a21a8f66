"""The dbt models as assets: scoring before `scored_leads`, marts behind `assigned_leads`. dbt has a process of its own.

The hot path is not here: it reads the scoring views and never builds them.
"""

import base64
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import dagster as dg

from leadflow_pipeline.adapters.database import Database
from leadflow_pipeline.adapters.dbt_command import DBT_PROJECT, DbtCommand
from leadflow_pipeline.adapters.dbt_project import DbtModel, read_models
from leadflow_pipeline.defs.failures import no_retry_unless_transient
from leadflow_pipeline.settings import read_settings
from leadflow_pipeline.stages.dbt_builds import DbtNode, build_trial, put_scoring_in_force, refresh_marts

ANALYSTS = ["team:analysts"]
PIPELINE_ASSETS = ("staged_leads", "normalized_leads", "enriched_leads", "scored_leads", "assigned_leads")
PIPELINE_TABLES = {f"leads.{asset}" for asset in PIPELINE_ASSETS}
SHOWN_CHANGES = 50


def key_of(table: str) -> dg.AssetKey:
    """The key of a table: its name alone for the pipeline's own assets, else with its schema."""
    return dg.AssetKey(table.split(".")[1]) if table in PIPELINE_TABLES else dg.AssetKey(table.split("."))


def list_specs(part: str, group: str) -> list[dg.AssetSpec]:
    """An asset for each model and seed of a part."""
    models = {model.name: model for model in read_models()}
    return [describe(model, models, group) for model in models.values() if model.part == part]


def describe(model: DbtModel, models: dict[str, DbtModel], group: str) -> dg.AssetSpec:
    """A model as Dagster shows it."""
    return dg.AssetSpec(
        key=key_of_model(model),
        deps=[
            *(key_of_model(models[name]) for name in model.reads),
            *(key_of(table) for table in model.reads_tables if table in PIPELINE_TABLES),
        ],
        group_name=group,
        kinds={"dbt", "postgres"},
        owners=ANALYSTS,
        description=model.description,
        metadata={
            "dagster/table_name": model.table,
            "dagster/column_schema": dg.TableSchema(
                columns=[dg.TableColumn(name, description=words) for name, words in model.columns.items()]
            ),
        },
    )


def key_of_model(model: DbtModel) -> dg.AssetKey:
    """Always with the schema: `analytics.scored_leads` is not the asset `scored_leads`."""
    return dg.AssetKey(model.table.split("."))


def list_check_specs(part: str) -> list[dg.AssetCheckSpec]:
    """One check for each model: all of dbt's tests of it."""
    return [
        dg.AssetCheckSpec("dbt_tests", asset=key_of_model(model), description="dbt's tests, data and unit.")
        for model in read_models()
        if model.part == part
    ]


def report(nodes: Sequence[DbtNode], part: str, **more: Mapping[str, str | int]) -> Iterator[dg.MaterializeResult[Any]]:
    """What dbt did, per model, with `more` metadata by model. A build with a failed test has raised before."""
    built = {node.name: node for node in nodes if node.kind in ("model", "seed")}
    models = {model.name: model for model in read_models() if model.part == part}
    # Dagster wants what is read before what reads it.
    for name in TopologicalSorter({model.name: model.reads for model in models.values()}).static_order():
        if name not in models:
            continue
        model = models[name]
        tests = sum(model.name in node.models for node in nodes if node.kind in ("test", "unit_test"))
        metadata: dict[str, Any] = dict(more.get(model.name, {}))
        if node := built.get(model.name):
            metadata["seconds"] = round(node.seconds, 2)
            if node.rows is not None and node.rows >= 0:
                metadata["rows_written"] = node.rows
        yield dg.MaterializeResult(
            asset_key=key_of_model(model),
            metadata=metadata,
            check_results=[
                dg.AssetCheckResult(
                    asset_key=key_of_model(model), check_name="dbt_tests", passed=True, metadata={"tests": tests}
                )
            ],
        )


def dbt_of(database: Database) -> DbtCommand:
    """dbt for the database that the run works on."""
    return DbtCommand(url=database.url, work_folder=read_settings().home / "dbt")


@dg.multi_asset(
    name="scoring_models",
    specs=list_specs("scoring", "scoring_formula"),
    check_specs=list_check_specs("scoring"),
)
def scoring_models(database: dg.ResourceParam[Database]) -> Iterator[dg.MaterializeResult[Any]]:
    """Puts the weights of dbt_scoring/seeds in force: tested first, swapped in at once, open leads scored again."""
    with no_retry_unless_transient():
        switch, nodes = put_scoring_in_force(database, dbt_of(database), now=datetime.now(UTC))
        version: dict[str, str | int] = {
            "scoring_version": switch.scoring_version,
            "open_leads_scored_again": switch.rescored,
        }
        yield from report(nodes, "scoring", lead_scores=version)


@dg.multi_asset(name="marts", specs=list_specs("marts", "analytics"), check_specs=list_check_specs("marts"))
def marts(database: dg.ResourceParam[Database]) -> Iterator[dg.MaterializeResult[Any]]:
    """Brings the marts up to date for the days that have changed since the last time."""
    with no_retry_unless_transient():
        yield from report(refresh_marts(database, dbt_of(database)), "marts")


class BacktestConfig(dg.Config):
    """Which weights are compared with those in force, and on which leads."""

    weights_file: str = str(DBT_PROJECT / "seeds" / "scoring_weights.csv")
    since_days: int = 90
    outcome: str = "appointment"


@dg.asset(
    key=["scoring", "backtest"],
    deps=[dg.AssetKey(["scoring", "lead_scores"])],
    group_name="scoring_formula",
    kinds={"dbt", "pandas"},
    owners=ANALYSTS,
    metadata={"dagster/column_schema": dg.TableSchema(columns=[dg.TableColumn("lead_id", "bigint")])},
)
def backtest(config: BacktestConfig, database: dg.ResourceParam[Database]) -> dg.MaterializeResult[Any]:
    """What a file of weights would have done with past leads, before anybody puts it in force."""
    from leadflow_pipeline.adapters.backtest_chart import draw_backtest
    from leadflow_pipeline.stages.backtests import backtest_weights

    with no_retry_unless_transient():
        trial = dbt_of(database).with_weights(Path(config.weights_file).read_text(encoding="utf-8"))
        now = datetime.now(UTC)
        try:
            found = backtest_weights(
                database,
                lambda schema: build_trial(trial, schema),
                since=now - timedelta(days=config.since_days),
                now=now,
                lift_outcome=config.outcome,
            )
        finally:
            trial.discard()
        chart = base64.b64encode(draw_backtest(found)).decode()
        return dg.MaterializeResult(
            metadata={
                "leads": found.leads,
                "leads_that_change_bucket": len(found.changed),
                "chart": dg.MetadataValue.md(f"![lift and buckets](data:image/png;base64,{chart})"),
                "bucket_changes": dg.MetadataValue.md(as_table(found.bucket_changes.reset_index(names="in force"))),
                "hot": dg.MetadataValue.md(as_table(found.hot_quality)),
                "lift": dg.MetadataValue.md(as_table(found.lift.reset_index(names="decile"))),
                "first_changes": dg.MetadataValue.md(as_table(found.changed.head(SHOWN_CHANGES))),
            }
        )


def as_table(frame: Any) -> str:
    """A data frame as a Markdown table."""
    lines = [list(map(str, frame.columns)), ["---"] * len(frame.columns)]
    lines += [
        [f"{cell:.3f}" if isinstance(cell, float) else str(cell) for cell in row] for row in frame.values.tolist()
    ]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


marts_refresh = dg.define_asset_job(
    "marts_refresh",
    selection=dg.AssetSelection.assets(marts),
    executor_def=dg.in_process_executor,
    config={"loggers": {"console": {"config": {"log_level": "WARNING"}}}},
    description="Brings the marts that analysts read up to date.",
)


@dg.schedule(job=marts_refresh, cron_schedule="*/15 * * * *", default_status=dg.DefaultScheduleStatus.RUNNING)
def marts_refresh_schedule(database: dg.ResourceParam[Database]) -> dg.RunRequest | dg.SkipReason:
    """Every quarter of an hour, if anything has come in since the marts were last looked at."""
    with database.transaction() as transaction:
        if not transaction.value("have_marts_aged"):
            return dg.SkipReason("nothing has changed since the last time")
    return dg.RunRequest()
