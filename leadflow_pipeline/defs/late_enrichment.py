"""What is done about vendors' answers beside the hot path: late ones are fetched, old ones forgotten."""

import uuid
from contextlib import closing
from dataclasses import asdict

import dagster as dg

from leadflow_pipeline.adapters.database import Database
from leadflow_pipeline.defs.enrichers import build_enrichment
from leadflow_pipeline.defs.failures import RETRY_TRANSIENT, no_retry_unless_transient
from leadflow_pipeline.defs.jobs import QUIET
from leadflow_pipeline.settings import read_settings
from leadflow_pipeline.stages.late_enrichment import enrich_late, forget_expired, is_late_work_due

ROUND_SECONDS = 40.0  # a round ends before the schedule looks again


@dg.op(retry_policy=RETRY_TRANSIENT)
def fetch_late_answers(context: dg.OpExecutionContext, database: dg.ResourceParam[Database]) -> None:
    """One round: leads that wait for a vendor are asked about, scored anew and passed on."""
    with no_retry_unless_transient():
        batch_id = uuid.UUID(context.run_id)
        with closing(build_enrichment(read_settings())) as enrichment:
            counts = enrich_late(database, batch_id=batch_id, enrichment=enrichment, seconds=ROUND_SECONDS)
    context.add_output_metadata(asdict(counts))


@dg.job(
    executor_def=dg.in_process_executor,
    config=QUIET,
    description="Adds to leads what vendors did not tell in time, scores them anew and passes on what changed.",
)
def late_enrichment() -> None:
    """One op."""
    fetch_late_answers()


@dg.schedule(
    job=late_enrichment,
    cron_schedule="* * * * *",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Asks for a round when leads wait for a vendor that may be asked, and new leads are not kept waiting.",
)
def late_enrichment_schedule(database: dg.ResourceParam[Database]) -> dg.RunRequest | dg.SkipReason:
    """New leads go first: in a spike nothing is fetched late."""
    with closing(build_enrichment(read_settings())) as enrichment:
        if is_late_work_due(database, enrichment):
            return dg.RunRequest()
    return dg.SkipReason("no lead waits for a vendor that may be asked now")


@dg.op(retry_policy=RETRY_TRANSIENT)
def forget_expired_answers(context: dg.OpExecutionContext, database: dg.ResourceParam[Database]) -> None:
    """What the vendors' terms allow to keep for some days only."""
    with no_retry_unless_transient():
        answers, coordinates = forget_expired(database, coordinates_days=read_settings().google_keep_days)
    context.add_output_metadata({"answers": answers, "leads_without_coordinates": coordinates})


@dg.job(
    executor_def=dg.in_process_executor,
    config=QUIET,
    description="Forgets vendors' answers whose time is over, and coordinates that may not be kept longer.",
)
def vendor_retention() -> None:
    """One op."""
    forget_expired_answers()


vendor_retention_schedule = dg.ScheduleDefinition(
    job=vendor_retention,
    cron_schedule="23 */6 * * *",
    default_status=dg.DefaultScheduleStatus.RUNNING,
)
