"""Dagster's tables over kept connections: what a process believes of them, and for how long."""

from dagster_postgres.storage import DagsterPostgresStorage

from leadflow_pipeline.runtime.dagster_storage import PooledPostgresStorage, has_tables, share_engine


def test_tables_that_another_process_makes_later_are_seen(database_url: str) -> None:
    """On a first start the code server is there before whoever makes the tables; it must not look for ever."""
    assert not has_tables(database_url)
    DagsterPostgresStorage(database_url)
    assert has_tables(database_url)
    share_engine(database_url).dispose()


def test_storage_makes_missing_tables_and_leaves_those_that_are_there(database_url: str) -> None:
    for _ in range(2):
        storage = PooledPostgresStorage(database_url)
        assert list(storage.run_storage.get_runs()) == []
        assert list(storage.schedule_storage.all_instigator_state()) == []
    assert has_tables(database_url)
    share_engine(database_url).dispose()
