"""The dbt models as Dagster sees them, and one run of them on a real PostgreSQL."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest

from leadflow_pipeline.adapters.database import Database
from leadflow_pipeline.adapters.dbt_command import DbtCommand
from leadflow_pipeline.adapters.dbt_project import read_models
from leadflow_pipeline.definitions import build_definitions
from leadflow_pipeline.settings import Settings
from leadflow_pipeline_tests.integration.test_pipeline import Query, land, run


@pytest.mark.timeout(600)
def test_our_reading_of_the_project_is_that_of_dbt_itself(database_url: str, tmp_path: Path) -> None:
    """Names, descriptions, columns, and what reads what: else lineage in Dagster tells fairy tales."""
    dbt = DbtCommand(url=database_url, work_folder=tmp_path)
    command = ("docs", "generate", "--static")
    dbt.run(*command)
    target = dbt.target_of(*command)
    assert (target / "static_index.html").stat().st_size > 100_000
    manifest = json.loads((target / "manifest.json").read_text())
    theirs = {
        node["name"]: (
            node["resource_type"],
            f"{node['schema']}.{node['alias']}",
            node["description"],
            {name: column["description"] for name, column in node["columns"].items()},
            sorted(parent.split(".")[-1] for parent in node["depends_on"].get("nodes", ())),
        )
        for node in manifest["nodes"].values()
        if node["resource_type"] in ("model", "seed")
    }
    ours = {
        model.name: (
            model.kind,
            model.table,
            model.description,
            dict(model.columns),
            sorted([*model.reads, *(table.split(".")[1] for table in model.reads_tables)]),
        )
        for model in read_models()
    }
    assert set(ours) == set(theirs)
    for name, found in ours.items():
        assert found == theirs[name]
    for name, (_, _, description, columns, _) in theirs.items():
        assert description, name
        assert columns, name
        assert all(columns.values()), name


def test_every_column_that_analysts_see_is_described(query: Query) -> None:
    assert (
        query(
            """select c.relname, a.attname from pg_class c join pg_attribute a on a.attrelid = c.oid
               where c.relnamespace in ('analytics'::regnamespace, 'scoring'::regnamespace) and c.relkind in ('r', 'v')
                 and a.attnum > 0 and not a.attisdropped and col_description(c.oid, a.attnum) is null"""
        )
        == []
    )


def test_the_models_stand_between_enrichment_and_scores_and_behind_assignment(settings: Settings) -> None:
    graph = build_definitions(settings).resolve_asset_graph()

    def parents(*path: str) -> set[str]:
        return {key.to_user_string() for key in graph.get(dg.AssetKey(path)).parent_keys}

    assert {"normalized_leads", "enriched_leads", "scoring/lead_keywords"} <= parents("scoring", "lead_signals")
    assert "scoring/lead_scores" in parents("scored_leads")
    assert "assigned_leads" in parents("analytics", "lead_milestones")
    assert "analytics/lead_milestones" in parents("analytics", "speed_to_lead")


@pytest.mark.timeout(600)
def test_a_refresh_brings_new_leads_and_late_outcomes_into_the_marts(
    database: Database,
    database_url: str,
    query: Query,
    settings: Settings,
    add_agents: Callable[[int], list[str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LEADFLOW_DATABASE_URL", database_url)
    monkeypatch.setenv("LEADFLOW_HOME", str(settings.home))
    add_agents(1)
    for number in (1, 2):
        land(database, number, message="cash buyer")
    run(database)
    days = "interval '40 days'"
    query(f"update landing.events set received_at = received_at - {days}, landed_at = landed_at - {days}")
    query(f"update leads.staged_leads set received_at = received_at - {days}, staged_at = staged_at - {days}")
    definitions = build_definitions(settings)
    job = definitions.resolve_job_def("marts_refresh")
    with dg.DagsterInstance.ephemeral() as instance:
        assert job.execute_in_process(instance=instance).success
        assert query("select leads, contacted from analytics.source_days") == [(2, 0)]
        query(
            """insert into leads.outcomes (lead_id, stage, happened_at, told_by, recorded_at)
               select lead_id, 'won', received_at + interval '4 minutes', 'test', now() from leads.staged_leads
               where lead_id = 1"""
        )
        query(
            """insert into routing.touches (lead_id, agent_id, source, touched_at)
               select lead_id, 'agent-1', 'slack', received_at + interval '2 minutes' from leads.staged_leads
               where lead_id = 2"""
        )
        query(
            """insert into routing.claims (lead_id, post_at, deadline_at, status, agent_id, claimed_at)
               select lead_id, now(), now(), 'claimed', 'agent-1', received_at + interval '11 seconds'
               from leads.staged_leads where lead_id = 2"""
        )
        query("update leads.assigned_leads set method = 'claim' where lead_id = 2")
        land(database, 3, message="cash buyer")
        run(database)
        result = job.execute_in_process(instance=instance)
    assert result.success
    assert query(
        "select leads, touched, contacted, won, touched_within_5_minutes from analytics.source_days order by day"
    ) == [
        (2, 2, 1, 1, 2),
        (1, 0, 0, 0, 0),
    ]
    assert query("select source, won, round(response_seconds_mean) from analytics.funnel where won > 0") == [
        ("website", 1, 180)
    ]
    assert query(
        """select sum(leads), sum(claimed), sum(touched), sum(contacted), round(sum(seconds_to_claimed_sum)),
                  round(sum(seconds_to_touch_sum))
           from analytics.speed_to_lead"""
    ) == [(3, 1, 2, 1, 11, 360)]
    assert query("select sum(assigned), sum(touched), sum(won) from analytics.agent_performance") == [(3, 2, 1)]
    assert {check.check_name for check in result.get_asset_check_evaluations()} == {"dbt_tests"}


def test_nothing_is_refreshed_while_nothing_happens(
    database: Database, query: Query, settings: Settings, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEADFLOW_DATABASE_URL", database_url)
    definitions = build_definitions(settings)
    schedule = definitions.resolve_schedule_def("marts_refresh_schedule")

    def evaluate() -> int:
        with (
            dg.DagsterInstance.ephemeral() as instance,
            dg.build_schedule_context(
                instance=instance,
                resources={"database": definitions.resources["database"]},  # type: ignore[index]
                scheduled_execution_time=datetime.now(UTC),
            ) as context,
        ):
            return len(schedule.evaluate_tick(context).run_requests or [])

    query("""insert into analytics.source_days (day, source, refreshed_at) values (current_date, 'website', now())""")
    assert evaluate() == 0
    land(database)
    assert evaluate() == 1
