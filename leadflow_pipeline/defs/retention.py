"""The nightly job that lets go of what is too old: raw mails, delivered effects, Dagster's own runs and ticks."""

import dagster as dg

from leadflow_pipeline.adapters.database import Database
from leadflow_pipeline.defs.failures import RETRY_TRANSIENT, no_retry_unless_transient
from leadflow_pipeline.settings import read_settings
from leadflow_pipeline.stages.retention import Kept, let_go

MOST_SECONDS = 600.0


@dg.op(retry_policy=RETRY_TRANSIENT, description="Deletes what is older than the LEADFLOW_KEEP_ settings say.")
def forgotten_rows(context: dg.OpExecutionContext, database: dg.ResourceParam[Database]) -> None:
    """Counts per table stand in the metadata."""
    settings = read_settings()
    kept = Kept(
        raw=settings.keep_raw_days,
        outbox=settings.keep_outbox_days,
        lead_events=settings.keep_lead_events_days,
        alerts=settings.keep_alerts_days,
        failed_runs=settings.keep_alerts_days,
        dagster_runs=settings.keep_runs_days,
        dagster_ticks=settings.keep_ticks_days,
    )
    with no_retry_unless_transient():
        gone = let_go(database, kept, seconds=MOST_SECONDS)
    context.add_output_metadata(dict(gone))


@dg.job(
    name="retention",
    executor_def=dg.in_process_executor,
    description="Keeps the database's size flat: deletes what is too old, every night.",
)
def retention() -> None:
    """One step."""
    forgotten_rows()


retention_schedule = dg.ScheduleDefinition(
    job_name="retention",
    cron_schedule="17 3 * * *",
    default_status=dg.DefaultScheduleStatus.RUNNING,
)
