"""A real PostgreSQL for a session, and a database of its own for each test, cloned from a migrated template."""

import itertools
import os
import shutil
import socket
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg2
import pytest
from sqlalchemy.engine import make_url

from leadflow_pipeline.adapters.database import Database
from leadflow_pipeline.adapters.migrations import apply_migrations
from leadflow_pipeline.runtime.dbt import build_if_changed
from leadflow_pipeline.runtime.postgres import DATABASE, embedded_url, start_embedded, stop_embedded
from leadflow_pipeline.settings import Settings
from leadflow_pipeline.stages.agents import import_agents

NUMBERS = itertools.count(1)
ROOM_BYTES = 3 * 2**30  # the write-ahead log alone may take one


@pytest.fixture(scope="session")
def template_url() -> Iterator[str]:
    """A server with one database: all migrations applied, all dbt models built and tested.

    Not below pytest's own temporary folder: as root the server runs as another user, and every pytest that
    starts shuts that folder to others.
    """
    home = Path(tempfile.mkdtemp(prefix="leadflow-tests-", dir=find_memory_folder()))
    server = start_embedded(home)
    try:
        url = embedded_url(server)
        apply_migrations(url)
        build_if_changed(url, home / "dbt")
        yield url
    finally:
        stop_embedded(server)
        shutil.rmtree(home)


def find_memory_folder() -> str | None:
    """A folder in memory where there is one with room: a database of a test is 500 files, which disks make slowly."""
    memory = Path("/dev/shm")
    has_room = memory.is_dir() and os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > ROOM_BYTES
    return str(memory) if has_room else None


@pytest.fixture
def database_url(template_url: str) -> Iterator[str]:
    """A fresh copy of the template, dropped at the end."""
    name = f"test_{next(NUMBERS)}"
    admin = make_url(template_url).set(database="postgres").render_as_string(hide_password=False)
    run_statement(admin, f"create database {name} template {DATABASE}")
    yield make_url(template_url).set(database=name).render_as_string(hide_password=False)
    run_statement(admin, f"drop database {name} with (force)")


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """The fresh database, opened."""
    with Database(database_url, pool_size=4) as opened:
        yield opened


@pytest.fixture
def add_agents(database: Database) -> Callable[[int], list[str]]:
    """Adds this many active agents, named agent-1, agent-2, …; gives their ids."""

    def add(count: int) -> list[str]:
        rows = [
            {"row_number": number, "agent_id": f"agent-{number}", "name": f"Agent {number}", "active": True}
            for number in range(1, count + 1)
        ]
        import_agents(database, rows)
        return [str(row["agent_id"]) for row in rows]

    return add


@pytest.fixture
def query(database_url: str) -> Callable[..., list[tuple[object, ...]]]:
    """Runs a statement of the test's own and gives its rows: tests look at tables, the code does not."""

    def run(statement: str, *parameters: object) -> list[tuple[object, ...]]:
        return run_statement(database_url, statement, *parameters)

    return run


@pytest.fixture
def free_port() -> int:
    """A port that nobody listened on a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """The defaults, with a home of the test's own."""
    return Settings(_env_file=None, home=tmp_path)


def run_statement(url: str, statement: str, *parameters: object) -> list[tuple[object, ...]]:
    """Run one statement outside any transaction block; gives its rows, if it has any."""
    connection = psycopg2.connect(url)
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(statement, parameters)
            return cursor.fetchall() if cursor.description else []
    finally:
        connection.close()
