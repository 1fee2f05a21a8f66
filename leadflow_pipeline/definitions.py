"""The Dagster assembly: everything in `defs/`, put together when Dagster asks for it and not before."""

from collections.abc import Mapping
from contextlib import suppress

import dagster as dg

from leadflow_pipeline.adapters.database import load_queries
from leadflow_pipeline.adapters.intent_model_file import load_model
from leadflow_pipeline.adapters.rule_files import RuleFileError
from leadflow_pipeline.adapters.rules_in_force import read_rules_in_force
from leadflow_pipeline.defs import (
    checks,
    dbt_models,
    first_touches,
    intake,
    jobs,
    judging,
    late_enrichment,
    placing,
    replays,
    retention,
    sensors,
    watching,
)
from leadflow_pipeline.defs.resources import build_resources
from leadflow_pipeline.settings import Settings, read_settings


def build_definitions(settings: Settings, resources: Mapping[str, object] | None = None) -> dg.Definitions:
    """The definitions of a stack with these settings; `resources` replaces some of them, for tests."""
    timed = settings.first_touch_minutes > 0
    late_sensors = [sensors.inquiry_sensor] if settings.llm_provider else []
    return dg.Definitions(
        assets=dg.load_assets_from_modules([intake, judging, placing, dbt_models]),
        asset_checks=dg.load_asset_checks_from_modules([checks]),
        jobs=[
            jobs.lead_pipeline,
            jobs.outbox_deliveries,
            jobs.weekly_drip,
            jobs.late_inquiries,
            jobs.source_watch,
            dbt_models.marts_refresh,
            late_enrichment.late_enrichment,
            late_enrichment.vendor_retention,
            replays.replay_quarantined,
            retention.retention,
            *([first_touches.first_touch_watch] if timed else []),
        ],
        schedules=[
            jobs.source_watch_schedule,
            jobs.schedule_drip(settings),
            dbt_models.marts_refresh_schedule,
            late_enrichment.late_enrichment_schedule,
            late_enrichment.vendor_retention_schedule,
            retention.retention_schedule,
        ],
        sensors=[
            *sensors.inbox_sensors,
            *sensors.landing_sensors,
            sensors.outbox_sensor,
            replays.quarantine_sensor,
            watching.watch_sensor,
            *late_sensors,
            *([first_touches.first_touch_sensor] if timed else []),
        ],
        executor=jobs.EXECUTORS[settings.executor],
        resources={**build_resources(settings), **(resources or {})},
    )


@dg.definitions
def defs() -> dg.Definitions:
    """What Dagster loads."""
    return build_definitions(read_settings())


def warm_up() -> None:
    """Read what every run reads first, once, in the process that runs are forked from. Keeps no connection."""
    settings = read_settings()
    build_definitions(settings).get_repository_def().get_job(jobs.lead_pipeline.name)
    load_queries()
    load_model()
    with suppress(RuleFileError):  # the run says what is wrong with them
        read_rules_in_force(settings.rules_dir, settings.home)
