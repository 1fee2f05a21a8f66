"""The local model's file: gzipped JSON beside the cues. Read once per process, written by the training alone."""

import array
import base64
import functools
import gzip
import hashlib
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from leadflow_pipeline.domain import inquiries
from leadflow_pipeline.domain.errors import PermanentError
from leadflow_pipeline.domain.inquiries.features import GROUPS, read_cues
from leadflow_pipeline.domain.inquiries.local_model import OUTPUTS, LocalModel

FOLDER = Path(inquiries.__file__).parent
MODEL_FILE = FOLDER / "local_model.json.gz"
CUES_FILE = FOLDER / "cues.txt"


@functools.cache
def load_model() -> LocalModel:
    """The model that is shipped. Raises `PermanentError` when its file or the cues are missing or damaged."""
    try:
        return read_model(gzip.decompress(MODEL_FILE.read_bytes()), CUES_FILE.read_text(encoding="utf-8"))
    except (OSError, EOFError, ValueError, KeyError) as error:
        raise PermanentError(f"{MODEL_FILE.name} cannot be read; `make train-intents` writes it anew.") from error


def read_model(content: bytes, cues: str) -> LocalModel:
    """A model from the content of its file and of the cues' file."""
    document = json.loads(content)
    return LocalModel(
        version=hashlib.sha256(content + cues.encode()).hexdigest()[:12],
        cues=read_cues(cues.splitlines()),
        weights={group: _read_table(document["groups"][group]) for group in GROUPS},
        bias=tuple(document["bias"]),
        temperatures=document["temperatures"],
    )


def _read_table(table: Mapping[str, Any]) -> dict[str, tuple[float, tuple[int, ...]]]:
    numbers = array.array("h", base64.b64decode(table["weights"]))
    if sys.byteorder == "big":
        numbers.byteswap()
    rows = zip(*[iter(numbers)] * OUTPUTS, strict=True)
    return {
        feature: (rarity, row) for feature, rarity, row in zip(table["features"], table["rarities"], rows, strict=True)
    }


def write_model(
    groups: Mapping[str, tuple[Sequence[str], Sequence[float], Sequence[Sequence[int]]]],
    bias: Sequence[int],
    temperatures: Mapping[str, float],
) -> bytes:
    """The content of a model's file; for each group its features, their squared rarities and their weights."""
    tables = {}
    for group, (features, rarities, rows) in groups.items():
        numbers = array.array("h", [number for row in rows for number in row])
        if sys.byteorder == "big":
            numbers.byteswap()
        tables[group] = {
            "features": list(features),
            "rarities": list(rarities),
            "weights": base64.b64encode(numbers.tobytes()).decode(),
        }
    document = {"groups": tables, "bias": list(bias), "temperatures": dict(temperatures)}
    return json.dumps(document, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
