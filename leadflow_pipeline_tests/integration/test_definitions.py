"""The Dagster assembly: what it holds, and one run of it on a real PostgreSQL."""

from collections.abc import Callable

import dagster as dg
import pytest

from leadflow_pipeline.adapters.database import Database
from leadflow_pipeline.definitions import build_definitions
from leadflow_pipeline.domain.errors import PermanentError, TransientError
from leadflow_pipeline.settings import Settings
from leadflow_pipeline_tests.integration.test_pipeline import Query, land

GROUPS = {
    "staged_leads": "intake",
    "normalized_leads": "cleaning",
    "inquiry_intents": "scoring",
    "inquiry_questions": "scoring",
    "enriched_leads": "enrichment",
    "scored_leads": "scoring",
    "assigned_leads": "routing",
    "deliveries": "delivery",
    "drip_mails": "drip",
}
HOT_PATH = (
    "staged_leads", "normalized_leads", "enriched_leads", "inquiry_intents", "scored_leads", "assigned_leads",
    "deliveries",
)  # fmt: skip
# What nobody waits for in seconds; every tick costs a stack at rest some processor time.
OFF_THE_HOT_PATH = {"first_touch_sensor", "inquiry_sensor", "quarantine_sensor", "watch_sensor"}


def test_every_asset_has_what_a_person_looks_for(settings: Settings) -> None:
    every = {spec.key.to_user_string(): spec for spec in build_definitions(settings).resolve_all_asset_specs()}
    # What is read and made by nobody here is a name without a group.
    specs = {name: spec for name, spec in every.items() if spec.group_name != "default"}
    of_dbt = {name: spec for name, spec in specs.items() if name.startswith(("scoring/", "analytics/"))}
    assert {name: spec.group_name for name, spec in specs.items() if name not in of_dbt} == GROUPS
    assert {name.split("/")[0]: spec.group_name for name, spec in of_dbt.items()} == {
        "scoring": "scoring_formula",
        "analytics": "analytics",
    }
    for name, spec in specs.items():
        assert spec.owners, name
        assert spec.kinds, name
        assert spec.description, name
        assert "dagster/column_schema" in spec.metadata, name


def test_all_sensors_run_from_the_start(settings: Settings) -> None:
    """A sensor that Dagster creates stopped is a lead that nobody sees."""
    for sensor in build_definitions(settings).sensors or []:
        assert sensor.default_status == dg.DefaultSensorStatus.RUNNING  # type: ignore[union-attr]
        seconds = sensor.minimum_interval_seconds or 0  # type: ignore[union-attr]
        if sensor.name.startswith("landing_sensor"):
            assert seconds == 1, "there again at once"
        elif sensor.name not in OFF_THE_HOT_PATH:
            assert seconds <= 5, sensor.name


def test_the_first_touch_timer_is_there_only_when_it_is_on(settings: Settings) -> None:
    def sensors(minutes: int) -> set[str]:
        found = build_definitions(settings.model_copy(update={"first_touch_minutes": minutes})).sensors or []
        return {sensor.name for sensor in found}

    assert sensors(15) - sensors(0) == {"first_touch_sensor"}


def test_no_secret_stands_in_the_definitions(settings: Settings) -> None:
    """The UI shows a resource's configuration to whoever opens it."""
    with_secret = settings.model_copy(update={"imap_host": "imap.example.com", "imap_user": "leads@example.com"})
    shown = str(build_definitions(with_secret).resources["mailbox"])  # type: ignore[index]
    assert "LEADFLOW_IMAP_PASSWORD" in shown


def test_a_run_assigns_what_has_landed_and_reports_counts_without_a_lead_s_words(
    database: Database,
    database_url: str,
    settings: Settings,
    free_port: int,
    query: Query,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LEADFLOW_DATABASE_URL", database_url)
    monkeypatch.setenv("LEADFLOW_SANDBOX_PORT", str(free_port))  # vendors that do not answer
    land(database, name="Zebulon Quux", message="investor from Zanzibar")
    with dg.DagsterInstance.ephemeral() as instance:
        result = build_definitions(settings).resolve_job_def("lead_pipeline").execute_in_process(instance=instance)
        assert result.success
        logged = " ".join(str(entry) for entry in instance.all_logs(result.run_id))
    assert query("select count(*) from routing.waiting_leads") == [(1,)]
    for word in ("Zebulon", "Zanzibar", "5550142", "person1@example.com"):
        assert word not in logged
    staged = result.asset_materializations_for_node("staged_leads")[0]
    assert staged.metadata["staged"].value == 1
    assert {check.check_name: check.passed for check in result.get_asset_check_evaluations()} == {
        "every_event_was_read": True,
        "no_lead_without_place": True,
    }


def test_a_run_shows_numbers_to_plot_its_leads_and_where_each_column_comes_from(
    database: Database,
    database_url: str,
    settings: Settings,
    free_port: int,
    add_agents: Callable[[int], list[str]],
    query: Query,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The UI plots integers and floats only; a figure that is a text is no line on its page."""
    monkeypatch.setenv("LEADFLOW_DATABASE_URL", database_url)
    monkeypatch.setenv("LEADFLOW_SANDBOX_PORT", str(free_port))
    add_agents(1)
    land(database, message="I have a question about the house")
    definitions = build_definitions(settings)
    with dg.DagsterInstance.ephemeral() as instance:
        result = definitions.resolve_job_def("lead_pipeline").execute_in_process(instance=instance)
    shown = {name: result.asset_materializations_for_node(name)[0].metadata for name in HOT_PATH}
    assert isinstance(shown["assigned_leads"]["p95_seconds"], dg.FloatMetadataValue)
    for name, metadata in shown.items():
        for label, value in metadata.items():
            if label not in ("leads", "dagster/column_lineage"):
                assert isinstance(value, dg.IntMetadataValue | dg.FloatMetadataValue), (name, label)
    [(lead_id,)] = query("select lead_id from leads.assigned_leads")
    assert f"leadflow explain {lead_id}`" in str(shown["assigned_leads"]["leads"].value)

    columns = {
        spec.key.to_user_string(): {column.name for column in spec.metadata["dagster/column_schema"].columns}
        for spec in definitions.resolve_all_asset_specs()
        if "dagster/column_schema" in spec.metadata
    }
    for name in HOT_PATH[1:-1]:
        lineage = shown[name]["dagster/column_lineage"].value
        assert set(lineage.deps_by_column) <= columns[name], name
        for deps in lineage.deps_by_column.values():
            assert all(dep.column_name in columns[dep.asset_key.to_user_string()] for dep in deps), (name, deps)


def test_no_lead_waits_for_a_check(database_url: str, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """A check costs as much as an asset; before `deliveries` it would stand between the lead and the agent's phone."""
    monkeypatch.setenv("LEADFLOW_DATABASE_URL", database_url)
    with dg.DagsterInstance.ephemeral() as instance:
        result = build_definitions(settings).resolve_job_def("lead_pipeline").execute_in_process(instance=instance)
    order = [event.step_key for event in result.all_events if event.event_type_value == "STEP_START"]
    assets = [name for name in order if name in GROUPS]
    assert assets == order[: len(assets)]


def test_only_transient_errors_are_tried_again(
    database_url: str, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A permanent error that is retried makes the same failure five times over and says it later."""
    monkeypatch.setenv("LEADFLOW_DATABASE_URL", database_url)
    for error, tries in ((PermanentError("no"), 1), (ValueError("odd"), 1), (TransientError("later"), 5)):
        calls: list[int] = []

        def fail(*_: object, error: Exception = error, calls: list[int] = calls, **__: object) -> None:
            calls.append(1)
            raise error

        with monkeypatch.context() as patch, dg.DagsterInstance.ephemeral() as instance:
            patch.setattr("leadflow_pipeline.defs.intake.stage_leads", fail)
            patch.setattr("time.sleep", lambda _: None)
            job = build_definitions(settings).resolve_job_def("lead_pipeline")
            assert not job.execute_in_process(instance=instance, raise_on_error=False).success
        assert len(calls) == tries, error
