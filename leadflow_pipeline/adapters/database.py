"""PostgreSQL: transactions over the named queries of `sql/queries/`, and waiting for a notification.

The only module that knows the driver. Drivers' errors leave it as `TransientError` (connection lost,
lock or time limit, deadlock) or `PermanentError` (anything a second try would meet again). No SQL text here.
"""

import functools
import select
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import aiosql
import psycopg2
import psycopg2.extras
import sqlalchemy
from psycopg2 import errorcodes
from sqlalchemy.engine import URL, make_url

from leadflow_pipeline.domain.errors import BadRowsError, PermanentError, TransientError

QUERIES_FOLDER = Path(__file__).resolve().parents[2] / "sql" / "queries"

# A statement that runs longer is a fault, and a session idle in a transaction blocks the clean-up of old rows.
SESSION_OPTIONS = "-c statement_timeout=30s -c lock_timeout=10s -c idle_in_transaction_session_timeout=60s"
CONNECT_TIMEOUT_SECONDS = 5

# SQLSTATE classes and codes that a second try can cure (PostgreSQL manual, appendix A; grade A).
TRANSIENT_CLASSES = {"08", "40", "53", "57"}
# Cardinality, data, constraint, program limit: the fault is in some row, not in the statement (same appendix).
BAD_ROWS_CLASSES = {"21", "22", "23", "54"}
TRANSIENT_CODES = {errorcodes.LOCK_NOT_AVAILABLE, errorcodes.READ_ONLY_SQL_TRANSACTION}

NO_ADDRESS = "LEADFLOW_DATABASE_URL is not an address like postgresql://user:password@host:5432/database."

Row = Mapping[str, Any]

psycopg2.extras.register_uuid()  # type: ignore[no-untyped-call]


def normalize_url(url: str) -> URL:
    """SQLAlchemy's URL of a `postgres://` or `postgresql://` address, with the driver that is installed.

    Raises `PermanentError` when the text is no PostgreSQL address; the message never shows a password.
    """
    try:
        parsed = make_url(url.replace("postgres://", "postgresql://", 1))
    except (sqlalchemy.exc.ArgumentError, ValueError) as error:
        raise PermanentError(NO_ADDRESS) from error
    if "@" in (parsed.host or ""):
        raise PermanentError(f"{NO_ADDRESS} An @ in the password is written %40.")
    if parsed.get_backend_name() != "postgresql":
        raise PermanentError(
            f"LEADFLOW_DATABASE_URL names a {parsed.get_backend_name()} database; it must be PostgreSQL 14 or newer."
        )
    return parsed.set(drivername="postgresql+psycopg2")


def describe_url(url: URL) -> str:
    """Where the database is, for messages: without user and password."""
    host = url.host or url.query.get("host") or "the local socket"
    return f"database {url.database} at {host}"


def unreachable(url: URL, error: Exception) -> PermanentError | TransientError:
    """Why there is no connection, and what to look at."""
    reason = next(iter(str(error.__cause__ or error).strip().splitlines()), type(error).__name__)
    if isinstance(error, psycopg2.ProgrammingError):
        return PermanentError(f"{NO_ADDRESS} PostgreSQL's client says: {reason}.")
    return TransientError(
        f"Cannot reach the {describe_url(url)}: {reason}. "
        "Is PostgreSQL running there, and is LEADFLOW_DATABASE_URL right?"
    )


@functools.cache
def load_queries() -> Any:
    """All named queries of `sql/queries/`, read once per process."""
    return aiosql.from_path(QUERIES_FOLDER, "psycopg2", kwargs={"cursor_factory": psycopg2.extras.DictCursor})


def _as_ours(error: Exception, tried: str) -> PermanentError | TransientError:
    """The kind of a driver's error. The driver's own text may hold row values, so only its code goes on."""
    code = getattr(error, "pgcode", None)
    if code is None:
        # A connection that broke within a statement is the bare class: libpq had no code to give.
        is_broken = isinstance(error, psycopg2.OperationalError | psycopg2.InterfaceError)
        if is_broken or type(error) is psycopg2.DatabaseError:
            return TransientError(f"The database did not answer ({tried}); trying again later can help.")
        return PermanentError(f"The database driver refused {tried}: {type(error).__name__}.")
    name = errorcodes.lookup(code)
    constraint = getattr(getattr(error, "diag", None), "constraint_name", None)
    where = f"{tried}: {name}" + (f" on {constraint}" if constraint else "")
    if code[:2] in TRANSIENT_CLASSES or code in TRANSIENT_CODES:
        return TransientError(f"The database could not do {where}; trying again later can help.")
    if code in (errorcodes.UNDEFINED_TABLE, errorcodes.INVALID_SCHEMA_NAME, errorcodes.UNDEFINED_COLUMN):
        return PermanentError(f"The database lacks what {where} needs; run `leadflow migrate`.")
    if code[:2] in BAD_ROWS_CLASSES:
        return BadRowsError(f"The database refused {where}.")
    return PermanentError(f"The database refused {where}.")


class Transaction:
    """One open transaction: runs named queries. Parameters are bound, never formatted in."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def rows(self, query: str, **parameters: Any) -> list[Row]:
        """All rows of a query, as mappings."""
        return [dict(row) for row in self._call(query, parameters)]

    def row(self, query: str, **parameters: Any) -> Row | None:
        """The first row of a `^` query, or None."""
        found = self._call(query, parameters)
        return None if found is None else dict(found)

    def value(self, query: str, **parameters: Any) -> Any:
        """The single value of a `$` query."""
        return self._call(query, parameters)

    def execute(self, query: str, **parameters: Any) -> int:
        """Run a `!` query; gives the number of rows it touched."""
        count: int = self._call(query, parameters)
        return count

    def _call(self, query: str, parameters: dict[str, Any]) -> Any:
        try:
            result = getattr(load_queries(), query)(self._connection, **parameters)
            return list(result) if isinstance(result, Iterator) else result
        except psycopg2.Error as error:
            raise _as_ours(error, f"query {query}") from error
        except (UnicodeError, ValueError) as error:  # a lone surrogate or a NUL in a text
            raise BadRowsError(f"The database driver refused query {query}: {type(error).__name__}.") from error


class Database:
    """A PostgreSQL database through a small pool of connections; safe to share between threads."""

    def __init__(self, url: str, *, pool_size: int = 4, application_name: str = "leadflow") -> None:
        """Connects on first use, not here. Raises `PermanentError` when `url` is no PostgreSQL address."""
        self._url = normalize_url(url)
        self._engine = sqlalchemy.create_engine(
            self._url,
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=CONNECT_TIMEOUT_SECONDS,
            pool_pre_ping=True,  # after a restart of the server nobody pays for a dead connection
            connect_args={
                "application_name": application_name,
                "connect_timeout": CONNECT_TIMEOUT_SECONDS,
                "options": f"{self._url.query.get('options', '')} {SESSION_OPTIONS}",
            },
        )

    @property
    def url(self) -> str:
        """The address, password included: for handing on to another client, never for messages."""
        return self._url.render_as_string(hide_password=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give all connections back."""
        self._engine.dispose()

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """A transaction that commits at the end and rolls back on any error.

        Raises `TransientError` when the database cannot be reached.
        """
        connection = self._connect()
        try:
            yield Transaction(connection)
            try:
                connection.commit()
            except psycopg2.Error as error:
                raise _as_ours(error, "commit") from error
        except BaseException:
            _roll_back(connection)
            raise
        finally:
            connection.close()

    @contextmanager
    def listen(self, channel: str) -> Iterator["Listener"]:
        """Hear the notifications on `channel` that are sent while this is open. Holds one connection."""
        connection = self._connect()
        try:
            driver = connection.driver_connection
            assert driver is not None
            driver.autocommit = True
            with driver.cursor() as cursor:
                cursor.execute(f"listen {psycopg2.extensions.quote_ident(channel, driver)}")
            yield Listener(driver)
        except psycopg2.Error as error:
            raise _as_ours(error, f"listening on {channel}") from error
        finally:
            connection.invalidate()
            connection.close()

    def _connect(self) -> sqlalchemy.PoolProxiedConnection:
        try:
            return self._engine.raw_connection()
        except (psycopg2.Error, sqlalchemy.exc.SQLAlchemyError) as error:
            raise unreachable(self._url, error) from error


@functools.cache
def hold_database(url: str, *, pool_size: int, application_name: str) -> Database:
    """The one database object of this process for an address, so that its connections outlive a sensor's tick."""
    return Database(url, pool_size=pool_size, application_name=application_name)


class Listener:
    """Waits for notifications on a connection of its own."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def wait(self, seconds: float) -> bool:
        """Whether a notification came within `seconds`."""
        deadline = time.monotonic() + seconds
        while not self._connection.notifies:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self._connection], [], [], left)[0]:
                return False
            self._connection.poll()
        self._connection.notifies.clear()
        return True


def _roll_back(connection: sqlalchemy.PoolProxiedConnection) -> None:
    """Undo what is open; a connection that cannot even do that is thrown away."""
    try:
        connection.rollback()
    except psycopg2.Error:
        connection.invalidate()
