"""Changing weights: built and tested beside those in force, swapped in at once; refused when anything is wrong."""

import shutil
import threading
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from leadflow_pipeline.adapters.database import Database
from leadflow_pipeline.adapters.dbt_command import DBT_PROJECT, DbtCommand, DbtError
from leadflow_pipeline.stages.dbt_builds import put_scoring_in_force
from leadflow_pipeline_tests.integration.test_pipeline import Query, land, run

MakeDbt = Callable[..., DbtCommand]

OLD_SCORE = 60  # phone 10, keyword 50
NEW_SCORE = 3  # phone 1, keyword 2


@pytest.fixture
def make_dbt(database_url: str, tmp_path: Path) -> MakeDbt:
    """dbt on a copy of the project in which a seed reads otherwise: `make_dbt(scoring_weights=[(old, new), ...])`."""

    def make(**changes: list[tuple[str, str]]) -> DbtCommand:
        project = tmp_path / f"project_{uuid.uuid4().hex}"
        shutil.copytree(DBT_PROJECT, project)
        for seed, replacements in changes.items():
            file = project / "seeds" / f"{seed}.csv"
            text = file.read_text()
            for old, new in replacements:
                assert old in text
                text = text.replace(old, new)
            file.write_text(text)
        return DbtCommand(url=database_url, work_folder=tmp_path / "dbt", project=project)

    return make


CHEAP_RULES = [
    ("has_phone,has_phone,at_least,1,10,", "has_phone,has_phone,at_least,1,1,"),
    ("ready_keywords,ready_keywords,at_least,1,50,", "ready_keywords,ready_keywords,at_least,1,2,"),
]


def side_schemas(query: Query) -> list[tuple[object, ...]]:
    return query(r"select nspname from pg_namespace where nspname ~ '^scoring_(next|trial)'")


@pytest.mark.timeout(600)
def test_new_weights_score_open_leads_again_and_leave_assigned_leads_alone(
    database: Database, query: Query, add_agents: Callable[[int], list[str]], make_dbt: MakeDbt
) -> None:
    [old_version] = query("select scoring_version from scoring.scoring_version")
    add_agents(1)
    land(database, 1, message="cash buyer")
    run(database)
    query("update routing.agents set active = false")
    land(database, 2, message="cash buyer")
    run(database)
    switch, _ = put_scoring_in_force(database, make_dbt(scoring_weights=CHEAP_RULES), now=datetime.now(UTC))
    assert switch.rescored == 1
    assert switch.scoring_version != old_version[0]
    assert query("select lead_id, score, bucket from leads.scored_leads order by lead_id") == [
        (1, OLD_SCORE, "standard"),
        (2, NEW_SCORE, "low"),
    ]
    assert query("select agent_id from leads.assigned_leads where lead_id = 1") == [("agent-1",)]
    assert query("select detail->>'because' from ops.lead_events where lead_id = 2 and kind = 'scored'") == [
        (None,),
        ("the weights have changed",),
    ]
    assert query(
        """select scoring_version, (jsonb_path_query_first(weights, '$[*] ? (@.rule == "has_phone")')->>'points')::int
           from analytics.scoring_versions order by scoring_version_id"""
    ) == [(old_version[0], 10), (switch.scoring_version, 1)]
    assert side_schemas(query) == []
    # The same weights again are no new version, and nothing is left to score again.
    again, _ = put_scoring_in_force(database, make_dbt(scoring_weights=CHEAP_RULES), now=datetime.now(UTC))
    assert (again.scoring_version, again.rescored) == (switch.scoring_version, 0)
    assert query("select count(*) from ops.scoring_versions") == [(2,)]


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"scoring_weights": [("has_phone,has_phone,", "has_phone,has_fax,")]}, "scoring_weights_signal"),
        ({"scoring_weights": [(",1,10,true", ",1,plenty,true")]}, "plenty"),
        ({"scoring_thresholds": [("standard,20,75", "standard,15,75")]}, "scoring_thresholds_do_not_overlap"),
    ],
    ids=["unknown signal", "points that are text", "overlapping buckets"],
)
def test_a_bad_seed_is_refused_and_the_old_weights_stay_in_force(
    database: Database, query: Query, make_dbt: MakeDbt, changes: dict[str, list[tuple[str, str]]], named: str
) -> None:
    before = query("select scoring_version from scoring.scoring_version")
    with pytest.raises(DbtError, match=named):
        put_scoring_in_force(database, make_dbt(**changes), now=datetime.now(UTC))
    assert query("select scoring_version from scoring.scoring_version") == before
    assert query("select count(*) from ops.scoring_versions") == [(1,)]
    assert side_schemas(query) == []
    land(database, message="cash buyer")
    run(database)
    assert query("select score from leads.scored_leads") == [(OLD_SCORE,)]


@pytest.mark.timeout(600)
def test_weights_are_swapped_while_50_leads_a_second_flow(
    database: Database, query: Query, add_agents: Callable[[int], list[str]], make_dbt: MakeDbt
) -> None:
    """Every lead has a score, each batch is of one version, no score is a mix, and no run fails."""
    add_agents(3)
    stop = threading.Event()
    errors: list[Exception] = []

    def send() -> None:
        number, begun = 0, time.monotonic()
        while not stop.is_set():
            land(database, number, message="cash buyer")
            number += 1
            time.sleep(max(0.0, begun + number / 50 - time.monotonic()))

    def work() -> None:
        try:
            while run(database, batch_size=25) or not stop.is_set():
                pass
        except Exception as error:  # noqa: BLE001
            errors.append(error)

    threads = [threading.Thread(target=target) for target in (send, work, work)]
    for thread in threads:
        thread.start()
    try:
        new, _ = put_scoring_in_force(database, make_dbt(scoring_weights=CHEAP_RULES), now=datetime.now(UTC))
        time.sleep(2)
        old, _ = put_scoring_in_force(database, make_dbt(), now=datetime.now(UTC))
        time.sleep(2)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert errors == []
    assert query("select count(*) from leads.staged_leads") == query("select count(*) from leads.scored_leads")
    assert sorted(query("select distinct scoring_version, score from leads.scored_leads")) == sorted(
        [(old.scoring_version, OLD_SCORE), (new.scoring_version, NEW_SCORE)]
    )
    assert (
        query(
            """select batch_id from leads.scored_leads group by batch_id
               having count(distinct scoring_version) > 1"""
        )
        == []
    )
    assert query("select count(*) from leads.assigned_leads") == query("select count(*) from leads.scored_leads")


def test_models_left_behind_by_a_killed_build_are_dropped_after_an_hour_and_younger_ones_are_left(
    database: Database, query: Query
) -> None:
    query("create schema scoring_next_20260101000000_dead")
    query(f"create schema scoring_next_{datetime.now(UTC):%Y%m%d%H%M%S}_alive")
    query("create schema scoring_next_20260101000000_mine")
    for (table,) in query("select tablename from pg_tables where schemaname = 'scoring'"):
        query(f"create table scoring_next_20260101000000_mine.{table} as table scoring.{table}")
    query("create table scoring_next_20260101000000_mine.scoring_version as table scoring.scoring_version")
    with database.transaction() as transaction:
        transaction.value("put_scoring_in_force", schema="scoring_next_20260101000000_mine")
    assert [str(row[0]).split("_")[-1] for row in side_schemas(query)] == ["alive"]
    assert query("select count(*) from scoring.scoring_weights") > [(0,)]
