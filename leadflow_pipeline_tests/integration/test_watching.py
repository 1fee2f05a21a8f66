"""What Dagster itself does not tell becomes rows: failed runs, failed ticks, a rule file that cannot be read."""

import time
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.scheduler.instigation import (
    InstigatorState,
    InstigatorStatus,
    SensorInstigatorData,
    TickData,
    TickStatus,
)
from dagster._utils.error import SerializableErrorInfo

from leadflow_pipeline.adapters.database import Database
from leadflow_pipeline.definitions import build_definitions
from leadflow_pipeline.defs.watching import GRACE_SECONDS, watch
from leadflow_pipeline.domain.errors import PermanentError
from leadflow_pipeline.settings import Settings
from leadflow_pipeline_tests.integration.test_pipeline import Query, land

RULE = """
name: acme
source: acme
version: {}
match:
  domains: [acme.example]
fields:
  email:
    - label: [Email]
"""


@pytest.fixture
def here(tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of the test's own, in the environment that sensors read."""
    monkeypatch.setenv("LEADFLOW_HOME", str(tmp_path))
    monkeypatch.setenv("LEADFLOW_DATABASE_URL", database_url)
    # As in a process that has just begun: no mailbox is there to answer.
    monkeypatch.setattr("leadflow_pipeline.defs.watching.STARTED_AT", time.monotonic())
    return tmp_path


def test_a_mailbox_that_has_never_answered_is_told_after_the_grace(
    database: Database, here: Path, query: Query, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert here.is_dir()
    monkeypatch.setattr("leadflow_pipeline.defs.watching.STARTED_AT", time.monotonic() - GRACE_SECONDS - 1)
    with dg.DagsterInstance.local_temp() as instance:
        look(instance, database)
    assert [kind for kind, _, _ in alerts(query)] == ["silent_mailbox"]


def fail_a_run(instance: dg.DagsterInstance, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> str:
    def fail(*_: object, **__: object) -> None:
        raise PermanentError("Zebulon Quux could not be scored")

    with monkeypatch.context() as patch:
        patch.setattr("leadflow_pipeline.defs.judging.score_leads", fail)
        job = build_definitions(settings).resolve_job_def("lead_pipeline")
        return job.execute_in_process(instance=instance, raise_on_error=False).run_id


def look(instance: dg.DagsterInstance, database: Database) -> None:
    watch(instance, database)


def alerts(query: Query) -> list[tuple[object, ...]]:
    return query("select kind, text, run_id from ops.alerts where resolved_at is null order by kind")


def test_a_failed_run_is_one_alert_with_its_step_and_ends_with_the_next_success(
    database: Database, settings: Settings, here: Path, query: Query, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert here.is_dir()
    land(database)
    with dg.DagsterInstance.local_temp() as instance:
        run_id = fail_a_run(instance, settings, monkeypatch)
        look(instance, database)
        look(instance, database)
        [(kind, text, shown)] = alerts(query)
        assert (kind, shown) == ("failed_run", run_id)
        assert "A run of lead_pipeline has failed in scored_leads" in str(text)
        assert "Zebulon" not in str(query("select * from ops.failed_runs"))
        build_definitions(settings).resolve_job_def("lead_pipeline").execute_in_process(instance=instance)
        look(instance, database)
        assert alerts(query) == []


def test_a_sensor_whose_ticks_fail_is_told_until_one_succeeds(database: Database, here: Path, query: Query) -> None:
    assert here.is_dir()
    with dg.DagsterInstance.local_temp() as instance:
        state = InstigatorState(
            origin=dg_origin(), instigator_type=InstigatorType.SENSOR, status=InstigatorStatus.RUNNING,
            instigator_data=SensorInstigatorData(),
        )  # fmt: skip
        instance.add_instigator_state(state)
        secret = SerializableErrorInfo("ValueError: Zebulon Quux", [], "ValueError")
        for age in (3, 2, 1):
            tick(instance, state, TickStatus.FAILURE, age, secret)
        look(instance, database)
        assert alerts(query) == [
            ("failed_tick", "imap_inbox_sensor failed at least 3 times in a row: ValueError", None)
        ]
        tick(instance, state, TickStatus.SKIPPED, 0)
        look(instance, database)
        assert alerts(query) == []


def tick(
    instance: dg.DagsterInstance,
    state: InstigatorState,
    status: TickStatus,
    age: float,
    error: SerializableErrorInfo | None = None,
) -> None:
    instance.create_tick(
        TickData(
            instigator_origin_id=state.instigator_origin_id,
            instigator_name=state.name,
            instigator_type=InstigatorType.SENSOR,
            status=status,
            timestamp=time.time() - age,
            selector_id=state.selector_id,
            error=error,
        )
    )


def dg_origin() -> object:
    from dagster._core.remote_origin import (
        InProcessCodeLocationOrigin,
        RemoteInstigatorOrigin,
        RemoteRepositoryOrigin,
    )
    from dagster._core.types.loadable_target_origin import LoadableTargetOrigin

    location = InProcessCodeLocationOrigin(
        loadable_target_origin=LoadableTargetOrigin(module_name="leadflow_pipeline.definitions"),
        location_name="leadflow",
    )
    return RemoteInstigatorOrigin(
        repository_origin=RemoteRepositoryOrigin(code_location_origin=location, repository_name="__repository__"),
        instigator_name="imap_inbox_sensor",
    )


def test_a_rule_file_that_cannot_be_read_is_told_and_the_rules_before_stay_in_force(
    database: Database, here: Path, query: Query, monkeypatch: pytest.MonkeyPatch
) -> None:
    from leadflow_pipeline.defs.batches import rules_in_force

    folder = here / "rules"
    folder.mkdir()
    monkeypatch.setenv("LEADFLOW_RULES_DIR", str(folder))
    (folder / "acme.yaml").write_text(RULE.format(1))
    good = rules_in_force()
    assert good.problem is None
    (folder / "acme.yaml").write_text("name: [acme\n")
    broken = rules_in_force()
    assert [rule.name for rule in broken.rules] == [rule.name for rule in good.rules]
    assert broken.version == good.version
    with dg.DagsterInstance.local_temp() as instance:
        look(instance, database)
        [(kind, text, _)] = alerts(query)
        assert kind == "broken_rules"
        assert "acme.yaml:" in str(text)


def test_a_changed_rule_gives_another_version_and_the_same_rule_the_same(here: Path) -> None:
    from leadflow_pipeline.adapters.rules_in_force import read_rules_in_force

    folder = here / "rules"
    folder.mkdir()
    none = read_rules_in_force(None, here).version
    (folder / "acme.yaml").write_text(RULE.format(1))
    first = read_rules_in_force(folder, here).version
    (folder / "acme.yaml").write_text(RULE.format(22))
    second = read_rules_in_force(folder, here).version
    (folder / "acme.yaml").write_text(RULE.format(1))
    again = read_rules_in_force(folder, here).version
    assert len({none, first, second}) == 3
    assert again == first
