"""Checks of what was promised, each one question to the tables: some with every batch, some on a schedule."""

from collections.abc import Sequence
from datetime import UTC, datetime

import dagster as dg

from leadflow_pipeline.adapters.database import Database
from leadflow_pipeline.defs.batches import batch_of
from leadflow_pipeline.defs.intake import staged_leads
from leadflow_pipeline.defs.judging import inquiry_questions
from leadflow_pipeline.defs.placing import assigned_leads
from leadflow_pipeline.stages.checks import count_unplaced_leads, list_quarantined, list_unfair
from leadflow_pipeline.stages.drift import Finding, watch_fill_rates, watch_rhythms
from leadflow_pipeline.stages.inquiry_questions import measure_disagreement

# The local model errs on about one text in nine, a good language model on fewer: what differs more often has drifted.
MOST_DISAGREEMENT = 0.25
LEAST_JUDGED_BY_BOTH = 20

# The leads go first: a check waits until its run's assets are made.
AFTER_ASSETS = {"dagster/priority": "-1"}


@dg.asset_check(asset=staged_leads, op_tags=AFTER_ASSETS)
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


@dg.asset_check(asset=assigned_leads, op_tags=AFTER_ASSETS)
def no_lead_without_place(database: dg.ResourceParam[Database]) -> dg.AssetCheckResult:
    """Fails when a lead of the last day is neither assigned, nor waiting for an agent, nor being worked on."""
    lost = count_unplaced_leads(database)
    return dg.AssetCheckResult(passed=lost == 0, metadata={"leads_without_place": lost})


@dg.asset_check(asset=assigned_leads)
def turns_are_fair(database: dg.ResourceParam[Database]) -> dg.AssetCheckResult:
    """Warns when an agent has had two leads more or fewer than their share since their pool last changed."""
    unfair = list_unfair(database)
    return dg.AssetCheckResult(
        passed=not unfair,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={
            f"{found.agent_id} in {found.pool}": f"{found.turns} leads, {found.share:.1f} are their share"
            for found in unfair
        },
    )


@dg.asset_check(asset=staged_leads)
def fill_rates_hold(database: dg.ResourceParam[Database]) -> dg.AssetCheckResult:
    """Fails when a source's mails fill a field less often than they used to: its layout has probably changed."""
    return report_findings(watch_fill_rates(database))


@dg.asset_check(asset=staged_leads)
def no_source_is_silent(database: dg.ResourceParam[Database]) -> dg.AssetCheckResult:
    """Fails when a source has sent nothing for longer than its own rhythm explains."""
    return report_findings(watch_rhythms(database, now=datetime.now(UTC)))


@dg.asset_check(asset=inquiry_questions)
def models_agree(database: dg.ResourceParam[Database]) -> dg.AssetCheckResult:
    """Warns when local and language model differ on the intent of too many leads of a week: one of them has drifted."""
    found = measure_disagreement(database, days=7)
    return dg.AssetCheckResult(
        passed=found.both < LEAST_JUDGED_BY_BOTH or found.share <= MOST_DISAGREEMENT,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"judged_by_both": found.both, "differing": found.differing, "share": found.share, **found.pairs},
    )


def report_findings(findings: Sequence[Finding]) -> dg.AssetCheckResult:
    """Passed when there is nothing to tell; else a line for each finding."""
    return dg.AssetCheckResult(
        passed=not findings,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={finding.key: finding.text for finding in findings},
    )
