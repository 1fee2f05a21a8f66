"""The assets that find out what a lead is worth: what vendors know, what its words say, its score.

A body names its batch, calls one stage and returns counts. The formula itself is dbt's (`dbt_models`).
"""

from contextlib import closing
from typing import Any

import dagster as dg

from leadflow_pipeline.adapters.database import Database
from leadflow_pipeline.adapters.intent_model_file import load_model
from leadflow_pipeline.adapters.language_models import build_language_model, name_language_model
from leadflow_pipeline.defs.asset_metadata import OWNERS, describe_columns, materialize, show_lineage
from leadflow_pipeline.defs.batches import batch_of, rules_in_force
from leadflow_pipeline.defs.enrichers import build_enrichment
from leadflow_pipeline.defs.failures import RETRY_TRANSIENT, no_retry_unless_transient
from leadflow_pipeline.defs.intake import normalized_leads
from leadflow_pipeline.domain.inquiries.verdicts import Verdict
from leadflow_pipeline.settings import read_settings
from leadflow_pipeline.stages.enriched_leads import enrich_leads
from leadflow_pipeline.stages.inquiry_intents import judge_inquiries
from leadflow_pipeline.stages.inquiry_questions import QuestionCounts, ask_language_model
from leadflow_pipeline.stages.scored_leads import score_leads

QUESTION_SECONDS = 50  # what is not asked by then is due for the next run


@dg.asset(
    deps=[normalized_leads],
    group_name="enrichment",
    kinds={"python", "postgres"},
    owners=OWNERS,
    tags={"pii": "yes"},
    retry_policy=RETRY_TRANSIENT,
    metadata={
        "dagster/table_name": "leads.enriched_leads",
        "dagster/column_schema": describe_columns(
            "lead_id bigint",
            "address_verified boolean",
            "formatted_address text",
            "place_id text",
            "latitude double precision",
            "longitude double precision",
            "county text",
            "zip text",
            "geocoded_at timestamptz",
            "company text",
            "job_title text",
            "seniority text",
            "social_profiles jsonb",
            "location text",
            "enriched_by text",
            "enriched_at timestamptz",
            "waits_for jsonb",
        ),
    },
)
def enriched_leads(
    context: dg.AssetExecutionContext, database: dg.ResourceParam[Database]
) -> dg.MaterializeResult[Any]:
    """What vendors know: where the address is, who the person is. What they do not tell in time comes later."""
    with no_retry_unless_transient(), closing(build_enrichment(read_settings())) as enrichment:
        version = rules_in_force().version
        counts = enrich_leads(database, batch_id=batch_of(context), enrichment=enrichment, rules_version=version)
        return materialize(counts, **show_lineage("enriched_leads"))


@dg.asset(
    deps=[enriched_leads],
    group_name="scoring",
    kinds={"python", "postgres"},
    owners=OWNERS,
    tags={"pii": "yes"},
    retry_policy=RETRY_TRANSIENT,
    metadata={
        "dagster/table_name": "leads.inquiry_intents",
        "dagster/column_schema": describe_columns("lead_id bigint", of=Verdict),
    },
)
def inquiry_intents(
    context: dg.AssetExecutionContext, database: dg.ResourceParam[Database]
) -> dg.MaterializeResult[Any]:
    """What the inquiries' own words say: intent, sentiment, readiness, and the facts they state."""
    with no_retry_unless_transient():
        counts = judge_inquiries(
            database,
            batch_id=batch_of(context),
            judge=load_model(),
            language_model=name_language_model(read_settings()),
            rules_version=rules_in_force().version,
        )
        return materialize(counts, **show_lineage("inquiry_intents"))


@dg.asset(
    deps=[inquiry_intents],
    group_name="scoring",
    kinds={"python", "postgres"},
    owners=OWNERS,
    retry_policy=RETRY_TRANSIENT,
    metadata={
        "dagster/table_name": "leads.inquiry_questions",
        "dagster/column_schema": describe_columns("text_hash text", "status text", "cost numeric", of=Verdict),
    },
)
def inquiry_questions(database: dg.ResourceParam[Database]) -> dg.MaterializeResult[Any]:
    """What a language model says of inquiries whose leads have their place already; it changes verdicts and scores."""
    with no_retry_unless_transient():
        language_model = build_language_model(read_settings())
        if language_model is None:
            return materialize(QuestionCounts())
        return materialize(ask_language_model(database, language_model, seconds=QUESTION_SECONDS))


@dg.asset(
    deps=[enriched_leads, inquiry_intents, dg.AssetKey(["scoring", "lead_scores"])],
    group_name="scoring",
    kinds={"dbt", "postgres"},
    owners=OWNERS,
    retry_policy=RETRY_TRANSIENT,
    metadata={
        "dagster/table_name": "leads.scored_leads",
        "dagster/column_schema": describe_columns(
            "lead_id bigint", "score integer", "bucket text", "contributions jsonb", "scoring_version text"
        ),
    },
)
def scored_leads(context: dg.AssetExecutionContext, database: dg.ResourceParam[Database]) -> dg.MaterializeResult[Any]:
    """Scores by the weights that analysts keep in dbt, with the rules that gave each one."""
    with no_retry_unless_transient():
        counts = score_leads(database, batch_id=batch_of(context), rules_version=rules_in_force().version)
        return materialize(counts, **show_lineage("scored_leads"))
