"""What a person with only the role leadflow_analyst can do: answer from `analytics`, and read nothing else."""

from collections.abc import Callable, Iterator
from typing import Any

import psycopg2
import pytest
from sqlalchemy.engine import make_url

from leadflow_pipeline.adapters.database import Database
from leadflow_pipeline.adapters.migrations import apply_migrations
from leadflow_pipeline_tests.integration.conftest import run_statement
from leadflow_pipeline_tests.integration.test_pipeline import Query, land, run

# The questions of docs/scoring.md, word for word.
SLOWEST_SOURCE = """
    select source, percentile_cont(0.95) within group (order by extract(epoch from assigned_at - received_at)) as p95
    from analytics.lead_milestones
    where received_at >= now() - interval '7 days'
    group by source
    order by p95 desc nulls last
    limit 1
"""
AGENTS_BY_RESPONSE_TIME = """
    select agent_name, sum(touched) as touched, sum(response_seconds_sum) / nullif(sum(touched), 0) as seconds
    from analytics.agent_performance
    where day >= current_date - 30
    group by agent_name
    order by seconds nulls last
"""
WHY = """
    select rule, points, evidence from analytics.lead_score_contributions
    where lead_id = %s and points <> 0 order by points desc
"""


@pytest.fixture
def as_analyst(database_url: str) -> Iterator[Callable[..., list[tuple[Any, ...]]]]:
    """Runs statements of a person who has the role and nothing else."""
    name = f"ana_{make_url(database_url).database}"
    run_statement(database_url, f"create role {name} login in role leadflow_analyst")
    connection = psycopg2.connect(make_url(database_url).set(username=name).render_as_string(hide_password=False))
    connection.autocommit = True

    def ask(statement: str, *parameters: object) -> list[tuple[Any, ...]]:
        with connection.cursor() as cursor:
            cursor.execute(statement, parameters or None)
            return cursor.fetchall()

    yield ask
    connection.close()
    run_statement(database_url, f"drop role {name}")


def test_an_analyst_reads_analytics_and_nothing_else(as_analyst: Callable[..., Any], query: Query) -> None:
    for schema, table in query(
        """select schemaname, tablename from pg_tables where schemaname !~ '^(pg_|information_schema|analytics$)'
           union all select schemaname, viewname from pg_views
           where schemaname !~ '^(pg_|information_schema|analytics$)'"""
    ):
        with pytest.raises(psycopg2.errors.InsufficientPrivilege):
            as_analyst(f"select 1 from {schema}.{table}")
    tables = query(
        "select relname from pg_class where relnamespace = 'analytics'::regnamespace and relkind in ('r', 'v')"
    )
    assert len(tables) >= 11
    for (table,) in tables:
        as_analyst(f"select * from analytics.{table} limit 1")


def test_an_analyst_changes_nothing(as_analyst: Callable[..., Any]) -> None:
    for statement in (
        "delete from analytics.speed_to_lead returning 1",
        "insert into analytics.source_spend values ('website', '2026-11-01', 1) returning 1",
        "create table analytics.mine (x int)",
        "create table public.mine (x int)",
        "select ops.drop_trial_scoring('scoring_next_x')",
        "select ops.put_scoring_in_force('scoring_next_x')",
    ):
        with pytest.raises(psycopg2.errors.InsufficientPrivilege):
            as_analyst(statement)


def test_three_questions_are_answered_from_sql(
    database: Database, query: Query, add_agents: Callable[[int], list[str]], as_analyst: Callable[..., Any]
) -> None:
    add_agents(1)
    land(database, message="cash buyer", budget="$1.2M")
    run(database)
    query(
        """insert into analytics.agent_performance
               (day, agent_id, agent_name, assigned, touched, response_seconds_sum, refreshed_at)
           values (current_date, 'a', 'Slow Agent', 2, 2, 900, now()),
                  (current_date, 'b', 'Quick Agent', 1, 1, 60, now())"""
    )
    [(source, p95)] = as_analyst(SLOWEST_SOURCE)
    assert source == "website"
    assert p95 > 0
    assert [row[:2] for row in as_analyst(AGENTS_BY_RESPONSE_TIME)] == [("Quick Agent", 1), ("Slow Agent", 2)]
    assert as_analyst(WHY, 1) == [
        ("ready_keywords", 50, "cash buyer"),
        ("high_budget", 25, "$1,200,000"),
        ("has_phone", 10, "valid number"),
    ]


def test_no_column_of_analytics_holds_a_person(query: Query) -> None:
    columns = {
        name for (name,) in query("select column_name from information_schema.columns where table_schema = 'analytics'")
    }
    assert not columns & {"full_name", "first_name", "last_name", "email", "phone", "phone_e164", "message", "address"}


def test_an_owner_who_may_not_create_roles_gets_its_tables_all_the_same(template_url: str) -> None:
    """A managed database gives its customers no CREATEROLE; the role is then for an administrator to make."""
    admin = make_url(template_url).set(database="postgres").render_as_string(hide_password=False)
    run_statement(admin, "create role plain_owner login")
    run_statement(admin, "create database plain owner plain_owner template template0")
    url = make_url(template_url).set(username="plain_owner", database="plain").render_as_string(hide_password=False)
    run_statement(admin, "alter role leadflow_analyst rename to leadflow_analyst_elsewhere")
    try:
        assert "0032_analytics" in apply_migrations(url)
        assert run_statement(admin, "select count(*) from pg_roles where rolname = 'leadflow_analyst'") == [(0,)]
        with Database(url) as database, database.transaction() as transaction:
            assert transaction.value("has_analyst_role") is False
    finally:
        run_statement(admin, "alter role leadflow_analyst_elsewhere rename to leadflow_analyst")
        run_statement(admin, "drop database plain with (force)")
        run_statement(admin, "drop role plain_owner")
