"""The whole stack of `leadflow up`: what has to run, in which order, with which environment, and when it is ready.

Belongs here: database, migrations, dbt build, the processes, the samples. Does not belong here: how a process is
kept running (`processes`) and what is shown meanwhile (`cli`).
"""

import fcntl
import os
import shutil
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psutil
import requests

from leadflow_pipeline.adapters.database import Database, normalize_url
from leadflow_pipeline.adapters.migrations import apply_migrations
from leadflow_pipeline.domain.errors import PermanentError, TransientError
from leadflow_pipeline.runtime.dbt import build_if_changed
from leadflow_pipeline.runtime.postgres import (
    EmbeddedServer,
    embedded_url,
    find_embedded,
    start_embedded,
    stop_embedded,
)
from leadflow_pipeline.runtime.processes import ProcessKeeper, ProcessSpec
from leadflow_pipeline.settings import CHECKOUT, Settings
from leadflow_pipeline.stages.agents import import_agents, read_agents
from leadflow_pipeline.stages.watch import read_daemon_silence, watch_daemon

SECONDS_TO_START = 90.0
SECONDS_BETWEEN_LOOKS = 15.0
HUNG_DAEMON_SECONDS = 180.0
LARGEST_LOG_BYTES = 10_000_000
# How long Dagster lets a tick last (its own default is 60): those that keep watch are held open for nearly as long
# (`defs/held_ticks.py`), and a tick that ends costs more than a minute of holding one.
LONGEST_TICK_SECONDS = 120
# Each tick that keeps watch holds a thread of the code server, and after a killed daemon the old ticks hold theirs
# until they end. By default there are only four more threads than processors.
CODE_SERVER_THREADS = 40
DAGSTER_SCHEMA = "dagster"
SAMPLE_AGENTS_FILE = CHECKOUT / "leadflow_pipeline" / "sandbox" / "sample_agents.csv"
LOAD_STATUS_QUERY = """{ workspaceOrError { ... on Workspace { locationEntries {
    locationOrLoadError { ... on PythonError { message } } } } } }"""
Report = Callable[[str], None]


class Stack:
    """A running stack. Made by `run_stack`."""

    def __init__(self, settings: Settings, report: Report) -> None:
        self.settings = settings
        self._report = report
        self._keeper = ProcessKeeper(register=settings.home / "run" / "processes.json")
        self._server: EmbeddedServer | None = None
        self._url = ""
        self._socket_folder = tempfile.TemporaryDirectory(prefix="leadflow-")
        self._database: Database | None = None
        self._look_at_daemon_at = 0.0

    @property
    def database(self) -> Database:
        """The database, once `start` has come back."""
        assert self._database is not None
        return self._database

    def start(self) -> None:
        """Bring everything up, in order; comes back when it is ready. Raises our two kinds of error."""
        for name in self._keeper.end_left_overs():
            self._report(f"Ended {name}, left over from a stack that was killed")
        check_ports(self.settings)
        self._url = self._start_database()
        for migration in apply_migrations(self._url):
            self._report(f"Applied migration {migration}")
        self._database = Database(self._url, pool_size=2, application_name="leadflow up")
        self._add_sample_agents()
        environment = self._environment()
        if self.settings.sandbox:
            self._keeper.start(self._sandbox_mailbox(environment))
            self._keeper.start(self._sandbox_vendors(environment))
        self._keeper.start(self._receiver(environment))
        self._keeper.start(self._code_server(environment))
        self._report("Building and testing the dbt models, if they have changed")
        build_if_changed(self._url, self.settings.home / "dbt")
        self._keeper.start(self._webserver(environment))
        self._keeper.start(self._daemon(environment))
        self._wait_until_ready()

    def look_after(self) -> None:
        """Start again what has ended by itself; called about once a second."""
        if self._server is not None and find_embedded(self.settings.home) is None:
            self._revive_database()
        for name in self._keeper.restart_ended():
            self._report(f"{name} had ended and was started again; its log is {self._log_file(name)}")
        if time.monotonic() >= self._look_at_daemon_at:
            self._look_at_daemon_at = time.monotonic() + SECONDS_BETWEEN_LOOKS
            self._look_at_daemon()

    def _revive_database(self) -> None:
        """A server that was killed first recovers, which may take longer than a start is waited for."""
        self._report("The database has ended; starting it again")
        try:
            start_embedded(self.settings.home)
        except TransientError as error:
            self._report(f"It is not there yet and is looked for again: {error}")

    def _look_at_daemon(self) -> None:
        """Tell when Dagster's daemon hangs, and end it if it goes on: nothing inside of Dagster could."""
        try:
            silent = read_daemon_silence(self.database)
            watch_daemon(self.database)
        except (PermanentError, TransientError):
            return  # the database is away; whoever asks it next says so
        ran = self._keeper.seconds_running("dagster-daemon")
        if silent is not None and min(silent, ran) > HUNG_DAEMON_SECONDS:
            self._report("dagster-daemon gives no sign of life; starting it again")
            self._keeper.kill("dagster-daemon")

    def end(self) -> None:
        """End every process that the stack has started."""
        self._keeper.end_all()
        if self._database is not None:
            self._database.close()
        if self._server is not None:
            stop_embedded(self._server)
        self._socket_folder.cleanup()

    def _start_database(self) -> str:
        if self.settings.database_url is not None:
            return self.settings.database_url.get_secret_value()
        self._report("Starting the embedded PostgreSQL")
        self._server = start_embedded(self.settings.home)
        return embedded_url(self._server)

    def _add_sample_agents(self) -> None:
        """A sandbox without agents gets the sample ones, so that every sample lead finds somebody."""
        if not self.settings.sandbox:
            return
        with self.database.transaction() as transaction:
            is_empty = transaction.value("count_agents") == 0
        if is_empty:
            agents = read_agents(SAMPLE_AGENTS_FILE.read_text(), region=self.settings.default_region)
            self._report(f"Added {import_agents(self.database, agents)} sample agents")

    def _environment(self) -> dict[str, str]:
        """What every child sees: the settings of this stack, its database, and Dagster's own variables."""
        dagster_home = self.settings.home / "dagster"
        dagster_home.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(self.settings.dagster_yaml, dagster_home / "dagster.yaml")
        inherited = dict(os.environ)
        # A run is a fresh process: without kept byte code each would compile all of leadflow anew (0.35 s).
        if inherited.pop("PYTHONDONTWRITEBYTECODE", None):
            inherited["PYTHONPYCACHEPREFIX"] = str(Path(sys.prefix) / "pycache")
        return {
            **inherited,
            "LEADFLOW_DATABASE_URL": self._url,
            "LEADFLOW_HOME": str(self.settings.home),
            "LEADFLOW_DAGSTER_STORAGE_URL": dagster_storage_url(self._url),
            "LEADFLOW_CODE_SERVER_SOCKET": self._code_server_socket,
            **self._smtp_port(),
            "DAGSTER_HOME": str(dagster_home),
            "DAGSTER_DISABLE_TELEMETRY": "1",
            "DAGSTER_CODE_SERVER_MAX_WORKERS": str(CODE_SERVER_THREADS),
            "DAGSTER_GRPC_MAX_WORKERS": str(CODE_SERVER_THREADS),
            "DAGSTER_SENSOR_GRPC_TIMEOUT_SECONDS": str(LONGEST_TICK_SECONDS),
            "PYTHONUNBUFFERED": "1",
        }

    def _smtp_port(self) -> dict[str, str]:
        """A port for the sandbox's mail server: no port is set for it, and two stacks side by side share nothing."""
        if not self.settings.sandbox or self.settings.sandbox_smtp_port is not None:
            return {}
        with socket.create_server(("127.0.0.1", 0)) as probe:
            return {"LEADFLOW_SANDBOX_SMTP_PORT": str(probe.getsockname()[1])}

    def _sandbox_mailbox(self, environment: dict[str, str]) -> ProcessSpec:
        return self._spec(
            "sandbox-mailbox",
            [
                sys.executable, "-m", "leadflow_pipeline.sandbox.imap_server",
                "--port", str(self.settings.sandbox_imap_port),
                "--folder", str(self.settings.home / "mailbox"),
            ],
            environment,
        )  # fmt: skip

    def _sandbox_vendors(self, environment: dict[str, str]) -> ProcessSpec:
        port = str(self.settings.sandbox_port)
        command = [sys.executable, "-m", "leadflow_pipeline.sandbox.vendor_server", "--port", port]
        return self._spec("sandbox-vendors", command, environment)

    def _receiver(self, environment: dict[str, str]) -> ProcessSpec:
        return self._spec("receiver", [sys.executable, "-m", "leadflow_pipeline.receiver.app"], environment)

    def _code_server(self, environment: dict[str, str]) -> ProcessSpec:
        return self._spec(
            "code-server",
            [
                script("dagster"), "code-server", "start",
                "--socket", self._code_server_socket,
                "--module-name", "leadflow_pipeline.definitions", "--location-name", "leadflow",
            ],
            environment,
        )  # fmt: skip

    @property
    def _code_server_socket(self) -> str:
        """In the temporary folder: a socket's path may have 107 bytes, and a home's path may be longer."""
        return str(Path(self._socket_folder.name) / "code-server.sock")

    def _webserver(self, environment: dict[str, str]) -> ProcessSpec:
        return self._spec(
            "dagster-webserver",
            [
                sys.executable, "-m", "leadflow_pipeline.runtime.run_webserver",
                "--workspace", str(CHECKOUT / "workspace.yaml"),
                "--host", "127.0.0.1", "--port", str(self.settings.dagster_port),
            ],
            environment,
        )  # fmt: skip

    def _daemon(self, environment: dict[str, str]) -> ProcessSpec:
        return self._spec(
            "dagster-daemon",
            [
                sys.executable,
                "-m",
                "leadflow_pipeline.runtime.run_daemon",
                "--workspace",
                str(CHECKOUT / "workspace.yaml"),
            ],
            environment,
        )

    def _spec(self, name: str, command: list[str], environment: dict[str, str]) -> ProcessSpec:
        log_file = self._log_file(name)
        log_file.parent.mkdir(parents=True, exist_ok=True)
        if log_file.exists() and log_file.stat().st_size > LARGEST_LOG_BYTES:
            log_file.replace(log_file.with_suffix(".log.1"))
        return ProcessSpec(name=name, command=command, environment=environment, log_file=log_file)

    def _log_file(self, name: str) -> Path:
        return self.settings.home / "logs" / f"{name}.log"

    def _wait_until_ready(self) -> None:
        waits: dict[str, Callable[[], bool]] = {
            "receiver": lambda: answers(f"{receiver_url(self.settings)}/health"),
            "dagster-webserver": lambda: answers(f"{dagster_url(self.settings)}/server_info"),
        }
        if self.settings.sandbox:
            waits["sandbox-mailbox"] = lambda: is_listening(self.settings.sandbox_imap_port)
            waits["sandbox-vendors"] = lambda: is_listening(self.settings.sandbox_port)
        deadline = time.monotonic() + SECONDS_TO_START
        for name, is_ready in waits.items():
            self._report(f"Waiting for {name}")
            while not is_ready():
                if self._keeper.has_ended(name):
                    raise PermanentError(f"{name} ended while it started:\n{self._keeper.last_words(name)}")
                if time.monotonic() > deadline:
                    raise TransientError(
                        f"{name} did not answer within {SECONDS_TO_START:.0f} s; its log is {self._log_file(name)}."
                    )
                time.sleep(0.1)
        self._report("Waiting for code-server")
        while fault := find_code_fault(f"{dagster_url(self.settings)}/graphql"):
            if time.monotonic() > deadline:
                raise PermanentError(f"Dagster runs, but could not load leadflow's code:\n{fault}")
            time.sleep(0.2)


@contextmanager
def run_stack(settings: Settings, report: Report) -> Iterator[Stack]:
    """A stack that runs within this block and has ended behind it, whatever happens. `report` takes progress lines."""
    with ExitStack() as exits:
        exits.enter_context(hold_home(settings.home))
        stack = Stack(settings, report)
        exits.callback(stack.end)
        stack.start()
        yield stack


@contextmanager
def hold_home(home: Path) -> Iterator[None]:
    """Keeps a second stack out of the same home. Raises `PermanentError` when there is one already."""
    lock_file = home / "run" / "up.lock"
    try:
        lock_file.parent.mkdir(parents=True, exist_ok=True)
        lock = lock_file.open("a+")
    except OSError as error:
        raise PermanentError(
            f"LEADFLOW_HOME={home} cannot be written ({error.strerror}); choose another folder."
        ) from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise PermanentError(
                f"A stack is already running in {home}; end it with Ctrl-C there, "
                "or set LEADFLOW_HOME and the ports for a second one."
            ) from error
        yield


def check_ports(settings: Settings) -> None:
    """Raises `PermanentError` that names every port that is taken, by whom, and the variable that moves it."""
    needed = {"LEADFLOW_RECEIVER_PORT": settings.receiver_port, "LEADFLOW_DAGSTER_PORT": settings.dagster_port}
    if settings.sandbox:
        needed["LEADFLOW_SANDBOX_IMAP_PORT"] = settings.sandbox_imap_port
        needed["LEADFLOW_SANDBOX_PORT"] = settings.sandbox_port
    taken = [
        f"port {port} is in use{_by_whom(port)}: set {name}" for name, port in needed.items() if not _is_free(port)
    ]
    if len(set(needed.values())) < len(needed):
        taken.append(f"{', '.join(needed)} must be different ports")
    if taken:
        raise PermanentError(f"The stack cannot start: {'; '.join(taken)}.")


def dagster_storage_url(url: str) -> str:
    """The same database for Dagster's own tables, in a schema of their own."""
    address = normalize_url(url).set(drivername="postgresql")
    options = f"{address.query.get('options', '')} -c search_path={DAGSTER_SCHEMA}".strip()
    return address.update_query_dict({"options": options}).render_as_string(hide_password=False)


def receiver_url(settings: Settings) -> str:
    """Where the receiver is, for this machine."""
    host = "127.0.0.1" if settings.receiver_host in ("0.0.0.0", "::") else settings.receiver_host
    return f"http://{host}:{settings.receiver_port}"


def dagster_url(settings: Settings) -> str:
    """Where Dagster's UI is, for this machine."""
    return f"http://127.0.0.1:{settings.dagster_port}"


def script(name: str) -> str:
    """A console script of the environment that runs us."""
    return str(Path(sys.executable).parent / name)


def answers(url: str) -> bool:
    """Whether a GET gives 200 now."""
    try:
        return requests.get(url, timeout=2).status_code == 200
    except requests.RequestException:
        return False


def find_code_fault(graphql_url: str) -> str | None:
    """What kept Dagster from loading the code location; None when it is loaded."""
    answer = requests.post(graphql_url, json={"query": LOAD_STATUS_QUERY}, timeout=30).json()
    for entry in answer["data"]["workspaceOrError"]["locationEntries"]:
        loaded = entry["locationOrLoadError"]
        if loaded is None:
            return "It is still being loaded."
        if "message" in loaded:
            return str(loaded["message"])
    return None


def is_listening(port: int) -> bool:
    """Whether somebody listens on a port of this machine."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def _by_whom(port: int) -> str:
    """The process that listens on a port, as far as this user may know."""
    try:
        for connection in psutil.net_connections("tcp"):
            if connection.laddr and connection.laddr.port == port and connection.status == psutil.CONN_LISTEN:
                return f" by {psutil.Process(connection.pid).name()} (process {connection.pid})"
    except (psutil.Error, OSError, TypeError):
        pass
    return ""
