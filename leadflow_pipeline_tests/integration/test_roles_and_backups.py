"""Roles that may do no more than their part, plans without a scan of a big table, and a backup that comes back."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import psycopg2
import pytest
from sqlalchemy.engine import make_url

from leadflow_pipeline.adapters.database import Database, load_queries
from leadflow_pipeline.adapters.migrations import apply_migrations
from leadflow_pipeline.domain.errors import PermanentError
from leadflow_pipeline.runtime.backups import read_backup, write_backup
from leadflow_pipeline.stages.posts import ArrivedPost, PostIdentity, land_posts
from leadflow_pipeline_tests.integration.conftest import run_statement
from leadflow_pipeline_tests.integration.slack_sandbox import ANA, run_slack_sandbox
from leadflow_pipeline_tests.integration.test_pipeline import Query, land, run


def as_role(url: str, role: str) -> str:
    """The same database, as somebody who has only this role's rights."""
    address = make_url(url)
    options = f"{address.query.get('options', '')} -c role={role}".strip()
    changed = address.update_query_dict({"options": options}).render_as_string(hide_password=False)
    return changed.replace("+", "%20")  # libpq takes a plus for a plus


# Roles


def test_the_receiver_s_role_lands_posts_and_can_read_no_lead(database: Database, database_url: str) -> None:
    land(database, name="Somebody Else")
    run(database)
    with Database(as_role(database_url, "leadflow_receiver")) as receiver:
        arrived = ArrivedPost(
            source="website",
            raw=json.dumps({"name": "Ana", "phone": "512-555-0142"}).encode(),
            content_type="application/json",
            identity=PostIdentity(idempotency_key="first"),
            headers={},
            received_at=datetime.now(UTC),
        )
        assert land_posts(receiver, [arrived])[0].is_new
        with receiver.transaction() as transaction:
            assert transaction.value("can_store") is True
    for table in ("leads.staged_leads", "leads.normalized_leads", "ops.erased_contents", "dagster.runs"):
        with pytest.raises(psycopg2.Error):
            run_statement(as_role(database_url, "leadflow_receiver"), f"select * from {table}")
    with pytest.raises(psycopg2.errors.InsufficientPrivilege):
        run_statement(as_role(database_url, "leadflow_receiver"), "delete from landing.events")


def test_the_pipeline_s_role_takes_a_lead_all_the_way_and_changes_no_table(
    database: Database, database_url: str, add_agents: Callable[[int], list[str]], query: Query
) -> None:
    add_agents(1)
    land(database)
    with Database(as_role(database_url, "leadflow_pipeline")) as pipeline:
        run(pipeline)
    assert query("select count(*) from leads.assigned_leads") == [(1,)]
    with pytest.raises(psycopg2.errors.InsufficientPrivilege):
        run_statement(as_role(database_url, "leadflow_pipeline"), "drop table leads.scored_leads")


def test_a_receiver_with_the_pipeline_s_role_takes_claims(database_url: str, tmp_path: Path) -> None:
    with (
        Database(as_role(database_url, "leadflow_pipeline")) as narrow,
        run_slack_sandbox(narrow, tmp_path) as sandbox,
    ):
        sandbox.offer()
        assert "yours" in sandbox.click(ANA)


# Plans

BIG = """
    with events as (
        insert into landing.events (channel, source, external_id, received_at, content_type, raw, content_hash, status)
        select 'webhook', 'website', n::text, now() - n * interval '1 minute', 'application/json', '{}', n::text,
            'staged'
        from generate_series(1, 60000) as n returning event_id, received_at
    ), staged as (
        insert into leads.staged_leads (event_id, batch_id, channel, source, rule, rule_version, received_at)
        select event_id, gen_random_uuid(), 'webhook', 'website', 'website', 1, received_at from events
        returning lead_id, event_id, batch_id, received_at
    ), normalized as (
        insert into leads.normalized_leads (lead_id, batch_id, phone_valid) select lead_id, batch_id, true from staged
    ), scored as (
        insert into leads.scored_leads (lead_id, batch_id, score, bucket, contributions, scoring_version)
        select lead_id, batch_id, 1, 'low', '[]', 'v' from staged
    ), judged as (
        insert into leads.inquiry_intents (
            lead_id, batch_id, text_hash, intent, sentiment, readiness, confidence, model,
            local_intent, local_sentiment, local_readiness, local_confidence, local_model
        )
        select lead_id, batch_id, lead_id::text, 'browsing', 'neutral', 1, 0.5, 'm', 'browsing', 'neutral', 1, 0.5, 'm'
        from staged
    ), assigned as (
        insert into leads.assigned_leads (lead_id, event_id, batch_id, method, bucket, received_at)
        select lead_id, event_id, batch_id, 'drip', 'low', received_at from staged
    ), told as (
        insert into delivery.outbox (idempotency_key, kind, lead_id, status)
        select 'sms:' || lead_id, 'sms', lead_id, 'sent' from staged
    )
    insert into ops.lead_events (event_id, lead_id, batch_id, kind)
    select event_id, lead_id, batch_id, 'staged' from staged
"""
BATCH = "00000000-0000-0000-0000-00000000000a"
HOT = {
    "count_batches": {"batch_size": 500, "most": 4, "overdue_seconds": 5, "patience_seconds": 20},
    "claim_batch": {"batch_id": BATCH, "batch_size": 500, "lease_seconds": 45},
    "settle_events": {"batch_id": BATCH, "rows": '[{"event_id": 1, "status": "staged", "source": "website"}]'},
    "stamp_rules": {"batch_id": BATCH, "rules_version": "v"},
    "read_staged_leads": {"batch_id": BATCH},
    "read_leads_to_enrich": {"batch_id": BATCH},
    "count_events_behind": {"waited_seconds": 0},
    "read_inquiries": {"batch_id": BATCH},
    "write_scored_leads": {"batch_id": BATCH, "lead_ids": None},
    "list_batch_leads": {"batch_id": BATCH},
    "list_due_leads": {"batch_id": BATCH, "closed": []},
    "list_quarantine_groups": {},
    "ask_for_replays": {"rules_version": "v", "settle_seconds": 5, "patience_seconds": 120},
    "count_quarantined_in_batch": {"batch_id": BATCH},
    "find_oldest_unassigned": {},
    "has_due_effects": {"vendors": ["twilio"], "kinds": ["sms"], "grace_seconds": 1.0},
    "claim_effects": {"vendor": "twilio", "kinds": ["sms"], "most": 6, "lease_seconds": 60, "lease_token": BATCH},
    "list_alerts_to_tell": {"again_seconds": 600},
    "queue_alert_mails": {"pace_seconds": 600, "again_seconds": 600},
    "queue_text_mails": {"hours": 24},
}
BIG_TABLES = (
    "events", "staged_leads", "normalized_leads", "inquiry_intents", "scored_leads", "assigned_leads", "lead_events",
    "outbox",
)  # fmt: skip


def test_no_query_of_the_hot_path_reads_a_big_table_from_end_to_end(database_url: str, query: Query) -> None:
    """A scan is quick on the day it is written and slow after a year."""
    query(BIG)
    query("analyze")
    scans = []
    connection = psycopg2.connect(database_url)
    try:
        for name, parameters in HOT.items():
            with connection.cursor() as cursor:
                cursor.execute(f"explain (format json) {getattr(load_queries(), name).sql}", parameters)
                scans += [f"{name}: {table}" for table in _scanned(cursor.fetchone()[0][0]["Plan"])]
            connection.rollback()
    finally:
        connection.close()
    assert scans == []


def _scanned(plan: dict[str, object]) -> Iterator[str]:
    if plan["Node Type"] == "Seq Scan" and plan.get("Relation Name") in BIG_TABLES:
        yield str(plan["Relation Name"])
    for inner in plan.get("Plans", ()):  # type: ignore[attr-defined]
        yield from _scanned(inner)


# Backups


def dump_rows(url: str) -> list[tuple[object, ...]]:
    return run_statement(
        url,
        "select lead_id, full_name, phone_e164, agent_id"
        " from leads.normalized_leads join leads.assigned_leads using (lead_id) order by lead_id",
    )


def test_a_backup_comes_back_whole(
    database: Database, database_url: str, add_agents: Callable[[int], list[str]], tmp_path: Path
) -> None:
    add_agents(2)
    for number in range(20):
        land(database, number, message="investor")
    run(database)
    before = dump_rows(database_url)
    file = tmp_path / "leadflow.backup"
    assert write_backup(database_url, file) > 1000
    assert file.stat().st_mode & 0o077 == 0
    with pytest.raises(PermanentError, match="exists already"):
        write_backup(database_url, file)
    run_statement(database_url, "delete from leads.assigned_leads")
    with pytest.raises(PermanentError, match="--replace"):
        read_backup(database_url, file, replace=False)
    database.close()
    read_backup(database_url, file, replace=True)
    assert apply_migrations(database_url) == []
    assert dump_rows(database_url) == before
    with Database(database_url) as again:
        land(again, 99, message="investor")
        run(again)
    assert len(dump_rows(database_url)) == 21


def test_what_is_no_backup_changes_nothing(database: Database, database_url: str, tmp_path: Path) -> None:
    land(database)
    run(database)
    file = tmp_path / "letter.txt"
    file.write_text("Dear Sir")
    with pytest.raises(PermanentError, match="pg_restore failed"):
        read_backup(database_url, file, replace=True)
    assert run_statement(database_url, "select count(*) from landing.events") == [(1,)]
