"""Dagster's run launcher: each run is forked from a process that has imported already what it needs.

Belongs here: starting, watching and ending run workers. What a run does is not known here, nor what is preloaded
(`warm_project`, and where that has nothing to offer `forkserver`).
"""

import os
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Self

import psutil
from dagster import DagsterRun
from dagster._core.launcher.base import CheckRunHealthResult, LaunchRunContext, RunLauncher, WorkerStatus
from dagster._grpc.types import ExecuteRunArgs
from dagster._serdes import ConfigurableClass, ConfigurableClassData, deserialize_value, serialize_value

from leadflow_pipeline.runtime.forkserver import fork_process
from leadflow_pipeline.runtime.warm_project import warm_project

# Which process works on a run: its id and when it began (ids are used again). Any process of this host can check it.
WORKER_TAG = "leadflow/worker"
SECONDS_TO_APPEAR = 30.0


def execute_run(serialized_args: str) -> None:
    """Body of a run worker: put its mark on the run, execute it, end."""
    from dagster._cli.api import _execute_run_command_body
    from dagster._core.instance import DagsterInstance
    from dagster._utils.interrupts import setup_interrupt_handlers

    setup_interrupt_handlers()
    args = deserialize_value(serialized_args, ExecuteRunArgs)
    assert args.instance_ref is not None
    with DagsterInstance.from_ref(args.instance_ref) as instance:
        me = psutil.Process()
        instance.add_run_tags(args.run_id, {WORKER_TAG: f"{me.pid}:{me.create_time():.2f}"})
        _execute_run_command_body(args.run_id, instance, lambda _: None, set_exit_code_on_failure=False)


class ForkserverRunLauncher(RunLauncher[Any], ConfigurableClass):
    """Starts runs on this host from a forkserver that each launching process keeps for itself."""

    def __init__(self, inst_data: ConfigurableClassData | None = None) -> None:
        self._inst_data = inst_data
        self._workers: dict[str, psutil.Process] = {}
        self._lock = threading.Lock()
        super().__init__()  # type: ignore[no-untyped-call]

    @property
    def inst_data(self) -> ConfigurableClassData | None:
        return self._inst_data

    @classmethod
    def config_type(cls) -> dict[str, Any]:
        return {}

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]) -> Self:
        return cls(inst_data=inst_data, **config_value)

    def launch_run(self, context: LaunchRunContext) -> None:
        """Fork a worker for the run. Raises when the forkserver cannot be reached; Dagster then fails the run."""
        run = context.dagster_run
        origin = context.job_code_origin
        if origin is None:
            raise ValueError(f"Run {run.run_id} does not say which code it belongs to; reload the code location.")
        args = ExecuteRunArgs(job_origin=origin, run_id=run.run_id, instance_ref=self._instance.get_ref())
        pid = (
            warm_project.fork(execute_run, serialize_value(args))
            or fork_process(execute_run, serialize_value(args)).pid
        )
        with self._lock, suppress(psutil.NoSuchProcess):
            self._forget_ended()
            self._workers[run.run_id] = psutil.Process(pid)

    def terminate(self, run_id: str) -> bool:
        """End the run's worker; False when there is none any more."""
        run = self._instance.get_run_by_id(run_id)
        if run is None or run.is_finished:
            return False
        process = find_worker(run)
        self._instance.report_run_canceling(run)
        if process is None:
            self._instance.report_run_canceled(run)
            return False
        with suppress(psutil.NoSuchProcess):
            process.terminate()
        return True

    def join(self, timeout: int = 30) -> None:
        """Wait until the workers that this process started have ended."""
        with self._lock:
            workers = list(self._workers.values())
        psutil.wait_procs(workers, timeout=timeout)

    @property
    def supports_check_run_worker_health(self) -> bool:
        return True

    def check_run_worker_health(self, run: DagsterRun) -> CheckRunHealthResult:
        """Whether the process that works on the run is alive."""
        if find_worker(run) is not None:
            return CheckRunHealthResult(WorkerStatus.RUNNING)
        if WORKER_TAG in run.tags:
            return CheckRunHealthResult(WorkerStatus.NOT_FOUND, "The run's process is gone.")
        with self._lock:
            worker = self._workers.get(run.run_id)
        if worker is not None and is_alive(worker):
            return CheckRunHealthResult(WorkerStatus.RUNNING)
        record = self._instance.get_run_record_by_id(run.run_id)
        since = record.update_timestamp.timestamp() if record else 0.0
        if time.time() - since < SECONDS_TO_APPEAR:
            return CheckRunHealthResult(WorkerStatus.UNKNOWN, "The run's process has not reported yet.", transient=True)
        return CheckRunHealthResult(WorkerStatus.NOT_FOUND, "The run's process never reported.")

    def dispose(self) -> None:
        with self._lock:
            self._forget_ended()

    def _forget_ended(self) -> None:
        self._workers = {run_id: worker for run_id, worker in self._workers.items() if is_alive(worker)}


def is_alive(process: psutil.Process) -> bool:
    """Whether it runs and is not only waiting to be forgotten by its parent."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def find_worker(run: DagsterRun) -> psutil.Process | None:
    """The live process that works on a run, by the mark it put on the run."""
    pid, _, began = run.tags.get(WORKER_TAG, "").partition(":")
    if not pid:
        return None
    try:
        process = psutil.Process(int(pid))
        is_same = abs(process.create_time() - float(began)) < 1.0 and int(pid) != os.getpid()
        return process if is_same and is_alive(process) else None
    except (psutil.NoSuchProcess, psutil.AccessDenied, ValueError):
        return None
