"""Brings a database's tables up to date with `sql/migrations/`, through yoyo: each file once, in order.

No SQL and no decision in here about what the tables are; that is the files' business.
"""

from pathlib import Path

import psycopg2
import yoyo
from sqlalchemy.engine import URL

from leadflow_pipeline.adapters.database import CONNECT_TIMEOUT_SECONDS, describe_url, normalize_url, unreachable
from leadflow_pipeline.domain.errors import PermanentError

MIGRATIONS_FOLDER = Path(__file__).resolve().parents[2] / "sql" / "migrations"
ROLES_FILE = MIGRATIONS_FOLDER.parent / "roles.sql"
BOOKKEEPING_SCHEMA = "migrations"
LOCK_KEY = 7_226_001  # any number, the same in every leadflow process


def apply_migrations(url: str) -> list[str]:
    """Apply what is missing; gives the names of the migrations applied, in order.

    Two processes may call this at once: one waits for the other. Raises `TransientError` when the
    database cannot be reached and `PermanentError` when a migration fails (the database is then as before it).
    """
    target = normalize_url(url)
    try:
        guard = psycopg2.connect(
            target.set(drivername="postgresql").render_as_string(hide_password=False),
            connect_timeout=CONNECT_TIMEOUT_SECONDS,
        )
    except psycopg2.Error as error:
        raise unreachable(target, error) from error
    try:
        guard.autocommit = True
        with guard.cursor() as cursor:
            cursor.execute("select pg_advisory_lock(%s)", (LOCK_KEY,))
            cursor.execute(f"create schema if not exists {BOOKKEEPING_SCHEMA}")
            # Dagster keeps its own tables apart from ours and from whatever else lives in the database.
            cursor.execute("create schema if not exists dagster")
        applied = _apply(target)
        with guard.cursor() as cursor:
            cursor.execute("set lock_timeout = '10s'")
            cursor.execute(ROLES_FILE.read_text(encoding="utf-8"))
        return applied
    except psycopg2.Error as error:
        raise PermanentError(f"Migrating the {describe_url(target)} failed: {error}".strip()) from error
    finally:
        guard.close()


def _apply(target: URL) -> list[str]:
    """Apply the missing files; the caller holds the lock that makes this process the only one."""
    address = target.set(drivername="postgresql").update_query_dict({"schema": BOOKKEEPING_SCHEMA})
    backend = yoyo.get_backend(address.render_as_string(hide_password=False))
    try:
        backend.break_lock()  # left behind by a process that was killed: we alone hold the advisory lock
        missing = backend.to_apply(yoyo.read_migrations(str(MIGRATIONS_FOLDER)))
        with backend.lock():
            backend.apply_migrations(missing)
        return [migration.id for migration in missing]
    finally:
        backend.connection.close()
