"""`leadflow webhook`: a signed test call for any source, and how fast posts are taken in."""

import os
import shlex
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from leadflow_pipeline.domain.errors import PermanentError
from leadflow_pipeline.settings import read_settings

webhook_app = typer.Typer(no_args_is_help=True, help="The sources that post leads to us.")

MOST_CONNECTIONS = 32


@webhook_app.command("sign")
def sign(
    source: Annotated[str, typer.Argument(help="The source's name, as `leadflow doctor` lists it.")],
    file: Annotated[Path, typer.Argument(help="The body to send, as it is.")],
    url: Annotated[str | None, typer.Option(help="The receiver's address; else that of this stack.")] = None,
    key: Annotated[
        Path | None, typer.Option(help="A file with the secret or private key to sign with; else the first in force.")
    ] = None,
    content_type: Annotated[str | None, typer.Option(help="Else the first that the source sends.")] = None,
) -> None:
    """Print the curl command that sends FILE as this source would.

    A signature with a timestamp is good for five minutes. The printed line holds the secret of a source that
    cannot sign.
    """
    from leadflow_pipeline.domain.webhook_sources.registry import SOURCES
    from leadflow_pipeline.domain.webhook_sources.signing import sign_post

    settings = read_settings()
    if source not in SOURCES:
        raise PermanentError(f"There is no source {source}; there are {', '.join(SOURCES)}.")
    secrets = settings.webhook_secrets(source)
    if not secrets and not (SOURCES[source].is_open_on_sandbox and settings.sandbox):
        raise PermanentError(f"{source} is closed; LEADFLOW_WEBHOOK_{source.upper()}_SECRET opens it.")
    raw = _read(file)
    secret = _read(key).decode().strip() if key else next(iter(secrets), "")
    call = sign_post(
        SOURCES[source],
        raw,
        secret=secret,
        message_id=f"msg_{uuid.uuid4().hex}",
        now=datetime.now(UTC),
    )
    base = url or f"http://{settings.receiver_host}:{settings.receiver_port}"
    headers = {"content-type": content_type or SOURCES[source].content_types[0], **call.headers}
    parts = ["curl", "-sS", *(part for name, value in headers.items() for part in ("-H", f"{name}: {value}"))]
    typer.echo(shlex.join([*parts, "--data-binary", f"@{file}", f"{base.rstrip('/')}{call.path}"]))


@webhook_app.command("bench")
def bench(
    rate: Annotated[list[int], typer.Option(help="Posts a second; may be given several times.")] = [50, 200],  # noqa: B006
    seconds: Annotated[int, typer.Option(help="How long each rate is kept up.", min=1)] = 20,
) -> None:
    """Measure how fast posts are stored: a receiver of one process on a new database, beside this client.

    Touches no running stack. A time runs from when a post was due to its 2xx, which is sent after the commit.
    """
    from rich.console import Console
    from rich.table import Table

    from leadflow_pipeline.bench import post_speed

    console = Console(highlight=False, soft_wrap=True)
    port = post_speed.find_port()
    with post_speed.receiver_alone(port) as database:
        with database.transaction() as transaction:
            durability = transaction.value("read_synchronous_commit")
        console.print(f"synchronous_commit {durability}, {os.cpu_count()} cores")
        table = Table("posts a second", "stored", "of", "p50 ms", "p99 ms", "max ms", "load before", box=None)
        for each in (*rate, None):
            load = os.getloadavg()[0]
            if each is None:
                times = post_speed.measure_most(port, connections=MOST_CONNECTIONS, seconds=seconds)
                name = f"{times.per_second:.0f}: the most, from {MOST_CONNECTIONS} senders at once"
            else:
                times = post_speed.measure_rate(port, per_second=each, seconds=seconds)
                name = str(each)
            figures = (times.p50_ms, times.p99_ms, times.max_ms, load)
            table.add_row(name, str(times.stored), str(times.sent), *(f"{figure:.1f}" for figure in figures))
    console.print(table)


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise PermanentError(f"{file}: {error.strerror}.") from error
