"""When the models of `dbt_scoring/` are built: at the start where they have changed, and when somebody asks.

Putting scoring models in force is a use case of its own (`stages.scoring_versions`); here it is given dbt to build with.
"""

from datetime import UTC, datetime
from pathlib import Path

from leadflow_pipeline.adapters.database import Database
from leadflow_pipeline.adapters.dbt_command import DbtCommand, DbtNode, hash_project
from leadflow_pipeline.domain.errors import PermanentError
from leadflow_pipeline.stages.scoring_versions import ScoringSwitch, switch_scoring


def build_if_changed(url: str, work_folder: Path) -> bool:
    """Build and test all models where this database has another state of them; gives whether it had to.

    `work_folder` takes dbt's own files. Raises `PermanentError` with dbt's report when a model or a test fails.
    """
    project_hash = hash_project()
    command = DbtCommand(url=url, work_folder=work_folder)
    with Database(url, pool_size=1) as database:
        with database.transaction() as transaction:
            if transaction.value("is_dbt_built", project_hash=project_hash):
                return False
        try:
            switch_scoring(
                database, lambda schema: _discard(command.run("build", scoring_schema=schema)), now=datetime.now(UTC)
            )
        except PermanentError as error:
            raise PermanentError(f"Building the dbt models failed; nothing else was started.\n{error}") from error
        with database.transaction() as transaction:
            transaction.execute("note_dbt_build", project_hash=project_hash)
    return True


def put_scoring_in_force(database: Database, command: DbtCommand) -> ScoringSwitch:
    """Build, test and swap in the scoring models as they stand in the project now."""
    return switch_scoring(database, lambda schema: build_scoring(command, schema), now=datetime.now(UTC))


def build_scoring(command: DbtCommand, schema: str) -> None:
    """The scoring models alone, with all their tests."""
    command.run("build", "--select", "tag:scoring", scoring_schema=schema)


def refresh_marts(command: DbtCommand, *, from_scratch: bool = False) -> list[DbtNode]:
    """Bring the marts up to date; from scratch also their definitions and all of history."""
    if from_scratch:
        return command.run("build", "--select", "tag:marts", "--full-refresh")
    return command.run("build", "--select", "tag:marts,config.materialized:incremental", "source_spend", "overhead_costs")


def _discard(_: object) -> None:
    """For a builder that tells more than its caller asks."""
