"""What all steps of a batch share: which batch a run works on, how the work is cut, the mail rules in force.

A batch is a run: its id is the root run's, so that a run that is done again works on the same leads.
"""

import uuid

import dagster as dg

from leadflow_pipeline.adapters.rules_in_force import RulesInForce, read_rules_in_force
from leadflow_pipeline.settings import Settings, read_settings
from leadflow_pipeline.stages.batches import BatchLimits


def batch_of(context: dg.AssetExecutionContext | dg.AssetCheckExecutionContext) -> uuid.UUID:
    """The batch that this run works on."""
    return uuid.UUID(context.run.root_run_id or context.run.run_id)


def batch_limits(settings: Settings) -> BatchLimits:
    """How the work is cut, by the settings."""
    return BatchLimits(
        batch_size=settings.batch_size, max_batches=settings.max_batches, lease_seconds=settings.lease_seconds
    )


def rules_in_force() -> RulesInForce:
    """The mail rules as they are now; read again only when a file has changed."""
    settings = read_settings()
    return read_rules_in_force(settings.rules_dir, settings.home)
