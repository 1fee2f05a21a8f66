"""`leadflow intent`: what inquiries say, one JSON object per line. Needs no database, no network, no settings."""

import json
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import IO, Annotated

import typer

from leadflow_pipeline.domain.errors import PermanentError
from leadflow_pipeline.stages.inquiry_intents import Judge

LONGEST_LINE_BYTES = 1_000_000
KEYS = ("text", "intent", "sentiment", "readiness", "confidence", "model")


def intent(
    file: Annotated[Path | None, typer.Argument(help="Inquiries, one per line; `-` or none: standard input.")] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="A line that starts with { has to be a JSON object; else it may be text.")
    ] = False,
) -> None:
    """Tell intent, sentiment and readiness of inquiries: for each line one JSON object, in order.

    A line is the text itself or a JSON object with `text`. An empty line says nothing: browsing, readiness and
    confidence 0. A line that cannot be read gives an object with `error`, and exit code 1 at the end.
    """
    from leadflow_pipeline.adapters.intent_model_file import load_model

    model = load_model()
    sys.stdout.reconfigure(encoding="utf-8", errors="replace")  # type: ignore[union-attr]
    unreadable = 0
    for line in _each_line(file):
        try:
            described = describe(model, read_line(line, as_json=as_json))
        except ValueError as error:
            unreadable += 1
            described = {**dict.fromkeys(KEYS), "error": str(error)}
        sys.stdout.write(json.dumps(described, ensure_ascii=False) + "\n")
    if unreadable:
        raise typer.Exit(1)


def describe(model: Judge, text: str) -> dict[str, object]:
    """The verdict as the command prints it."""
    return {"text": text, **{key: value for key, value in asdict(model.judge(text)).items() if key in KEYS}}


def read_line(line: bytes, *, as_json: bool) -> str:
    """The text of a line. Raises `ValueError` that says what is wrong with it."""
    if len(line) > LONGEST_LINE_BYTES:
        raise ValueError(f"the line is longer than {LONGEST_LINE_BYTES} bytes")
    try:
        text = line.decode("utf-8-sig").strip()
    except UnicodeDecodeError as error:
        raise ValueError("the line is not UTF-8") from error
    if not text.startswith("{"):
        return text
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        if as_json:
            raise ValueError("the line is not JSON") from error
        return text
    found = document.get("text")
    if not isinstance(found, str):
        raise ValueError("the line has no `text`, or one that is not a string")
    return found.encode("utf-8", "replace").decode("utf-8")


def _each_line(file: Path | None) -> Iterator[bytes]:
    if file is None or str(file) == "-":
        yield from _cut(sys.stdin.buffer)
        return
    try:
        with file.open("rb") as opened:
            yield from _cut(opened)
    except OSError as error:
        raise PermanentError(f"{file}: {error.strerror}.") from error


def _cut(stream: IO[bytes]) -> Iterator[bytes]:
    """The lines. Of one that is too long only as much is held as shows that it is."""
    while line := stream.readline(LONGEST_LINE_BYTES + 1):
        yield line
        while len(line) > LONGEST_LINE_BYTES and not line.endswith(b"\n"):
            line = stream.readline(LONGEST_LINE_BYTES + 1)
