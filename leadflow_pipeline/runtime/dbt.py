"""dbt for the database of a stack, given to the use case that decides what is built."""

from datetime import UTC, datetime
from pathlib import Path

from leadflow_pipeline.adapters.database import Database
from leadflow_pipeline.adapters.dbt_command import DbtCommand
from leadflow_pipeline.stages import dbt_builds


def build_if_changed(url: str, work_folder: Path) -> bool:
    """Build and test the models of which this database has another state; gives whether it had to.

    `work_folder` takes dbt's own files. Raises `PermanentError` with dbt's report when a model or a test fails.
    """
    with Database(url, pool_size=1) as database:
        return dbt_builds.build_if_changed(
            database, DbtCommand(url=url, work_folder=work_folder), now=datetime.now(UTC)
        )
