"""PostgreSQL servers that are not ours, as old as may be: all of leadflow as a user without the right to create roles.

Each major version that is installed is tried: Debian's, and those whose programs a folder holds that
TEST_POSTGRES_PROGRAMS names (several with a colon between). The embedded 18 is what all other tests run on.
"""

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from leadflow_pipeline.adapters.database import Database, load_queries
from leadflow_pipeline.adapters.migrations import apply_migrations
from leadflow_pipeline.runtime.backups import read_backup, write_backup
from leadflow_pipeline.runtime.dbt import build_if_changed
from leadflow_pipeline_tests.integration.conftest import run_statement
from leadflow_pipeline_tests.integration.test_pipeline import land
from leadflow_pipeline_tests.integration.test_quarantine import run
from leadflow_pipeline_tests.integration.test_queries import DECLARED, number_parameters

OLDER = (14, 15, 16, 17)


def find_programs(major: int) -> Path | None:
    """The folder with `initdb` and `postgres` of this version, if it is installed."""
    named = [Path(folder) for folder in os.environ.get("TEST_POSTGRES_PROGRAMS", "").split(":") if folder]
    for folder in (*named, Path(f"/usr/lib/postgresql/{major}/bin")):
        if (folder / "postgres").exists():
            said = subprocess.run([folder / "postgres", "--version"], capture_output=True, text=True, check=True).stdout
            if re.search(rf"\b{major}\.", said):
                return folder
    return None


@pytest.fixture(params=OLDER)
def external_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """A server of this version, with a database that belongs to a plain user."""
    programs = find_programs(request.param)
    if programs is None:
        pytest.skip(f"PostgreSQL {request.param} is not installed here")
    folder = Path(tempfile.mkdtemp(prefix="leadflow-server-"))
    owner = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    if owner:
        shutil.chown(folder, "postgres")
    data = folder / "data"
    control = [*owner, str(programs / "pg_ctl"), "-D", str(data), "-w"]
    create = [*owner, str(programs / "initdb"), "-D", str(data), "-A", "trust", "-U", "postgres", "-E", "UTF8"]
    try:
        subprocess.run(create, check=True, capture_output=True)
        started = f"-k {folder} -c listen_addresses='' -c fsync=off"
        subprocess.run([*control, "-o", started, "-l", str(folder / "log"), "start"], check=True, capture_output=True)
        admin = f"postgresql://postgres@/postgres?host={folder}"
        run_statement(admin, "create role plain login")
        run_statement(admin, "create database leadflow owner plain")
        yield f"postgresql://plain@/leadflow?host={folder}"
    finally:
        subprocess.run([*control, "-m", "immediate", "stop"], check=False, capture_output=True)
        shutil.rmtree(folder, ignore_errors=True)


def test_another_server_takes_migrations_queries_leads_and_backups(external_url: str, tmp_path: Path) -> None:
    assert apply_migrations(external_url)
    assert apply_migrations(external_url) == []
    build_if_changed(external_url, tmp_path / "dbt")
    for name in DECLARED:
        run_statement(external_url, f"prepare checked as {number_parameters(getattr(load_queries(), name).sql)}")
    with Database(external_url) as database:
        land(database, message="investor")
        run(database)
    write_backup(external_url, tmp_path / "backup")
    run_statement(external_url, "delete from leads.scored_leads")
    read_backup(external_url, tmp_path / "backup", replace=True)
    assert run_statement(external_url, "select count(*) from leads.scored_leads") == [(1,)]
