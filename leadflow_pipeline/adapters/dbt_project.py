"""What `dbt_scoring/` consists of, read from its own files: names, descriptions, columns, what reads what.

dbt's manifest would say the same, but parsing the project costs seconds and importing dagster-dbt two more, in every
process that loads the definitions (decision 0031). A test holds this reading against the manifest.
"""

import functools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from leadflow_pipeline.adapters.dbt_command import DBT_PROJECT

LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml's, where it is there: every run loads the definitions

_REF = re.compile(r"""\bref\(\s*['"](\w+)['"]\s*\)""")
_SOURCE = re.compile(r"""\bsource\(\s*['"](\w+)['"]\s*,\s*['"](\w+)['"]\s*\)""")
_ALIAS = re.compile(r"""\balias\s*=\s*['"](\w+)['"]""")


@dataclass(frozen=True, kw_only=True)
class DbtModel:
    """A model or seed, as its files describe it."""

    name: str
    part: str  # scoring or marts
    kind: str  # model or seed
    table: str  # schema and name in the database
    description: str
    columns: Mapping[str, str]  # name and description
    reads: Sequence[str]  # other models and seeds, by name
    reads_tables: Sequence[str]  # the pipeline's own, with their schema


@functools.cache
def read_models(project: Path = DBT_PROJECT) -> Sequence[DbtModel]:
    """All models and seeds, by name."""
    described: dict[str, Mapping[str, Any]] = {}
    for file in sorted([*project.glob("models/**/*.yml"), *project.glob("seeds/*.yml")]):
        content = yaml.load(file.read_text(), Loader=LOADER)
        described |= {entry["name"]: entry for entry in (*content.get("models", ()), *content.get("seeds", ()))}
    files = sorted([*project.glob("models/**/*.sql"), *project.glob("seeds/*.csv")])
    return [_read_model(file, project, described.get(file.stem, {})) for file in files]


def _read_model(file: Path, project: Path, entry: Mapping[str, Any]) -> DbtModel:
    is_seed = file.suffix == ".csv"
    is_scoring = file.name.startswith("scoring_") if is_seed else file.relative_to(project).parts[1] == "scoring"
    text = "" if is_seed else file.read_text()
    alias = _ALIAS.search(text)
    return DbtModel(
        name=file.stem,
        part="scoring" if is_scoring else "marts",
        kind="seed" if is_seed else "model",
        table=f"{'scoring' if is_scoring else 'analytics'}.{alias[1] if alias else file.stem}",
        description=entry.get("description", ""),
        columns={column["name"]: column.get("description", "") for column in entry.get("columns", ())},
        reads=sorted(set(_REF.findall(text))),
        reads_tables=sorted({f"{schema}.{table}" for schema, table in _SOURCE.findall(text)}),
    )
