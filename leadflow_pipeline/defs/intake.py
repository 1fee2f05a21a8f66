"""The first assets of the hot path: what sources said, and the same as clean facts.

A body names its batch, calls one stage and returns counts.
"""

from datetime import timedelta
from typing import Any

import dagster as dg

from leadflow_pipeline.adapters.database import Database
from leadflow_pipeline.adapters.meta_graph import MetaGraph
from leadflow_pipeline.adapters.watched_process import WatchedProcess
from leadflow_pipeline.defs.asset_metadata import OWNERS, describe_columns, materialize, show_lineage
from leadflow_pipeline.defs.batches import batch_limits, batch_of, rules_in_force
from leadflow_pipeline.defs.failures import RETRY_TRANSIENT, no_retry_unless_transient
from leadflow_pipeline.domain.mail_trust import OurMail
from leadflow_pipeline.domain.normalized_leads import NormalizedLead
from leadflow_pipeline.domain.staged_leads import StagedLead
from leadflow_pipeline.settings import read_settings
from leadflow_pipeline.stages.isolation import stamp_rules
from leadflow_pipeline.stages.normalized_leads import normalize_leads
from leadflow_pipeline.stages.staged_leads import stage_leads

# A run comes with a lead: what is not fresh has had none for so long. For sources that fall silent there is a check.
QUIET_DAY, QUIET_DAYS = timedelta(days=1), timedelta(days=3)


@dg.asset(
    group_name="intake",
    kinds={"python", "postgres"},
    owners=OWNERS,
    tags={"pii": "yes"},
    freshness_policy=dg.FreshnessPolicy.time_window(warn_window=QUIET_DAY, fail_window=QUIET_DAYS),
    retry_policy=RETRY_TRANSIENT,
    metadata={
        "dagster/table_name": "leads.staged_leads",
        "dagster/column_schema": describe_columns("lead_id bigint", "event_id bigint", "source text", of=StagedLead),
    },
)
def staged_leads(
    context: dg.AssetExecutionContext, database: dg.ResourceParam[Database], meta_graph: dg.ResourceParam[MetaGraph]
) -> dg.MaterializeResult[Any]:
    """What the sources said: mails read by rule, forms by adapter. The rest is ignored or quarantined."""
    with no_retry_unless_transient():
        settings, batch_id, in_force = read_settings(), batch_of(context), rules_in_force()
        staged = stage_leads(
            database,
            batch_id=batch_id,
            rules=in_force.rules,
            limits=batch_limits(settings),
            ours=OurMail(addresses=settings.list_own_addresses(), hosts=settings.list_authserv_ids()),
            work_through=WatchedProcess(),
            contact_sources={"meta": meta_graph},
        )
        if staged.quarantined:
            stamp_rules(database, batch_id=batch_id, version=in_force.version)
        return materialize(staged)


@dg.asset(
    deps=[staged_leads],
    group_name="cleaning",
    kinds={"python", "postgres"},
    owners=OWNERS,
    tags={"pii": "yes"},
    retry_policy=RETRY_TRANSIENT,
    metadata={
        "dagster/table_name": "leads.normalized_leads",
        "dagster/column_schema": describe_columns("lead_id bigint", of=NormalizedLead),
    },
)
def normalized_leads(
    context: dg.AssetExecutionContext, database: dg.ResourceParam[Database]
) -> dg.MaterializeResult[Any]:
    """Clean facts: phones in E.164, names in proper case, e-mails checked, addresses in parts, money in dollars."""
    with no_retry_unless_transient():
        region = read_settings().default_region
        version = rules_in_force().version
        counts = normalize_leads(database, batch_id=batch_of(context), region=region, rules_version=version)
        return materialize(counts, **show_lineage("normalized_leads"))
