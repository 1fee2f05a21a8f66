"""Dagster's own PostgreSQL storage with connections that are kept: its stock one connects anew for every query.

A run of five steps makes about 120 of them, and a tick that asks for its instance opens three storages, which look for
their tables each. What is stored and how stays dagster-postgres's business; this class is one block in `dagster.yaml`,
to be swapped for the stock `postgres:` block.
"""

import functools
import time
from typing import Any, Self

import sqlalchemy
from dagster._serdes import ConfigurableClassData
from dagster_postgres.event_log import PostgresEventLogStorage
from dagster_postgres.run_storage import PostgresRunStorage
from dagster_postgres.schedule_storage import PostgresScheduleStorage
from dagster_postgres.storage import DagsterPostgresStorage
from dagster_postgres.utils import create_pg_engine, pg_url_from_config
from sqlalchemy import event, exc

# A server that was restarted is noticed before the next use of a connection that has rested for so long.
SECONDS_OF_REST = 2.0
KEPT_CONNECTIONS = 2
# The daemon's threads may need more for a moment; what is above the kept ones is closed when it is given back.
MORE_CONNECTIONS = 20
# Of each of the three storages the table that Dagster added last (dagster 1.13, `_core/storage/*/schema.py`).
NEWEST_TABLES = {"backfill_tags", "concurrency_limits", "asset_daemon_asset_evaluations"}
COMPLETE: set[str] = set()  # addresses where this process has seen all tables


def ping_after_rest(engine: sqlalchemy.Engine) -> None:
    """Have the engine's pool throw away connections that no longer answer after a rest.

    SQLAlchemy's own `pool_pre_ping` asks before each use, which doubles the statements of many short ones.
    """

    @event.listens_for(engine, "checkin")
    def note_rest(connection: Any, record: Any) -> None:  # noqa: ARG001
        record.info["rests_since"] = time.monotonic()

    @event.listens_for(engine, "checkout")
    def ping(connection: Any, record: Any, proxy: Any) -> None:  # noqa: ARG001
        if time.monotonic() - record.info.get("rests_since", time.monotonic()) < SECONDS_OF_REST:
            return
        try:
            engine.dialect.do_ping(connection)
        except engine.dialect.dbapi.Error as error:  # type: ignore[union-attr]
            # The pool tries the next connection, and makes a new one where none is left.
            raise exc.DisconnectionError("the connection has ended while it rested") from error


@functools.cache
def share_engine(postgres_url: str) -> sqlalchemy.Engine:
    """The engine of this process for Dagster's tables: its instances come and go with every tick."""
    engine = create_pg_engine(
        postgres_url, isolation_level="AUTOCOMMIT", pool_size=KEPT_CONNECTIONS, max_overflow=MORE_CONNECTIONS
    )
    ping_after_rest(engine)
    return engine


def has_tables(postgres_url: str) -> bool:
    """Whether Dagster's tables are there; asked until they are, since a first start makes them while others run."""
    if postgres_url not in COMPLETE:
        tables = sqlalchemy.inspect(share_engine(postgres_url)).get_table_names()
        if NEWEST_TABLES.issubset(tables):
            COMPLETE.add(postgres_url)
    return postgres_url in COMPLETE


class CurrentRunStorage(PostgresRunStorage):
    """Runs in tables of the installed version; the stock one reads the columns anew before most queries."""

    def has_run_stats_index_cols(self) -> bool:
        return True

    def has_backfill_id_column(self) -> bool:
        return True


class CurrentEventLogStorage(PostgresEventLogStorage):
    """Events in tables of the installed version."""

    def has_table(self, table_name: str) -> bool:  # noqa: ARG002
        return True

    def _has_asset_key_col_on_connection(self, conn: Any, column_name: str) -> bool:  # noqa: ARG002
        return True


class CurrentScheduleStorage(PostgresScheduleStorage):
    """Ticks in tables of the installed version; the stock one lists all tables before most queries."""

    def _has_instigators_table(self, conn: Any) -> bool:  # noqa: ARG002
        return True

    def _has_asset_daemon_asset_evaluations_table(self, conn: Any) -> bool:  # noqa: ARG002
        return True


class PooledPostgresStorage(DagsterPostgresStorage):
    """Runs, events and ticks over one small pool of connections per process.

    Takes the tables to be those of the installed Dagster: after an upgrade of Dagster, `dagster instance migrate`.
    """

    def __init__(self, postgres_url: str, inst_data: ConfigurableClassData | None = None) -> None:
        super().__init__(postgres_url, should_autocreate_tables=not has_tables(postgres_url), inst_data=inst_data)
        self._run_storage = CurrentRunStorage(postgres_url, should_autocreate_tables=False)
        self._event_log_storage = CurrentEventLogStorage(postgres_url, should_autocreate_tables=False)
        self._schedule_storage = CurrentScheduleStorage(postgres_url, should_autocreate_tables=False)
        for storage in (self._run_storage, self._event_log_storage, self._schedule_storage):
            storage._engine = share_engine(postgres_url)

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData | None, config_value: Any) -> Self:
        """Built by Dagster from `dagster.yaml`."""
        return cls(pg_url_from_config(config_value), inst_data=inst_data)
