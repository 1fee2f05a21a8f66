"""The assets that bring a lead to somebody: its place with an agent, what the outside world is told, the drip.

A body names its batch, calls one stage and returns counts.
"""

from datetime import UTC, datetime
from typing import Any

import dagster as dg

from leadflow_pipeline.adapters.database import Database
from leadflow_pipeline.defs.asset_metadata import (
    OWNERS,
    add_counts,
    describe_columns,
    materialize,
    point_to_leads,
    show_lineage,
)
from leadflow_pipeline.defs.batches import batch_of, rules_in_force
from leadflow_pipeline.defs.failures import RETRY_TRANSIENT, no_retry_unless_transient
from leadflow_pipeline.defs.judging import scored_leads
from leadflow_pipeline.defs.senders import build_senders, name_budgets, routing_terms
from leadflow_pipeline.settings import read_settings
from leadflow_pipeline.stages.assigned_leads import assign_leads
from leadflow_pipeline.stages.deliveries import deliver_effects, seconds_for_first_tries
from leadflow_pipeline.stages.drip_mails import run_drip_round
from leadflow_pipeline.stages.isolation import list_batch_leads, work_without_culprits

RETRY_SECONDS = 45  # what is not delivered by then is due for the next run


@dg.asset(
    deps=[scored_leads],
    group_name="routing",
    kinds={"python", "postgres"},
    owners=OWNERS,
    retry_policy=RETRY_TRANSIENT,
    metadata={
        "dagster/table_name": "leads.assigned_leads",
        "dagster/column_schema": describe_columns(
            "lead_id bigint",
            "event_id bigint",
            "agent_id text",
            "method text",
            "bucket text",
            "received_at timestamptz",
            "assigned_at timestamptz",
        ),
    },
)
def assigned_leads(
    context: dg.AssetExecutionContext, database: dg.ResourceParam[Database]
) -> dg.MaterializeResult[Any]:
    """Every lead's place: its person's agent, the hot channel, whoever is next in turn, the drip, the waiting list."""
    with no_retry_unless_transient():
        batch_id, settings = batch_of(context), read_settings()
        terms, channels = routing_terms(settings), settings.channels
        parts, quarantined = work_without_culprits(
            database,
            batch_id=batch_id,
            stage="assigned_leads",
            version=rules_in_force().version,
            work=lambda lead_ids: assign_leads(
                database, batch_id=batch_id, terms=terms, channels=channels, lead_ids=lead_ids
            ),
        )
        leads = point_to_leads(list_batch_leads(database, batch_id=batch_id))
        counts = add_counts(parts, quarantined=quarantined)
        return materialize(counts, leads=leads, **show_lineage("assigned_leads"))


@dg.asset(
    deps=[assigned_leads],
    group_name="delivery",
    kinds={"python", "postgres"},
    owners=OWNERS,
    retry_policy=RETRY_TRANSIENT,
    metadata={
        "dagster/table_name": "delivery.outbox",
        "dagster/column_schema": describe_columns(
            "outbox_id bigint",
            "idempotency_key text",
            "kind text",
            "lead_id bigint",
            "agent_id text",
            "status text",
            "attempts integer",
            "vendor_reference text",
            "sent_at timestamptz",
        ),
    },
)
def deliveries(context: dg.AssetExecutionContext, database: dg.ResourceParam[Database]) -> dg.MaterializeResult[Any]:
    """What the outside world has to be told, whoever caused it: each effect tried, and tried again until it is done."""
    with no_retry_unless_transient():
        settings = read_settings()
        senders = build_senders(settings, database)
        budgets = name_budgets(settings)
        is_first = context.run.job_name == "lead_pipeline"
        seconds = seconds_for_first_tries(database) if is_first else RETRY_SECONDS
        return materialize(deliver_effects(database, senders, seconds=seconds, budgets=budgets))


@dg.asset(
    group_name="drip",
    kinds={"python", "postgres"},
    owners=OWNERS,
    tags={"pii": "yes"},
    retry_policy=RETRY_TRANSIENT,
    metadata={
        "dagster/table_name": "delivery.drip_sequences",
        "dagster/column_schema": describe_columns(
            "lead_id bigint", "track text", "next_step integer", "next_on date", "end_reason text"
        ),
    },
)
def drip_mails(database: dg.ResourceParam[Database]) -> dg.MaterializeResult[Any]:
    """The weekly mails to low leads that are due; `deliveries` sends them. A dry run until a sender is configured."""
    with no_retry_unless_transient():
        settings = read_settings()
        dry_run = not settings.sends_mail
        now = datetime.now(UTC)
        return materialize(run_drip_round(database, now=now, time_zone=settings.time_zone, dry_run=dry_run))
