"""Builds and tests `dbt_scoring/` in a process of its own, and only when it has changed since the last build.

What the models say is theirs; the hot path never comes near this module.
"""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

from leadflow_pipeline.adapters.database import Database, normalize_url
from leadflow_pipeline.domain.errors import PermanentError

DBT_PROJECT = Path(__file__).resolve().parents[2] / "dbt_scoring"
PROJECT_FOLDERS = ("seeds", "models", "macros", "tests")


def hash_project() -> str:
    """Changes with every file that a build would read."""
    digest = hashlib.sha256()
    files = [DBT_PROJECT / "dbt_project.yml"]
    for folder in PROJECT_FOLDERS:
        files += sorted(path for path in (DBT_PROJECT / folder).rglob("*") if path.is_file())
    for path in files:
        digest.update(str(path.relative_to(DBT_PROJECT)).encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def dbt_environment(url: str) -> dict[str, str]:
    """The variables that `profiles.yml` reads, for the database at `url`."""
    address = normalize_url(url)
    host = address.host or address.query.get("host") or "localhost"
    return {
        "LEADFLOW_DBT_HOST": host if isinstance(host, str) else host[0],
        "LEADFLOW_DBT_PORT": str(address.port or 5432),
        "LEADFLOW_DBT_USER": address.username or "postgres",
        "LEADFLOW_DBT_PASSWORD": str(address.password or ""),
        "LEADFLOW_DBT_DATABASE": address.database or "leadflow",
        "DO_NOT_TRACK": "1",
    }


def build_if_changed(url: str, work_folder: Path) -> bool:
    """Build and test the models where this database has another state of them; gives whether it had to.

    `work_folder` takes dbt's own files. Raises `PermanentError` with dbt's report when a model or a test fails.
    """
    project_hash = hash_project()
    with Database(url, pool_size=1) as database:
        with database.transaction() as transaction:
            if transaction.value("is_dbt_built", project_hash=project_hash):
                return False
        build(url, work_folder)
        with database.transaction() as transaction:
            transaction.execute("note_dbt_build", project_hash=project_hash)
    return True


def build(url: str, work_folder: Path) -> None:
    """`dbt build`: seeds, models, unit tests and data tests. Raises `PermanentError` with dbt's report."""
    command = [
        str(Path(sys.executable).parent / "dbt"), "--quiet", "build",
        "--project-dir", str(DBT_PROJECT), "--profiles-dir", str(DBT_PROJECT),
        "--target-path", str(work_folder / "target"), "--log-path", str(work_folder / "logs"),
    ]  # fmt: skip
    done = subprocess.run(
        command,
        env={**os.environ, **dbt_environment(url)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise PermanentError(f"Building the dbt models failed; nothing else was started.\n{done.stdout.strip()}")
