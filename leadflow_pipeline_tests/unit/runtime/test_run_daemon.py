"""What is changed in Dagster's daemon and webserver has to be there in the installed Dagster."""

import inspect

from dagster._daemon import controller
from dagster._grpc import server_watcher

from leadflow_pipeline.runtime.run_daemon import SECONDS_BETWEEN_RELOADS


def test_the_daemon_reads_the_repository_before_it_gives_up_on_it() -> None:
    assert hasattr(controller, "RELOAD_WORKSPACE_INTERVAL")
    assert SECONDS_BETWEEN_RELOADS < controller.DEFAULT_WORKSPACE_FRESHNESS_TOLERANCE


def test_how_often_the_code_server_is_looked_at_is_read_when_the_watch_begins() -> None:
    """Not when Dagster is imported, as a default of a parameter would be."""
    assert isinstance(server_watcher.WATCH_INTERVAL, int | float)
    assert "WATCH_INTERVAL)" in inspect.getsource(server_watcher.watch_grpc_server_thread)
