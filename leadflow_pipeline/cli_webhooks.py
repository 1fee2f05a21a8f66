"""`leadflow webhook`: a signed test call for any source, ready to paste into a shell."""

import shlex
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from leadflow_pipeline.domain.errors import PermanentError
from leadflow_pipeline.settings import read_settings

webhook_app = typer.Typer(no_args_is_help=True, help="The sources that post leads to us.")


@webhook_app.callback()
def _group() -> None:
    """Keeps `sign` a command of its own while it is the only one."""


@webhook_app.command("sign")
def sign(
    source: Annotated[str, typer.Argument(help="The source's name, as `leadflow doctor` lists it.")],
    file: Annotated[Path, typer.Argument(help="The body to send, as it is.")],
    url: Annotated[str | None, typer.Option(help="The receiver's address; else that of this stack.")] = None,
    content_type: Annotated[str | None, typer.Option(help="Else the first that the source sends.")] = None,
) -> None:
    """Print the curl command that sends FILE as this source would, signed with the first secret in force.

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
    try:
        raw = file.read_bytes()
    except OSError as error:
        raise PermanentError(f"{file}: {error.strerror}.") from error
    call = sign_post(
        SOURCES[source],
        raw,
        secret=secrets[0] if secrets else "",
        message_id=f"msg_{uuid.uuid4().hex}",
        now=datetime.now(UTC),
    )
    base = url or f"http://{settings.receiver_host}:{settings.receiver_port}"
    headers = {"content-type": content_type or SOURCES[source].content_types[0], **call.headers}
    parts = ["curl", "-sS", *(part for name, value in headers.items() for part in ("-H", f"{name}: {value}"))]
    typer.echo(shlex.join([*parts, "--data-binary", f"@{file}", f"{base.rstrip('/')}{call.path}"]))
