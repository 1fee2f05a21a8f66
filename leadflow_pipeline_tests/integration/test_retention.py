"""What is too old goes, what is needed stays, and Dagster's tables keep their size over a simulated month."""

import uuid
from pathlib import Path
from statistics import mean

import dagster as dg
import pytest

from leadflow_pipeline.adapters.database import Database
from leadflow_pipeline.definitions import build_definitions
from leadflow_pipeline.runtime.stack import dagster_storage_url
from leadflow_pipeline.settings import Settings
from leadflow_pipeline.stages.retention import Kept, let_go
from leadflow_pipeline_tests.integration.test_pipeline import Query, land, land_raw, run

KEPT = Kept(raw=30, outbox=30, lead_events=30, alerts=30, failed_runs=30, dagster_runs=5, dagster_ticks=5)
DAYS, RUNS_A_DAY = 30, 8

# A day's runs: copies of the run that was really made, with all that hangs on it.
COPY_RUN = """
    with made as (
        insert into dagster.runs (run_id, snapshot_id, pipeline_name, mode, status, run_body, create_timestamp,
            update_timestamp, start_time, end_time)
        select %(new)s, snapshot_id, pipeline_name, mode, 'SUCCESS', run_body,
            now() at time zone 'UTC' - %(age)s * interval '1 day',
            now() at time zone 'UTC' - %(age)s * interval '1 day', start_time, end_time
        from dagster.runs where run_id = %(old)s
    )
    insert into dagster.event_logs (run_id, event, dagster_event_type, "timestamp", step_key, asset_key)
    select %(new)s, event, dagster_event_type, now() at time zone 'UTC' - %(age)s * interval '1 day', step_key,
        asset_key
    from dagster.event_logs where run_id = %(old)s
"""
COPY_TAGS = """
    insert into dagster.run_tags (run_id, key, value)
    select %(new)s, key, value from dagster.run_tags where run_id = %(old)s;
    insert into dagster.asset_check_executions (asset_key, check_name, run_id, execution_status, evaluation_event)
    select asset_key, check_name, %(new)s, execution_status, evaluation_event
    from dagster.asset_check_executions where run_id = %(old)s;
    insert into dagster.job_ticks (job_origin_id, selector_id, status, type, "timestamp", tick_body)
    select 'origin', 'selector', 'SUCCESS', 'SENSOR', now() at time zone 'UTC' - %(age)s * interval '1 day',
        repeat('x', 500) from generate_series(1, 20);
"""
TABLES = ("event_logs", "runs", "run_tags", "job_ticks", "asset_check_executions")
ROWS = "select " + ", ".join(f"(select count(*) from dagster.{table})" for table in TABLES)
SIZE = """
    select sum(pg_total_relation_size(c.oid))::bigint from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname = 'dagster' and c.relkind = 'r'
"""


@pytest.mark.timeout(300)
def test_dagster_s_tables_keep_their_size_over_a_month(
    database: Database,
    database_url: str,
    settings: Settings,
    query: Query,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """Dagster keeps every event for ever: about 35 KB for each step of each run (reliability notes, 8.5)."""
    import psycopg2

    monkeypatch.setenv("LEADFLOW_DATABASE_URL", database_url)
    monkeypatch.setenv("LEADFLOW_DAGSTER_STORAGE_URL", dagster_storage_url(database_url))
    (tmp_path / "dagster.yaml").write_text(
        "storage:\n  postgres:\n    postgres_url:\n      env: LEADFLOW_DAGSTER_STORAGE_URL\n"
        "telemetry:\n  enabled: false\n"
    )
    land(database)
    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        job = build_definitions(settings).resolve_job_def("lead_pipeline")
        old = job.execute_in_process(instance=instance).run_id
    sizes, rows = [], []
    connection = psycopg2.connect(database_url)
    connection.autocommit = True
    try:
        with connection.cursor() as cursor:
            for day in range(1, DAYS + 1):
                age = DAYS - day
                for _ in range(RUNS_A_DAY):
                    new = {"new": str(uuid.uuid4()), "old": old, "age": age}
                    cursor.execute(COPY_RUN, new)
                    cursor.execute(COPY_TAGS, new)
                with database.transaction() as transaction:
                    transaction.value("prune_dagster_runs", days=age + KEPT.dagster_runs, most=500)
                    transaction.value("prune_dagster_ticks", days=age + KEPT.dagster_ticks, most=500)
                for table in TABLES:
                    cursor.execute(f"vacuum dagster.{table}")
                cursor.execute(SIZE)
                sizes.append(cursor.fetchone()[0])
                cursor.execute(ROWS)
                rows.append(cursor.fetchone())
    finally:
        connection.close()
    settled = KEPT.dagster_runs + 3
    assert sizes[settled] > sizes[0]
    assert set(rows[settled:]) == {rows[-1]}, rows
    # The pages that PostgreSQL adds ahead and gives back are worth a day or two; without vacuum or retention it is a
    # fresh day's size every day.
    assert mean(sizes[-7:]) <= mean(sizes[settled : settled + 7]) * 1.3, sizes
    assert query("select count(*) from dagster.runs where run_id = %s", old) == [(1,)]  # an asset's latest run stays
    assert query("select count(*) from dagster.event_logs where run_id not in (select run_id from dagster.runs)") == [
        (0,)
    ]


def test_old_things_go_and_what_is_not_done_stays(database: Database, query: Query) -> None:
    read, unread = land(database), land_raw(database, b'{"name": "No Contact"}')
    run(database)
    query("update landing.events set received_at = now() - interval '31 days', lease_until = null")
    query(
        "insert into delivery.outbox (idempotency_key, kind, status, sent_at) values"
        " ('old', 'sms', 'sent', now() - interval '31 days'), ('new', 'sms', 'sent', now()),"
        " ('open', 'sms', 'pending', null)"
    )
    query("update ops.lead_events set happened_at = now() - interval '31 days' where kind = 'scored'")
    gone = let_go(database, KEPT, seconds=10)
    assert (gone["raw"], gone["outbox"], gone["lead_events"], gone["dagster_runs"]) == (1, 1, 1, 0)
    assert query("select event_id from landing.events where raw = ''") == [(read,)]
    assert query("select status from landing.events where event_id = %s", unread) == [("quarantined",)]
    assert query("select idempotency_key from delivery.outbox order by 1") == [("new",), ("open",)]


def test_a_repeat_of_what_was_let_go_is_still_known(database: Database, query: Query) -> None:
    event_id = land(database)
    run(database)
    query("update landing.events set received_at = now() - interval '31 days', lease_until = null")
    let_go(database, KEPT, seconds=10)
    assert land(database) == event_id
