"""The faults of a chaos run: what is done to a running stack. Each comes back when the fault is over, or is made.

None of them asks the stack for its consent: processes are killed, stopped and limited by the system's own means.
"""

import json
import os
import resource
import signal
import time
from collections.abc import Callable
from contextlib import suppress

import psutil
import requests

from leadflow_pipeline.runtime.postgres import data_folder
from leadflow_pipeline_tests.end_to_end.test_stack import RunningStack, kill, running_workers

FAULT_SECONDS = 8.0
SECONDS_TO_BE_THERE = 40.0
VENDORS = ("google", "clearbit", "pdl", "slack", "followupboss", "hubspot", "twilio", "smtp")

Fault = Callable[[RunningStack], None]


def find_children(stack: RunningStack) -> dict[str, int]:
    """The stack's own processes, by name."""
    noted = json.loads((stack.home / "run" / "processes.json").read_text())
    return {name: pid for name, (pid, _) in noted.items()}


def signal_child(name: str, number: signal.Signals = signal.SIGKILL) -> Fault:
    """Send a process of the stack a signal."""

    def make(stack: RunningStack) -> None:
        deadline = time.monotonic() + SECONDS_TO_BE_THERE
        while time.monotonic() < deadline:  # it may just be starting again after the last fault
            with suppress(ProcessLookupError):
                return os.kill(find_children(stack)[name], number)
            time.sleep(0.2)
        raise AssertionError(f"{name} is not started again")

    return make


def freeze_child(name: str) -> Fault:
    """A process that has its connections and answers nobody, for a while; then it goes on where it was."""

    def make(stack: RunningStack) -> None:
        pid = find_children(stack)[name]
        os.kill(pid, signal.SIGSTOP)
        time.sleep(FAULT_SECONDS)
        os.kill(pid, signal.SIGCONT)

    return make


def kill_run_worker(stack: RunningStack) -> None:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        with suppress(requests.RequestException, KeyError, TypeError):
            if [pid for pid in running_workers(stack) if kill(pid)]:
                return
        time.sleep(0.05)


def restart_database(stack: RunningStack) -> None:
    """SIGQUIT to the postmaster is PostgreSQL's immediate shutdown (its manual, section 18.5; grade A)."""
    pid = int((data_folder(stack.home) / "postmaster.pid").read_text().split()[0])
    os.kill(pid, signal.SIGQUIT)


def terminate_backends(stack: RunningStack) -> None:
    stack.query(
        "select pg_terminate_backend(pid) from pg_stat_activity"
        " where pid <> pg_backend_pid() and backend_type = 'client backend'"
    )


def change_uidvalidity(stack: RunningStack) -> None:
    """As a server does that was restored from a backup: all UIDs are new, all mails are the same."""
    for file in (stack.home / "mailbox").rglob("uidvalidity"):
        file.write_text(str(int(file.read_text()) + 1))
    signal_child("sandbox-mailbox")(stack)


def disturb_vendors(**behaviour: object) -> Fault:
    """All vendors behave like this for a while."""

    def make(stack: RunningStack) -> None:
        for vendor in VENDORS:
            _control(stack, vendor, **behaviour)
        time.sleep(FAULT_SECONDS)
        for vendor in VENDORS:
            _control(stack, vendor, down=False, latency_ms=0, failure_rate=0)

    return make


def _control(stack: RunningStack, vendor: str, **behaviour: object) -> None:
    url = f"http://127.0.0.1:{stack.environment['LEADFLOW_SANDBOX_PORT']}/_control/{vendor}"
    requests.post(url, json=behaviour, timeout=10).raise_for_status()


def fill_disk(stack: RunningStack) -> None:
    """No file of the pipeline can grow, logs included: its processes get a limit of 0 bytes for a while (EFBIG).

    The receiver is killed meanwhile, so that it has to start on the full disk. Mailbox and vendors are other machines'.
    """
    for process in _find_writers(stack):
        _limit_files(process, 0)
    signal_child("receiver")(stack)
    time.sleep(FAULT_SECONDS)
    for process in _find_writers(stack):
        _limit_files(process, resource.RLIM_INFINITY)


def _find_writers(stack: RunningStack) -> list[psutil.Process]:
    keeper = psutil.Process(stack.process.pid)
    found = [keeper]
    for process in keeper.children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            if "leadflow_pipeline.sandbox" not in " ".join(process.cmdline()):
                found.append(process)
    return found


def _limit_files(process: psutil.Process, most_bytes: int) -> None:
    with suppress(psutil.NoSuchProcess):
        process.rlimit(resource.RLIMIT_FSIZE, (most_bytes, resource.RLIM_INFINITY))


FAULTS: dict[str, Fault] = {
    "run worker killed": kill_run_worker,
    "code server killed": signal_child("code-server"),
    "daemon killed": signal_child("dagster-daemon"),
    "receiver killed": signal_child("receiver"),
    "IMAP server killed": signal_child("sandbox-mailbox"),
    "IMAP server silent": freeze_child("sandbox-mailbox"),
    "IMAP connections cut": signal_child("sandbox-mailbox", signal.SIGUSR1),
    "UIDVALIDITY changed": change_uidvalidity,
    "PostgreSQL restarted (immediate)": restart_database,
    "PostgreSQL backends terminated": terminate_backends,
    "vendors down": disturb_vendors(down=True),
    "vendors slow": disturb_vendors(latency_ms=6000),
    "vendors failing": disturb_vendors(failure_rate=0.7, failures=["error", "limit", "hang"], hang_seconds=6),
    "vendors silent": freeze_child("sandbox-vendors"),
    "disk full": fill_disk,
}
SHORT = (
    "run worker killed",
    "daemon killed",
    "PostgreSQL backends terminated",
    "receiver killed",
    "IMAP connections cut",
    "UIDVALIDITY changed",
    "vendors failing",
    "disk full",
)
