"""What a stack costs while nothing arrives: processor and memory of each process, and bytes in the database."""

import time
from collections.abc import Mapping
from dataclasses import dataclass

import psutil

from leadflow_pipeline.bench.own_stack import OwnStack


@dataclass(frozen=True, kw_only=True)
class Resting:
    """Of one process, or of one kind of process."""

    percent_of_core: float
    resident_mib: float  # what is shared between processes is counted in each


def measure_rest(stack: OwnStack, *, seconds: float) -> Mapping[str, Resting]:
    """Processor time and memory over `seconds`, by process; the line `all` is their sum."""
    before = _processor_seconds(stack.processes())
    time.sleep(seconds)
    processes = stack.processes()
    after = _processor_seconds(processes)
    rows: dict[str, list[float]] = {}
    for process in processes:
        if process not in after:
            continue
        row = rows.setdefault(_name(process), [0.0, 0.0])
        row[0] += after[process] - before.get(process, 0.0)
        row[1] += _resident(process)
    rows["all"] = [sum(row[0] for row in rows.values()), sum(row[1] for row in rows.values())]
    return {
        name: Resting(percent_of_core=100 * row[0] / seconds, resident_mib=row[1] / 2**20) for name, row in rows.items()
    }


def measure_bytes(stack: OwnStack) -> Mapping[str, float]:
    """Bytes in the database for each lead, and in Dagster's own tables for each batch."""
    with stack.database.transaction() as transaction:
        sizes = transaction.row("read_database_sizes")
    assert sizes is not None
    leads, batches = sizes["leads"] or 1, sizes["batches"] or 1
    return {
        "leads": sizes["leads"],
        "batches": sizes["batches"],
        "database_bytes_per_lead": (sizes["total_bytes"] - sizes["dagster_bytes"]) / leads,
        "dagster_bytes_per_batch": sizes["dagster_bytes"] / batches,
    }


def _processor_seconds(processes: list[psutil.Process]) -> dict[psutil.Process, float]:
    seconds = {}
    for process in processes:
        try:
            times = process.cpu_times()
        except psutil.NoSuchProcess:
            continue
        # What ended in between left its time with its parent.
        seconds[process] = times.user + times.system + times.children_user + times.children_system
    return seconds


def _resident(process: psutil.Process) -> float:
    try:
        return float(process.memory_info().rss)
    except psutil.NoSuchProcess:
        return 0.0


def _name(process: psutil.Process) -> str:
    """What a process is for, as far as its command line tells."""
    try:
        line = " ".join(process.cmdline())
    except psutil.Error:
        return "ended"
    known = {
        "postgres": "postgres",
        "run_daemon": "dagster-daemon",
        "forkserver": "runs and their forkserver",
        "code-server": "code server",
        "api grpc": "code server",
        "run_webserver": "dagster-webserver",
        "receiver.app": "receiver",
        "imap_server": "sandbox mailbox",
        "vendor_server": "sandbox vendors",
        "leadflow up": "supervisor",
    }
    return next((name for mark, name in known.items() if mark in line), "other")
