"""Runs dbt on `dbt_scoring/`, in a process of its own: importing dbt takes seconds and is nobody else's business.

What the models say is theirs; when they are built is decided by the callers. The hot path never comes near this module.
"""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from leadflow_pipeline.adapters.database import normalize_url
from leadflow_pipeline.domain.errors import PermanentError

DBT_PROJECT = Path(__file__).resolve().parents[2] / "dbt_scoring"
PROJECT_FILES = ("dbt_project.yml", "seeds", "models", "macros", "tests")
SCORING = "scoring"  # what gives leads their score
MARTS = "marts"  # what analysts read
GOOD_STATUSES = {"success", "pass", "no-op"}
# A reader holds a model's lock for milliseconds, an analyst perhaps for longer: dbt does not wait, nor let others wait.
SESSION_OPTIONS = "-c lock_timeout=10s -c idle_in_transaction_session_timeout=60s -c client_min_messages=warning"


@dataclass(frozen=True, kw_only=True)
class DbtNode:
    """What became of one model, seed or test."""

    unique_id: str  # for example model.dbt_scoring.speed_to_lead
    status: str
    seconds: float
    rows: int | None  # written, where dbt knows it
    models: tuple[str, ...] = ()  # that a test depends on, by name

    @property
    def kind(self) -> str:
        """model, seed, test, unit_test or operation."""
        return self.unique_id.split(".", 1)[0]

    @property
    def name(self) -> str:
        """Its name within the project."""
        return self.unique_id.split(".")[2]

    @property
    def is_good(self) -> bool:
        """Whether it was built, or passed."""
        return self.status in GOOD_STATUSES


class DbtError(PermanentError):
    """A model could not be built or a test failed; the message is dbt's report."""


def _part_of(place: Path) -> str | None:
    """Which part a file of the project belongs to; None for what both read."""
    if place.parts[:2] == ("models", "scoring") and place.name != "sources.yml":
        return SCORING
    if place.parts[:2] == ("models", "analytics"):
        return MARTS
    if place.suffix == ".csv":
        return SCORING if place.name.startswith("scoring_") else MARTS
    return None


def dbt_environment(url: str) -> dict[str, str]:
    """The variables that `profiles.yml` and PostgreSQL's client read, for the database at `url`."""
    address = normalize_url(url)
    host = address.host or address.query.get("host") or "localhost"
    sslmode = address.query.get("sslmode")
    return {
        "LEADFLOW_DBT_HOST": host if isinstance(host, str) else host[0],
        "LEADFLOW_DBT_PORT": str(address.port or 5432),
        "LEADFLOW_DBT_USER": address.username or "postgres",
        "LEADFLOW_DBT_PASSWORD": str(address.password or ""),
        "LEADFLOW_DBT_DATABASE": address.database or "leadflow",
        "PGOPTIONS": SESSION_OPTIONS,
        **({"PGSSLMODE": str(sslmode)} if sslmode else {}),
        "DO_NOT_TRACK": "1",
    }


@dataclass(frozen=True, kw_only=True)
class DbtCommand:
    """dbt for one database; `work_folder` takes dbt's own files."""

    url: str
    work_folder: Path
    project: Path = DBT_PROJECT

    def hash_project(self, part: str) -> str:
        """Changes with every file that a build of the part, scoring or marts, would read."""
        return _hash(self.project, part)

    def with_weights(self, text: str) -> "DbtCommand":
        """dbt on a copy of the project, in the work folder, that has these rows for scoring_weights."""
        copy = self.work_folder / "trial" / uuid.uuid4().hex
        shutil.copytree(self.project, copy / "project", ignore=shutil.ignore_patterns("target", "logs"))
        (copy / "project" / "seeds" / "scoring_weights.csv").write_text(text, encoding="utf-8")
        return replace(self, project=copy / "project", work_folder=copy)

    def discard(self) -> None:
        """Delete a copy made by `with_weights`."""
        if self.project != DBT_PROJECT:
            shutil.rmtree(self.work_folder, ignore_errors=True)

    def target_of(self, *arguments: str) -> Path:
        """Where a command leaves its files. Each has a folder of its own: two may run at the same time."""
        return self.work_folder / "target" / re.sub(r"[^\w]+", "-", " ".join(arguments)).strip("-")[:80]

    def run(self, *arguments: str, scoring_schema: str = "scoring") -> list[DbtNode]:
        """Run one dbt command; gives what became of each node. Raises `DbtError` with dbt's report on a failure.

        `scoring_schema` is where the scoring models are built.
        """
        target = self.target_of(*arguments)
        command = [
            str(Path(sys.executable).parent / "dbt"), "--quiet", *arguments,
            "--project-dir", str(self.project), "--profiles-dir", str(self.project),
            "--target-path", str(target), "--log-path", str(self.work_folder / "logs"),
        ]  # fmt: skip
        (target / "run_results.json").unlink(missing_ok=True)
        done = subprocess.run(
            command,
            env={**os.environ, **dbt_environment(self.url), "LEADFLOW_DBT_SCORING_SCHEMA": scoring_schema},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise DbtError(f"dbt {arguments[0]} failed.\n{done.stdout.strip()}")
        return read_results(target)


def _hash(project: Path, part: str) -> str:
    digest = hashlib.sha256()
    for path in sorted(path for path in project.rglob("*") if path.is_file()):
        place = path.relative_to(project)
        if place.parts[0] in PROJECT_FILES and _part_of(place) in (None, part):
            digest.update(str(place).encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()


def read_results(target: Path) -> list[DbtNode]:
    """What a command left in its target folder; empty for commands that build nothing."""
    results = _read_json(target / "run_results.json").get("results", [])
    manifest = _read_json(target / "manifest.json") if results else {}
    tests = {**manifest.get("nodes", {}), **manifest.get("unit_tests", {})}
    return [
        DbtNode(
            unique_id=result["unique_id"],
            status=result["status"],
            seconds=result["execution_time"],
            rows=(result.get("adapter_response") or {}).get("rows_affected"),
            models=_model_names(tests.get(result["unique_id"], {})),
        )
        for result in results
    ]


def _model_names(node: Mapping[str, Any]) -> tuple[str, ...]:
    if node.get("attached_node"):
        return (str(node["attached_node"]).split(".")[2],)
    parents: Sequence[str] = node.get("depends_on", {}).get("nodes", ())
    return tuple(parent.split(".")[2] for parent in parents)


def _read_json(file: Path) -> dict[str, Any]:
    if not file.exists():
        return {}
    content: dict[str, Any] = json.loads(file.read_text())
    return content
