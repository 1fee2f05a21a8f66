"""The jobs: which assets run together, and how."""

import dagster as dg

# One process per micro-batch: a process per step would cost more than the steps.
lead_pipeline = dg.define_asset_job(
    "lead_pipeline",
    selection=dg.AssetSelection.assets("staged_leads", "normalized_leads", "scored_leads", "assigned_leads"),
    executor_def=dg.in_process_executor,
    config={"loggers": {"console": {"config": {"log_level": "WARNING"}}}},  # the events are in the UI anyway
    description="The way of a micro-batch of leads: staged, normalized, scored, assigned.",
)
