"""What is changed in Dagster's daemon has to be there in the installed Dagster."""

from dagster._daemon import controller

from leadflow_pipeline.runtime.run_daemon import SECONDS_BETWEEN_RELOADS


def test_the_daemon_reads_the_repository_before_it_gives_up_on_it() -> None:
    assert hasattr(controller, "RELOAD_WORKSPACE_INTERVAL")
    assert SECONDS_BETWEEN_RELOADS < controller.DEFAULT_WORKSPACE_FRESHNESS_TOLERANCE
