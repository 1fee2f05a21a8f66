"""When the models of `dbt_scoring/` are built: where they have changed, and when somebody asks.

dbt itself comes in through a port. Putting scoring models in force is told in `scoring_versions`.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Literal, Protocol

from leadflow_pipeline.domain.errors import PermanentError
from leadflow_pipeline.stages.scoring_versions import ScoringSwitch, switch_scoring
from leadflow_pipeline.stages.store import Store

Part = Literal["scoring", "marts"]  # what gives leads their score; what analysts read
PARTS: tuple[Part, ...] = ("scoring", "marts")


class DbtNode(Protocol):
    """What became of one model, seed or test of a build."""

    @property
    def kind(self) -> str: ...

    @property
    def name(self) -> str: ...

    @property
    def seconds(self) -> float: ...

    @property
    def rows(self) -> int | None: ...

    @property
    def models(self) -> Sequence[str]: ...


class Dbt(Protocol):
    """Runs dbt on the project; raises when a model cannot be built or a test fails."""

    def run(self, *arguments: str, scoring_schema: str = ...) -> Sequence[DbtNode]: ...

    def hash_project(self, part: Part) -> str: ...


def build_if_changed(store: Store, dbt: Dbt, *, now: datetime) -> bool:
    """Build and test the models of which this database has another state; gives whether it had to.

    Raises `PermanentError` with dbt's report when a model or a test fails.
    """
    changed = [part for part in PARTS if not is_built(store, dbt, part)]
    try:
        if "scoring" in changed:
            put_scoring_in_force(store, dbt, now=now, with_marts="marts" in changed)
        elif changed:
            build_marts(store, dbt)
    except PermanentError as error:
        raise PermanentError(f"Building the dbt models failed; nothing else was started.\n{error}") from error
    return bool(changed)


def is_built(store: Store, dbt: Dbt, part: Part) -> bool:
    """Whether this database has the part as it stands in the project now."""
    with store.transaction() as transaction:
        return bool(transaction.value("is_dbt_built", part=part, project_hash=dbt.hash_project(part)))


def put_scoring_in_force(
    store: Store, dbt: Dbt, *, now: datetime, with_marts: bool = False
) -> tuple[ScoringSwitch, Sequence[DbtNode]]:
    """Build, test and swap in the scoring models as they stand in the project now; the marts in the same go if asked.

    Raises with dbt's report, and changes nothing, when a seed is bad or a test fails.
    """
    hashes = {part: dbt.hash_project(part) for part in (PARTS if with_marts else PARTS[:1])}
    nodes: list[DbtNode] = []

    def build(schema: str) -> None:
        nodes.extend(dbt.run("build", *([] if with_marts else ["--select", "tag:scoring"]), scoring_schema=schema))

    switch = switch_scoring(store, build, now=now)
    _note_builds(store, hashes)
    return switch, nodes


def build_marts(store: Store, dbt: Dbt, *, from_scratch: bool = False) -> Sequence[DbtNode]:
    """Build and test the marts as they stand in the project now; from scratch for all of history."""
    hashes: dict[Part, str] = {"marts": dbt.hash_project("marts")}
    nodes = dbt.run("build", "--select", "tag:marts", *(["--full-refresh"] if from_scratch else []))
    _note_builds(store, hashes)
    return nodes


def refresh_marts(store: Store, dbt: Dbt) -> Sequence[DbtNode]:
    """Bring the marts' figures up to date for the days that have changed; definitions where those have changed too."""
    if not is_built(store, dbt, "marts"):
        return build_marts(store, dbt)
    return dbt.run("build", "--select", "tag:marts,config.materialized:incremental", "source_spend", "overhead_costs")


def build_trial(dbt: Dbt, schema: str) -> None:
    """The scoring models in a schema of their own, for a comparison; unit tests say nothing about weights."""
    dbt.run("build", "--select", "tag:scoring", "--exclude-resource-type", "unit_test", scoring_schema=schema)


def _note_builds(store: Store, hashes: Mapping[Part, str]) -> None:
    with store.transaction() as transaction:
        for part, project_hash in hashes.items():
            transaction.execute("note_dbt_build", part=part, project_hash=project_hash)
