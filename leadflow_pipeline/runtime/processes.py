"""Child processes that are kept running: started, looked after, restarted with growing pauses, and ended together.

Each child leads a process group of its own, so that what it starts ends with it. What the children are is not
known here.
"""

import json
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

import psutil

SECONDS_TO_END = 10.0
LONGEST_PAUSE_SECONDS = 30.0
STEADY_SECONDS = 60.0  # a child that ran this long starts again without a pause
TAIL_LINES = 15


@dataclass(frozen=True, kw_only=True)
class ProcessSpec:
    """How to start a child."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    log_file: Path


@dataclass
class Child:
    """A child and how often it had to be started."""

    spec: ProcessSpec
    process: subprocess.Popen[bytes]
    started_at: float
    restarts: int = 0
    restart_at: float | None = None


@dataclass
class ProcessKeeper:
    """Keeps children running until it is told to end them."""

    register: Path  # where the children's ids are noted, for the next start to find left-overs
    children: dict[str, Child] = field(default_factory=dict)
    _is_noted: bool = True

    def end_left_overs(self) -> list[str]:
        """End what an earlier keeper left running because it was killed itself; gives the names."""
        try:
            noted = json.loads(self.register.read_text())
        except (OSError, ValueError):
            return []
        ended = []
        for name, (pid, began) in noted.items():
            with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
                if abs(psutil.Process(pid).create_time() - began) < 1.0:
                    _end_group(pid)
                    ended.append(name)
        self.register.unlink(missing_ok=True)
        return ended

    def start(self, spec: ProcessSpec) -> None:
        """Start a child; its output goes to its log file."""
        self.children[spec.name] = Child(spec=spec, process=_spawn(spec), started_at=time.monotonic())
        self._note()

    def restart_ended(self) -> list[str]:
        """Start again what has ended by itself, after a pause that grows with each time; gives the names."""
        started = []
        now = time.monotonic()
        for child in self.children.values():
            if child.process.poll() is None:
                continue
            if child.restart_at is None:
                if now - child.started_at > STEADY_SECONDS:
                    child.restarts = 0
                _end_group(child.process.pid)  # what the dead child had started itself
                child.restart_at = now + min(LONGEST_PAUSE_SECONDS, child.restarts * 2.0)
            if now >= child.restart_at:
                child.process = _spawn(child.spec)
                child.started_at, child.restart_at = now, None
                child.restarts += 1
                started.append(child.spec.name)
        if started or not self._is_noted:
            self._note()
        return started

    def has_ended(self, name: str) -> bool:
        """Whether this child is not running at the moment."""
        return self.children[name].process.poll() is not None

    def seconds_running(self, name: str) -> float:
        """How long this child has been running."""
        return time.monotonic() - self.children[name].started_at

    def kill(self, name: str) -> None:
        """Kill a child and its group; it is started again like one that ended by itself."""
        _end_group(self.children[name].process.pid)

    def last_words(self, name: str) -> str:
        """The end of a child's log."""
        try:
            text = self.children[name].spec.log_file.read_text(errors="replace")
        except OSError:
            return ""
        return "\n".join(text.splitlines()[-TAIL_LINES:])

    def end_all(self) -> None:
        """Ask all children to end, latest first, wait, then kill what is left of them."""
        for child in reversed(self.children.values()):
            _signal_group(child.process.pid, signal.SIGTERM)
        deadline = time.monotonic() + SECONDS_TO_END
        for child in self.children.values():
            with suppress(subprocess.TimeoutExpired):
                child.process.wait(max(0.1, deadline - time.monotonic()))
        for child in self.children.values():
            _end_group(child.process.pid)
            with suppress(subprocess.TimeoutExpired):
                child.process.wait(1)
        self.children.clear()
        self.register.unlink(missing_ok=True)

    def _note(self) -> None:
        noted = {}
        for name, child in self.children.items():
            with suppress(psutil.NoSuchProcess):
                noted[name] = (child.process.pid, psutil.Process(child.process.pid).create_time())
        draft = self.register.with_suffix(".new")
        try:
            draft.write_text(json.dumps(noted))
            draft.replace(self.register)
        except OSError:  # the disk is full: the last register stays, and is written anew when there is room
            self._is_noted = False
        else:
            self._is_noted = True


def _spawn(spec: ProcessSpec) -> subprocess.Popen[bytes]:
    with _open_log(spec) as log:
        return subprocess.Popen(
            list(spec.command),
            env=dict(spec.environment),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def _open_log(spec: ProcessSpec) -> BinaryIO:
    """The child's log with a first line of ours; nothing where it cannot be written: leads matter more than logs."""
    try:
        log = spec.log_file.open("ab")
        try:
            log.write(f"--- {spec.name} starts at {datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC\n".encode())
            log.flush()
        except OSError:
            log.raw.close()  # not `close`, which would try to write again
            raise
        return log
    except OSError:
        return open(os.devnull, "ab")


def _signal_group(pid: int, number: signal.Signals) -> bool:
    """Whether there was anybody in the group to hear the signal."""
    try:
        os.killpg(pid, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def _end_group(pid: int) -> None:
    """Kill every process of a group and wait until they are gone."""
    members = [process for process in psutil.process_iter() if _group_of(process.pid) == pid]
    if _signal_group(pid, signal.SIGKILL):
        psutil.wait_procs(members, timeout=5)


def _group_of(pid: int) -> int | None:
    try:
        return os.getpgid(pid)
    except ProcessLookupError:
        return None
