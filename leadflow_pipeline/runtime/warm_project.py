"""A process that has imported the project as it is now; runs are forked from it for as long as no file has changed.

It is itself forked from the forkserver, which holds libraries only. Before each run the project's files are looked at:
when one is newer than what was imported, the process is given up and another one begins, and the run meanwhile starts
the long way. So no run ever sees code from before a change. Decision 0071.
"""

import gc
import importlib
import os
import signal
import threading
from collections.abc import Callable
from contextlib import suppress
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path

from leadflow_pipeline.runtime.forkserver import fork_process
from leadflow_pipeline.settings import CHECKOUT

PROJECT = "leadflow_pipeline.definitions"
# What a process keeps of the project once it has read it; mail rules and models look at their own files.
FOLDERS = (CHECKOUT / "leadflow_pipeline", CHECKOUT / "sql")
SECONDS_TO_FORK = 5.0
Fingerprint = frozenset[tuple[str, int, int]]


def take_fingerprint(folders: tuple[Path, ...] = FOLDERS) -> Fingerprint:
    """Path, size and time of change of every file below the folders; a few milliseconds."""
    found = set()
    for folder in folders:
        for root, names, files in os.walk(folder):
            names[:] = [name for name in names if name != "__pycache__"]
            for file in files:
                path = os.path.join(root, file)
                with suppress(FileNotFoundError):
                    state = os.stat(path)
                    found.add((path, state.st_size, state.st_mtime_ns))
    return frozenset(found)


class WarmProject:
    """The process to fork from. Safe to use from several threads."""

    def __init__(self, *, project: str = PROJECT, folders: tuple[Path, ...] = FOLDERS) -> None:
        self._project = project
        self._folders = folders
        self._lock = threading.Lock()
        self._fingerprint: Fingerprint | None = None
        self._requests: Connection | None = None
        self._is_ready = False

    def prepare(self) -> None:
        """Begin to import the project as it is now, without waiting for it."""
        with self._lock:
            self._begin(take_fingerprint(self._folders))

    def fork(self, target: Callable[[str], None], argument: str) -> int | None:
        """The id of a process that calls `target(argument)`; None when there is none to fork from at the moment."""
        with self._lock:
            fingerprint = take_fingerprint(self._folders)
            if self._requests is None and fingerprint == self._fingerprint:
                return None  # it ended while it imported: what is wrong with the project is told by the run itself
            if fingerprint != self._fingerprint:
                self._begin(fingerprint)
                return None
            try:
                return self._ask(target, argument)
            except (EOFError, OSError):
                was_ready = self._is_ready
                self._give_up()
                if was_ready:
                    self._begin(fingerprint)
                return None

    def close(self) -> None:
        """Let the process end; the runs that were forked from it go on."""
        with self._lock:
            self._give_up()
            self._fingerprint = None

    def _ask(self, target: Callable[[str], None], argument: str) -> int | None:
        assert self._requests is not None
        if not self._is_ready:
            if not self._requests.poll():
                return None
            self._requests.recv()
            self._is_ready = True
        self._requests.send((target, argument))
        if not self._requests.poll(SECONDS_TO_FORK):
            raise EOFError
        pid: int = self._requests.recv()
        return pid

    def _begin(self, fingerprint: Fingerprint) -> None:
        self._give_up()
        self._fingerprint = fingerprint
        ours, theirs = Pipe()
        fork_process(serve_forks, theirs, self._project)
        theirs.close()
        self._requests = ours

    def _give_up(self) -> None:
        if self._requests is not None:
            self._requests.close()
        self._requests, self._is_ready = None, False


def serve_forks(requests: Connection, project: str) -> None:
    """Body of the process: import the project, then fork once per request until nobody asks any more."""
    module = importlib.import_module(project)
    getattr(module, "warm_up", lambda: None)()
    gc.freeze()  # what is there now is shared with the children for as long as nobody touches it
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the children's ends are not waited for
    requests.send("ready")
    while True:
        try:
            target, argument = requests.recv()
        except EOFError:
            return
        pid = os.fork()
        if pid == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            requests.close()
            target(argument)
            return
        requests.send(pid)


warm_project = WarmProject()
