"""The assets of the hot path, one per stage. A body names its batch, calls one stage and returns counts.

A batch is a run: its id is the root run's, so that a run that is done again works on the same leads.
"""

import uuid
from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict, fields
from datetime import UTC, datetime
from typing import Any

import dagster as dg

from leadflow_pipeline.adapters.database import Database
from leadflow_pipeline.adapters.intent_model_file import load_model
from leadflow_pipeline.adapters.language_models import build_language_model, name_language_model
from leadflow_pipeline.adapters.meta_graph import MetaGraph
from leadflow_pipeline.adapters.rules_in_force import RulesInForce, read_rules_in_force
from leadflow_pipeline.adapters.watched_process import WatchedProcess
from leadflow_pipeline.defs.enrichers import build_enrichment
from leadflow_pipeline.defs.failures import RETRY_TRANSIENT, no_retry_unless_transient
from leadflow_pipeline.defs.senders import build_senders, name_budgets, routing_terms
from leadflow_pipeline.domain.inquiries.verdicts import Verdict
from leadflow_pipeline.domain.mail_rules import MailRule
from leadflow_pipeline.domain.mail_trust import OurMail
from leadflow_pipeline.domain.normalized_leads import NormalizedLead
from leadflow_pipeline.domain.staged_leads import StagedLead
from leadflow_pipeline.settings import Settings, read_settings
from leadflow_pipeline.stages.assigned_leads import assign_leads
from leadflow_pipeline.stages.batches import BatchLimits
from leadflow_pipeline.stages.deliveries import deliver_effects
from leadflow_pipeline.stages.drip_mails import run_drip_round
from leadflow_pipeline.stages.enriched_leads import enrich_leads
from leadflow_pipeline.stages.inquiry_intents import judge_inquiries
from leadflow_pipeline.stages.inquiry_questions import QuestionCounts, ask_language_model
from leadflow_pipeline.stages.isolation import stamp_rules, work_without_culprits
from leadflow_pipeline.stages.normalized_leads import normalize_leads
from leadflow_pipeline.stages.scored_leads import score_leads
from leadflow_pipeline.stages.staged_leads import stage_leads

OWNERS = ["team:lead-operations"]
# What is not delivered by then is due for the next run: a batch's own run makes room for the next batch soon.
FIRST_TRY_SECONDS, RETRY_SECONDS = 5, 45
QUESTION_SECONDS = 50  # what is not asked by then is due for the next run
SQL_TYPES = {
    "str": "text",
    "bool": "boolean",
    "Decimal": "numeric",
    "int": "integer",
    "float": "double precision",
    "Literal": "text",
}  # the other fields are kept as JSON


def batch_of(context: dg.AssetExecutionContext | dg.AssetCheckExecutionContext) -> uuid.UUID:
    """The batch that this run works on."""
    return uuid.UUID(context.run.root_run_id or context.run.run_id)


def batch_limits(settings: Settings) -> BatchLimits:
    """How the work is cut, by the settings."""
    return BatchLimits(
        batch_size=settings.batch_size, max_batches=settings.max_batches, lease_seconds=settings.lease_seconds
    )


def describe_columns(*columns: str, of: type | None = None) -> dg.TableSchema:
    """A column schema from `name type` pairs and the fields of a row's dataclass."""
    pairs = [column.split(" ", 1) for column in columns]
    for field in fields(of) if of else ():
        kind = str(getattr(field.type, "__name__", field.type)).removesuffix(" | None")
        pairs.append([field.name, SQL_TYPES.get(kind, "jsonb")])
    return dg.TableSchema(columns=[dg.TableColumn(name, kind) for name, kind in pairs])


def materialize(counts: Any) -> dg.MaterializeResult[Any]:
    """A result with the counts that are known."""
    known = {
        name: value
        for name, value in (counts if isinstance(counts, dict) else asdict(counts)).items()
        if value is not None
    }
    return dg.MaterializeResult(
        metadata={name: round(value, 3) if isinstance(value, float) else value for name, value in known.items()}
    )


def add_counts(parts: Sequence[Any], **more: int) -> dict[str, Any]:
    """The counts of a step that was done in parts: numbers added up, seconds the longest."""
    known = [{name: value for name, value in asdict(part).items() if value is not None} for part in parts]
    names = list(dict.fromkeys(name for counts in known for name in counts))
    return {
        name: (max if name.endswith("_seconds") else sum)(counts[name] for counts in known if name in counts)
        for name in names
    } | more


def rules_in_force() -> RulesInForce:
    """The mail rules as they are now; read again only when a file has changed."""
    settings = read_settings()
    return read_rules_in_force(settings.rules_dir, settings.home)


def mail_rules() -> Sequence[MailRule]:
    """The mail rules as they are now."""
    return rules_in_force().rules


@dg.asset(
    group_name="intake",
    kinds={"python", "postgres"},
    owners=OWNERS,
    tags={"pii": "yes"},
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
        return materialize(normalize_leads(database, batch_id=batch_of(context), region=region, rules_version=version))


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
        return materialize(
            enrich_leads(database, batch_id=batch_of(context), enrichment=enrichment, rules_version=version)
        )


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
        return materialize(
            judge_inquiries(
                database,
                batch_id=batch_of(context),
                judge=load_model(),
                language_model=name_language_model(read_settings()),
                rules_version=rules_in_force().version,
            )
        )


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
        return materialize(score_leads(database, batch_id=batch_of(context), rules_version=rules_in_force().version))


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
        return materialize(add_counts(parts, quarantined=quarantined))


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
        seconds = FIRST_TRY_SECONDS if context.run.job_name == "lead_pipeline" else RETRY_SECONDS
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
