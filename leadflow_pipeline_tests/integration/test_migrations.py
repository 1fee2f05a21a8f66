"""Migrations on a real server: once each, under several hands, and what is said when it cannot be done."""

import json
import subprocess
import sys
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import psycopg2
import pytest
from sqlalchemy.engine import make_url

from leadflow_pipeline.adapters.database import Database
from leadflow_pipeline.adapters.migrations import MIGRATIONS_FOLDER, apply_migrations
from leadflow_pipeline.domain.errors import PermanentError, TransientError
from leadflow_pipeline_tests.integration.conftest import run_statement

ALL = [file.stem for file in sorted(MIGRATIONS_FOLDER.glob("*.sql"))]
OUR_SCHEMAS = ("landing", "leads", "routing", "ops", "delivery", "vendors")
APPLY = "import json, sys; from leadflow_pipeline.adapters.migrations import apply_migrations as apply; " + (
    "print(json.dumps(apply(sys.argv[1])))"
)


@pytest.fixture
def empty_url(template_url: str) -> Iterator[str]:
    """A database with nothing in it, dropped at the end."""
    name = f"empty_{uuid.uuid4().hex}"
    admin = make_url(template_url).set(database="postgres").render_as_string(hide_password=False)
    run_statement(admin, f"create database {name} template template0")
    try:
        yield make_url(template_url).set(database=name).render_as_string(hide_password=False)
    finally:
        run_statement(admin, f"drop database {name} with (force)")


def test_an_empty_database_gets_every_migration_in_order_and_the_second_time_none(empty_url: str) -> None:
    assert apply_migrations(empty_url) == ALL
    assert apply_migrations(empty_url) == []


def test_migrating_again_keeps_what_is_in_the_tables(database_url: str, database: Database) -> None:
    with database.transaction() as transaction:
        transaction.execute(
            "save_mailbox_position", account="a", folder="f", uidvalidity=1, last_uid=2, read_since="2026-03-01"
        )
    assert apply_migrations(database_url) == []
    assert run_statement(database_url, "select last_uid from landing.mailboxes") == [(2,)]


def test_two_processes_at_once_both_succeed(empty_url: str) -> None:
    """`make up` in two terminals, or two containers of one deployment, start in the same second."""
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", APPLY, empty_url], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    try:
        answers = [process.communicate(timeout=60) for process in processes]
    finally:
        for process in processes:
            process.kill()
    assert [process.returncode for process in processes] == [0, 0], answers
    assert sorted((json.loads(output) for output, _ in answers), key=len) == [[], ALL]


def test_four_threads_at_once_all_succeed(empty_url: str) -> None:
    with ThreadPoolExecutor(4) as threads:
        applied = list(threads.map(apply_migrations, [empty_url] * 4))
    assert sorted(applied, key=len) == [[], [], [], ALL]


def test_a_lock_left_by_a_killed_process_does_not_block(empty_url: str) -> None:
    """yoyo keeps its lock as a row: a process killed half-way leaves it for ever."""
    apply_migrations(empty_url)
    run_statement(empty_url, "insert into migrations.yoyo_lock (locked, ctime, pid) values (1, now(), 999999)")
    run_statement(empty_url, "drop schema ops cascade")
    run_statement(empty_url, "delete from migrations._yoyo_migration where migration_id = '0004_ops'")
    assert apply_migrations(empty_url) == ["0004_ops"]
    assert run_statement(empty_url, "select count(*) from migrations.yoyo_lock") == [(0,)]


def test_a_migration_that_fails_leaves_the_database_as_it_was(empty_url: str) -> None:
    run_statement(empty_url, "create schema ops")
    with pytest.raises(PermanentError, match="ops"):
        apply_migrations(empty_url)
    assert run_statement(empty_url, "select table_name from information_schema.tables where table_schema = 'ops'") == []
    run_statement(empty_url, "drop schema ops")
    assert apply_migrations(empty_url)[-1] == ALL[-1]
    assert apply_migrations(empty_url) == []


def test_every_table_and_schema_of_ours_has_a_comment(template_url: str) -> None:
    """Analysts and agents read the database before they read the code."""
    bare = run_statement(
        template_url,
        "select format('%%I.%%I', schemaname, tablename) from pg_tables"
        " where schemaname = any(%s) and obj_description(format('%%I.%%I', schemaname, tablename)::regclass) is null"
        " union all select nspname from pg_namespace"
        " where nspname = any(%s) and obj_description(oid, 'pg_namespace') is null",
        list(OUR_SCHEMAS),
        list(OUR_SCHEMAS),
    )
    assert bare == []


def test_every_status_and_kind_is_explained_in_its_columns_comment(template_url: str) -> None:
    """A check constraint lists values; what they mean stands in the comment."""
    rows = run_statement(
        template_url,
        "select col_description('landing.events'::regclass, attnum), pg_get_constraintdef(pg_constraint.oid)"
        " from pg_constraint join pg_attribute on attrelid = conrelid and attnum = conkey[1]"
        " where conrelid = 'landing.events'::regclass and contype = 'c'",
    )
    assert len(rows) == 2
    for comment, constraint in rows:
        values = [part for part in str(constraint).split("'") if part.isidentifier() and part.islower()]
        assert values
        assert all(f"{value}:" in str(comment) for value in values), (comment, values)


def test_the_same_mail_is_kept_out_by_the_database_itself(database_url: str) -> None:
    """A mail's source changes when a rule has recognised it: its identity may not change with it."""
    insert = (
        "insert into landing.events (channel, source, external_id, received_at, content_type, raw, content_hash)"
        " values ('email', %s, 'leads@example.com/INBOX/1/1', now(), 'message/rfc822', '', 'hash')"
    )
    run_statement(database_url, insert, "inbox")
    with pytest.raises(psycopg2.errors.UniqueViolation):
        run_statement(database_url, insert, "zillow")


# What is said when it cannot be done


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://leadflow:hushhush@127.0.0.1:1/leadflow",
        "postgres://leadflow:hushhush@127.0.0.1:1/leadflow",
        "postgresql://leadflow:hushhush@database.invalid/leadflow",
        "postgresql://leadflow:hushhush@/leadflow?host=/nowhere",
    ],
    ids=["refused", "postgres scheme", "no such host", "no such socket"],
)
def test_a_database_that_cannot_be_reached_is_a_sentence_with_the_remedy(url: str) -> None:
    for attempt in (apply_migrations, reach):
        with pytest.raises(TransientError, match="LEADFLOW_DATABASE_URL") as said:
            attempt(url)
        assert "hushhush" not in str(said.value)
        assert "\n" not in str(said.value)


def reach(url: str) -> None:
    with Database(url) as database, database.transaction() as transaction:
        transaction.value("can_store")


def test_a_database_that_does_not_exist_is_named(template_url: str) -> None:
    url = make_url(template_url).set(database="not_there").render_as_string(hide_password=False)
    with pytest.raises(TransientError, match="not_there"):
        apply_migrations(url)


@pytest.mark.parametrize(
    "url",
    [
        "hushhush",
        "",
        "mysql://leadflow:hushhush@localhost/leadflow",
        "postgresql://leadflow:hushhush@localhost:port/leadflow",
        "postgresql://leadflow:hushhush@localhost:99999/leadflow",
        "postgresql://leadflow:hushhush@127.0.0.1:1/leadflow?nonsense=1",
        "postgresql://leadflow:not@hushhush@database.invalid/leadflow",
        "postgresql://leadflow:hush:hush/hushhush@database.invalid/leadflow",
    ],
    ids=["word", "empty", "other database", "port in words", "port too high", "unknown option", "at sign", "slash"],
)
def test_a_wrong_address_is_a_sentence_without_the_password(url: str) -> None:
    """An unescaped sign in a password is the commonest slip, and the message ends in logs and tickets."""
    for attempt in (apply_migrations, reach):
        with pytest.raises((PermanentError, TransientError), match="LEADFLOW_DATABASE_URL") as said:
            attempt(url)
        assert "hushhush" not in str(said.value)


def test_missing_tables_name_the_command_that_makes_them(empty_url: str) -> None:
    def count(database: Database) -> None:
        with database.transaction() as transaction:
            transaction.value("count_agents")

    with Database(empty_url) as database, pytest.raises(PermanentError, match="leadflow migrate"):
        count(database)
