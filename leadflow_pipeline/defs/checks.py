"""Checks that every batch makes, each one named query: what was promised, looked up in the tables."""

import dagster as dg

from leadflow_pipeline.adapters.database import Database
from leadflow_pipeline.defs.assets import assigned_leads, batch_of, staged_leads
from leadflow_pipeline.stages.checks import count_unplaced_leads, list_quarantined


@dg.asset_check(asset=staged_leads)
def every_event_was_read(
    context: dg.AssetCheckExecutionContext, database: dg.ResourceParam[Database]
) -> dg.AssetCheckResult:
    """Warns when events of the batch wait in quarantine, by source and reason."""
    found = list_quarantined(database, batch_id=batch_of(context))
    return dg.AssetCheckResult(
        passed=not found,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={f"{group.source}: {group.reason}": group.events for group in found},
    )


@dg.asset_check(asset=assigned_leads)
def no_lead_without_place(database: dg.ResourceParam[Database]) -> dg.AssetCheckResult:
    """Fails when a lead of the last day is neither assigned, nor waiting for an agent, nor being worked on."""
    lost = count_unplaced_leads(database)
    return dg.AssetCheckResult(passed=lost == 0, metadata={"leads_without_place": lost})
