"""A whole stack of its own for a measurement: `leadflow up` in a process, with its own home, ports and database.

Belongs here: starting, reaching and ending it. What is sent to it and what is measured stand in their own modules.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from leadflow_pipeline.adapters.database import Database
from leadflow_pipeline.domain.errors import TransientError
from leadflow_pipeline.runtime.postgres import find_embedded

PORTS = ("LEADFLOW_RECEIVER_PORT", "LEADFLOW_DAGSTER_PORT", "LEADFLOW_SANDBOX_PORT", "LEADFLOW_SANDBOX_IMAP_PORT")
SECONDS_TO_START = 240.0
SECONDS_TO_END = 60.0
IS_RUNNING = "leadflow is running"


@dataclass(frozen=True, kw_only=True)
class OwnStack:
    """A running stack."""

    home: Path
    ports: Mapping[str, int]
    process: subprocess.Popen[bytes]
    database: Database
    seconds_to_start: float

    @property
    def receiver_url(self) -> str:
        return f"http://127.0.0.1:{self.ports['LEADFLOW_RECEIVER_PORT']}"

    @property
    def dagster_url(self) -> str:
        return f"http://127.0.0.1:{self.ports['LEADFLOW_DAGSTER_PORT']}"

    @property
    def imap_port(self) -> int:
        return self.ports["LEADFLOW_SANDBOX_IMAP_PORT"]

    def processes(self) -> list[psutil.Process]:
        """Everything that runs for this stack, the embedded PostgreSQL and its connections included."""
        found = [psutil.Process(self.process.pid), *psutil.Process(self.process.pid).children(recursive=True)]
        data = str(self.home / "postgres")
        for each in psutil.process_iter(["cmdline"]):
            if data in (each.info["cmdline"] or []):
                found += [each, *each.children(recursive=True)]
        return list(dict.fromkeys(found))


@contextmanager
def run_own_stack(settings: Mapping[str, str] | None = None) -> Iterator[OwnStack]:
    """A stack without samples, for as long as the block lasts; nothing is left of it behind. `settings`: variables.

    Raises `TransientError` with the stack's last words when it does not come up.
    """
    with ExitStack() as exits:
        # Not below a folder that is closed to others: as root, the embedded PostgreSQL runs as a user of its own.
        home = Path(tempfile.mkdtemp(prefix="leadflow-bench-"))
        exits.callback(shutil.rmtree, home, ignore_errors=True)
        ports = dict(zip(PORTS, find_free_ports(len(PORTS)), strict=True))
        environment = {name: value for name, value in os.environ.items() if not name.startswith("LEADFLOW_")}
        environment |= {"LEADFLOW_HOME": str(home), "LEADFLOW_SAMPLES": "0"}
        environment |= {name: str(port) for name, port in ports.items()} | dict(settings or {})
        log = home / "up.log"
        began = time.monotonic()
        with log.open("wb") as output:
            process = subprocess.Popen(
                [str(Path(sys.executable).parent / "leadflow"), "up"],
                env=environment,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        exits.callback(_end, process)
        _wait_until_it_runs(process, log, began)
        url = find_embedded(home) or environment["LEADFLOW_DATABASE_URL"]
        database = exits.enter_context(Database(url, pool_size=4, application_name="leadflow bench"))
        yield OwnStack(
            home=home, ports=ports, process=process, database=database, seconds_to_start=time.monotonic() - began
        )


def _wait_until_it_runs(process: subprocess.Popen[bytes], log: Path, began: float) -> None:
    while IS_RUNNING not in log.read_text(errors="replace"):
        if process.poll() is not None or time.monotonic() - began > SECONDS_TO_START:
            raise TransientError(f"The stack to measure did not start:\n{log.read_text(errors='replace')[-2000:]}")
        time.sleep(0.05)


def _end(process: subprocess.Popen[bytes]) -> None:
    """As Ctrl-C does; what is left after a minute is killed."""
    if process.poll() is not None:
        return
    ours = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.SIGINT)
    try:
        process.wait(SECONDS_TO_END)
    except subprocess.TimeoutExpired:
        process.kill()
    _, left = psutil.wait_procs(ours, timeout=5)
    for each in left:
        each.kill()


def find_free_ports(count: int) -> list[int]:
    """Ports that nobody listened on a moment ago."""
    probes = [socket.socket() for _ in range(count)]
    try:
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]
    finally:
        for probe in probes:
            probe.close()
