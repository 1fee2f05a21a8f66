"""The run launcher with a real Dagster instance: runs start, are watched, ended, and always see today's code."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import dagster as dg
import psutil
import pytest
from dagster._core.definitions.reconstruct import ReconstructableJob
from dagster._core.instance import DagsterInstance
from dagster._core.launcher.base import LaunchRunContext, WorkerStatus
from dagster._core.storage.dagster_run import DagsterRun

from leadflow_pipeline.runtime.run_launcher import ForkserverRunLauncher, find_worker

CODE = """
import time
import dagster as dg

@dg.op
def work(context):
    context.log.info("{word}")
    time.sleep({seconds})

@dg.job(executor_def=dg.in_process_executor)
def small_job():
    work()
"""

DAGSTER_YAML = """
run_launcher:
  module: leadflow_pipeline.runtime.run_launcher
  class: ForkserverRunLauncher
run_monitoring:
  enabled: true
telemetry:
  enabled: false
"""


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[DagsterInstance]:
    """An instance of its own, whose runs have all ended when the test has."""
    (tmp_path / "dagster.yaml").write_text(DAGSTER_YAML)
    with DagsterInstance.from_config(str(tmp_path)) as opened:
        yield opened
        for run in opened.get_runs():
            if (worker := find_worker(run)) is not None:
                worker.kill()
        opened.run_launcher.join(10)


@pytest.fixture
def launch(instance: DagsterInstance, tmp_path: Path) -> Callable[..., DagsterRun]:
    """Writes the code, launches a run of it, gives the run."""

    def start(*, word: str = "hello", seconds: float = 0) -> DagsterRun:
        file = tmp_path / "small_code.py"
        file.write_text(CODE.format(word=word, seconds=seconds))
        job = ReconstructableJob.for_file(str(file), "small_job")
        run = instance.create_run_for_job(job.get_definition(), job_code_origin=job.get_python_origin())
        instance.run_launcher.launch_run(LaunchRunContext(run, workspace=None))
        return run

    return start


def wait_for(condition: Callable[[], bool], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def current(instance: DagsterInstance, run: DagsterRun) -> DagsterRun:
    found = instance.get_run_by_id(run.run_id)
    assert found is not None
    return found


def words_of(instance: DagsterInstance, run: DagsterRun) -> str:
    return " ".join(entry.user_message for entry in instance.all_logs(run.run_id))


def test_a_run_is_executed_and_ends(instance: DagsterInstance, launch: Callable[..., DagsterRun]) -> None:
    run = launch()
    wait_for(lambda: current(instance, run).status == dg.DagsterRunStatus.SUCCESS)
    wait_for(lambda: find_worker(current(instance, run)) is None)


def test_a_run_sees_the_code_as_it_is_now(instance: DagsterInstance, launch: Callable[..., DagsterRun]) -> None:
    """A forkserver that had imported the project would go on running yesterday's code after a reload."""
    first = launch(word="yesterday")
    wait_for(lambda: current(instance, first).is_finished)
    second = launch(word="today")
    wait_for(lambda: current(instance, second).is_finished)
    assert "yesterday" in words_of(instance, first)
    assert "today" in words_of(instance, second)


def test_a_killed_worker_is_found_missing(instance: DagsterInstance, launch: Callable[..., DagsterRun]) -> None:
    run = launch(seconds=60)
    wait_for(lambda: find_worker(current(instance, run)) is not None)
    assert instance.run_launcher.check_run_worker_health(current(instance, run)).status == WorkerStatus.RUNNING
    worker = find_worker(current(instance, run))
    assert worker is not None
    os.kill(worker.pid, signal.SIGKILL)
    wait_for(lambda: find_worker(current(instance, run)) is None)
    assert instance.run_launcher.check_run_worker_health(current(instance, run)).status == WorkerStatus.NOT_FOUND


def test_a_run_can_be_terminated(instance: DagsterInstance, launch: Callable[..., DagsterRun]) -> None:
    run = launch(seconds=60)
    wait_for(lambda: current(instance, run).status == dg.DagsterRunStatus.STARTED)
    assert instance.run_launcher.terminate(run.run_id)
    wait_for(lambda: current(instance, run).status == dg.DagsterRunStatus.CANCELED)
    assert not instance.run_launcher.terminate(run.run_id)


def test_a_worker_id_that_another_process_has_now_is_not_taken_for_the_worker(
    instance: DagsterInstance, launch: Callable[..., DagsterRun]
) -> None:
    """Process ids are used again; the time when the process began tells them apart."""
    run = launch()
    wait_for(lambda: current(instance, run).is_finished)
    parent = psutil.Process(os.getppid())
    instance.add_run_tags(run.run_id, {"leadflow/worker": f"{parent.pid}:{parent.create_time() - 100:.2f}"})
    assert find_worker(current(instance, run)) is None


def test_a_forkserver_that_died_is_replaced(instance: DagsterInstance, launch: Callable[..., DagsterRun]) -> None:
    first = launch()
    wait_for(lambda: current(instance, first).is_finished)
    forkservers = [
        child for child in psutil.Process().children() if any("forkserver" in part for part in child.cmdline())
    ]
    assert forkservers
    for child in forkservers:
        child.kill()
        wait_for(lambda child=child: child.status() == psutil.STATUS_ZOMBIE)  # type: ignore[misc]
    second = launch()
    wait_for(lambda: current(instance, second).status == dg.DagsterRunStatus.SUCCESS)


def test_a_run_whose_code_cannot_be_loaded_fails_and_says_why(
    instance: DagsterInstance, launch: Callable[..., DagsterRun], tmp_path: Path
) -> None:
    first = launch()
    wait_for(lambda: current(instance, first).is_finished)
    job = ReconstructableJob.for_file(str(tmp_path / "small_code.py"), "small_job")
    run = instance.create_run_for_job(job.get_definition(), job_code_origin=job.get_python_origin())
    (tmp_path / "small_code.py").write_text("raise RuntimeError('a line is missing')")
    instance.run_launcher.launch_run(LaunchRunContext(run, workspace=None))
    wait_for(lambda: current(instance, run).status == dg.DagsterRunStatus.FAILURE)
    wait_for(lambda: find_worker(current(instance, run)) is None)


def test_ended_workers_are_forgotten(instance: DagsterInstance, launch: Callable[..., DagsterRun]) -> None:
    """A daemon launches runs for months; it must not keep each one's process object."""
    for _ in range(5):
        run = launch()
        wait_for(lambda run=run: current(instance, run).is_finished)  # type: ignore[misc]
    launcher = instance.run_launcher
    assert isinstance(launcher, ForkserverRunLauncher)
    launcher.join(10)
    launcher.dispose()
    assert not launcher._workers
