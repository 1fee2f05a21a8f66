"""Other weights on the leads of the past, through the asset that people start in Dagster's UI."""

from pathlib import Path

import dagster as dg
import pytest

from leadflow_pipeline.adapters.database import Database
from leadflow_pipeline.adapters.dbt_command import DBT_PROJECT
from leadflow_pipeline.definitions import build_definitions
from leadflow_pipeline.settings import Settings
from leadflow_pipeline_tests.integration.test_pipeline import Query, land, run
from leadflow_pipeline_tests.integration.test_scoring_versions import side_schemas

WEIGHTS = (DBT_PROJECT / "seeds" / "scoring_weights.csv").read_text()
GENEROUS = WEIGHTS.replace("high_budget,budget,above,500000,25,", "high_budget,budget,above,500000,70,")


@pytest.mark.timeout(600)
def test_a_backtest_tells_what_would_change_and_changes_nothing(
    database: Database,
    database_url: str,
    query: Query,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """A budget that is worth 70 makes the second lead hot, and it is the one that led to an appointment."""
    monkeypatch.setenv("LEADFLOW_DATABASE_URL", database_url)
    monkeypatch.setenv("LEADFLOW_HOME", str(settings.home))
    land(database, 1, message="cash buyer", budget="$600k")
    land(database, 2, budget="$600k")
    for number in range(3, 23):
        land(database, number)
    run(database)
    query(
        """insert into leads.outcomes (lead_id, stage, happened_at, told_by)
           values (2, 'appointment', now() + interval '1 hour', 'test')"""
    )
    before = query("select * from leads.scored_leads order by lead_id")
    version = query("select scoring_version from scoring.scoring_version")
    file = tmp_path / "weights.csv"
    file.write_text(GENEROUS)
    with dg.DagsterInstance.ephemeral() as instance:
        definitions = build_definitions(settings)
        result = dg.materialize(
            [definitions.get_assets_def(dg.AssetKey(["scoring", "backtest"]))],
            instance=instance,
            resources=definitions.resources,
            run_config={"ops": {"scoring__backtest": {"config": {"weights_file": str(file), "since_days": 90}}}},
        )
    [materialized] = result.asset_materializations_for_node("scoring__backtest")
    told = {name: value.value for name, value in materialized.metadata.items()}
    assert (told["leads"], told["leads_that_change_bucket"]) == (22, 1)
    assert "| 2 | 35 | standard | 80 | hot |" in told["first_changes"]
    assert "| old | appointment | 1 | 1 | 0.000 | 0.000 |" in told["hot"]
    assert "| new | appointment | 2 | 1 | 0.500 | 1.000 |" in told["hot"]
    assert told["chart"].startswith("![lift and buckets](data:image/png;base64,iVBOR")
    assert len(told["chart"]) < 60_000
    assert query("select * from leads.scored_leads order by lead_id") == before
    assert query("select scoring_version from scoring.scoring_version") == version
    assert side_schemas(query) == []
    assert list((settings.home / "dbt" / "trial").iterdir()) == []
