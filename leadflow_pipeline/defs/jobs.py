"""The jobs: which assets run together, and how."""

import dagster as dg

from leadflow_pipeline.defs.checks import fill_rates_hold, no_source_is_silent, turns_are_fair
from leadflow_pipeline.settings import Settings

# One process per micro-batch: a process per step would cost more than the steps.
EXECUTORS = {"in_process": dg.in_process_executor, "multiprocess": dg.multiprocess_executor}
QUIET = {"loggers": {"console": {"config": {"log_level": "WARNING"}}}}  # the events are in the UI anyway
WATCHING = dg.AssetSelection.checks(fill_rates_hold, no_source_is_silent, turns_are_fair)

lead_pipeline = dg.define_asset_job(
    "lead_pipeline",
    selection=dg.AssetSelection.assets(
        "staged_leads",
        "normalized_leads",
        "enriched_leads",
        "inquiry_intents",
        "scored_leads",
        "assigned_leads",
        "deliveries",
    )
    - WATCHING,
    config=QUIET,
    description="The way of a micro-batch: staged, normalized, enriched, read for intent, scored, assigned, delivered.",
)

outbox_deliveries = dg.define_asset_job(
    "outbox_deliveries",
    selection=dg.AssetSelection.assets("deliveries"),
    config=QUIET,
    description="Tries again what could not be delivered in the run that caused it.",
)

weekly_drip = dg.define_asset_job(
    "weekly_drip",
    selection=dg.AssetSelection.assets("drip_mails"),
    config=QUIET,
    description="Queues the mails to low leads that are due this week.",
)


def schedule_drip(settings: Settings) -> dg.ScheduleDefinition:
    """When the weekly round comes."""
    return dg.ScheduleDefinition(
        job=weekly_drip,
        cron_schedule=settings.drip_schedule,
        execution_timezone=settings.time_zone,
        default_status=dg.DefaultScheduleStatus.RUNNING,
    )


late_inquiries = dg.define_asset_job(
    "late_inquiries",
    selection=dg.AssetSelection.assets("inquiry_questions"),
    config=QUIET,
    description="Asks the language model about inquiries, after their leads have their place.",
)

source_watch = dg.define_asset_job(
    "source_watch",
    selection=WATCHING,
    config=QUIET,
    description="Looks whether sources have changed their layout or gone silent, and whether turns are fair.",
)

source_watch_schedule = dg.ScheduleDefinition(
    job=source_watch,
    cron_schedule="*/10 * * * *",
    default_status=dg.DefaultScheduleStatus.RUNNING,
)
