"""Dagster's own PostgreSQL storage with connections that are kept: its stock one connects anew for every query.

A run of five steps makes about 120 of them. What is stored and how stays dagster-postgres's business; this class is
one block in `dagster.yaml`, to be swapped for the stock `postgres:` block.
"""

from typing import Any, Self

from dagster._serdes import ConfigurableClassData
from dagster_postgres.storage import DagsterPostgresStorage
from dagster_postgres.utils import create_pg_engine, pg_url_from_config

KEPT_CONNECTIONS = 2
# The daemon's threads may need more for a moment; what is above the kept ones is closed when it is given back.
MORE_CONNECTIONS = 20


class PooledPostgresStorage(DagsterPostgresStorage):
    """Runs, events and ticks over one small pool of connections per process."""

    def __init__(self, postgres_url: str, inst_data: ConfigurableClassData | None = None) -> None:
        super().__init__(postgres_url, inst_data=inst_data)
        engine = create_pg_engine(
            postgres_url,
            isolation_level="AUTOCOMMIT",
            pool_size=KEPT_CONNECTIONS,
            max_overflow=MORE_CONNECTIONS,
            pool_pre_ping=True,  # a server that was restarted costs nobody a failed query
        )
        for storage in (self._run_storage, self._event_log_storage, self._schedule_storage):
            storage._engine.dispose()
            storage._engine = engine

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData | None, config_value: Any) -> Self:
        """Built by Dagster from `dagster.yaml`."""
        return cls(pg_url_from_config(config_value), inst_data=inst_data)
