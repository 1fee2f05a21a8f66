"""How fast scoring and marts are with a long history: invented leads, a real PostgreSQL, the real stages and dbt.

`measure_scoring` and `measure_marts` can be called on any database; `python -m leadflow_pipeline.bench.scoring`
brings one of its own. Timings only; whether they are good is said by who reads them.
"""

import json
import shutil
import sys
import tempfile
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

import sqlalchemy

from leadflow_pipeline.adapters.database import Database
from leadflow_pipeline.adapters.dbt_command import DbtCommand
from leadflow_pipeline.adapters.migrations import apply_migrations
from leadflow_pipeline.adapters.rule_files import load_rules
from leadflow_pipeline.runtime.postgres import embedded_url, start_embedded, stop_embedded
from leadflow_pipeline.settings import CHECKOUT
from leadflow_pipeline.stages import dbt_builds
from leadflow_pipeline.stages.agents import import_agents, read_agents
from leadflow_pipeline.stages.assigned_leads import assign_leads
from leadflow_pipeline.stages.batches import BatchLimits
from leadflow_pipeline.stages.normalized_leads import normalize_leads
from leadflow_pipeline.stages.posts import ArrivedPost, PostIdentity, land_posts
from leadflow_pipeline.stages.scored_leads import score_leads
from leadflow_pipeline.stages.staged_leads import stage_leads

HISTORY_LEADS = 1_000_000
HISTORY_DAYS = 400
LEADS_AT_ONCE = 25_000
BATCH_SIZE = 500
SECONDS_TO_ANALYZE = 240.0
MESSAGES = (
    "We are pre-approved and would like to see the house on Oak Street.",
    "Is this still available? We are not pre-approved yet. " + "Please tell me more about the garden. " * 8,
    "I'm not just browsing, I am a cash buyer. Call me.",
    "Please send me the floor plan. " * 12,
    "Is there a garage? My dog would love the garden.",
    "I can not come before Friday. Is Saturday fine? We are three people and look for a home near the school.",
    "",
    "Hola, me interesa la casa. ¿Cuándo puedo visitarla?",
)
Report = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class ScoringFigures:
    """Milliseconds to score a batch, the whole statement with its writes."""

    batch_size: int
    batches: int
    p50_ms: float
    max_ms: float


@dataclass(frozen=True, kw_only=True)
class MartsFigures:
    """Seconds to build all marts: in the database alone, and with dbt's own start and tests."""

    from_scratch_seconds: float
    from_scratch_with_dbt_seconds: float
    incremental_seconds: float
    incremental_with_dbt_seconds: float


def fill_history(database: Database, report: Report, *, leads: int = HISTORY_LEADS, days: int = HISTORY_DAYS) -> None:
    """Invent this many leads of the past, and wait until PostgreSQL knows its tables and all is on disk."""
    for first in range(1, leads + 1, LEADS_AT_ONCE):
        last = min(leads, first + LEADS_AT_ONCE - 1)
        with database.transaction() as transaction:
            transaction.execute("write_history", first_number=first, last_number=last, leads=leads, days=days)
        report(f"{last} leads of history")
    deadline = time.monotonic() + SECONDS_TO_ANALYZE
    while time.monotonic() < deadline:
        with database.transaction() as transaction:
            if not transaction.value("count_unanalyzed_tables"):
                break
        time.sleep(2)
    # Written in minutes, it would take the disk to itself just when the measuring begins.
    with sqlalchemy.create_engine(database.url, poolclass=sqlalchemy.NullPool).connect() as connection:
        connection.exec_driver_sql("checkpoint")


def measure_scoring(database: Database, *, batches: int = 10, batch_size: int = BATCH_SIZE) -> ScoringFigures:
    """Bring batches of new leads as far as scoring, and time that step alone."""
    rules = load_rules(None)
    limits = BatchLimits(batch_size=batch_size, max_batches=1, lease_seconds=600)
    took = []
    for _ in range(batches):
        _land_posts(database, batch_size)
        batch_id = uuid.uuid4()
        stage_leads(database, batch_id=batch_id, rules=rules, limits=limits)
        normalize_leads(database, batch_id=batch_id, region="US")
        started = time.perf_counter()
        score_leads(database, batch_id=batch_id)
        took.append(1000 * (time.perf_counter() - started))
        assign_leads(database, batch_id=batch_id)
    return ScoringFigures(batch_size=batch_size, batches=batches, p50_ms=median(took), max_ms=max(took))


def measure_marts(database: Database, dbt: DbtCommand) -> MartsFigures:
    """Build the marts from scratch, let new leads come in, and bring them up to date."""
    started = time.perf_counter()
    scratch = dbt_builds.build_marts(database, dbt, from_scratch=True)
    scratch_seconds = time.perf_counter() - started
    _land_posts(database, 100)
    started = time.perf_counter()
    refresh = dbt_builds.refresh_marts(database, dbt)
    return MartsFigures(
        from_scratch_seconds=sum(node.seconds for node in scratch if node.kind == "model"),
        from_scratch_with_dbt_seconds=scratch_seconds,
        incremental_seconds=sum(node.seconds for node in refresh if node.kind == "model"),
        incremental_with_dbt_seconds=time.perf_counter() - started,
    )


def _land_posts(database: Database, count: int) -> None:
    posts = []
    for number in range(count):
        person = uuid.uuid4()
        message = MESSAGES[number % len(MESSAGES)]
        form = {
            "name": "Bench Person",
            "email": f"{person.hex}@example.com",
            # Hardly anybody has inquired before, and no two write the same: nothing is to be had twice.
            "phone": f"512-555-{person.int % 10_000:04}",
            "message": message and f"{message} My reference is {person.hex[:8]}.",
            "budget": "$650,000",
        }
        posts.append(
            ArrivedPost(
                source="website",
                raw=json.dumps(form).encode(),
                content_type="application/json",
                identity=PostIdentity(),
                headers={},
                received_at=datetime.now(UTC),
            )
        )
    land_posts(database, posts)


def main() -> None:
    """Measure on a database of its own, which is deleted at the end."""

    def report(line: str) -> None:
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()

    home = Path(tempfile.mkdtemp(prefix="leadflow-bench-"))
    server = start_embedded(home)
    try:
        url = embedded_url(server)
        apply_migrations(url)
        dbt = DbtCommand(url=url, work_folder=home / "dbt")
        with Database(url, pool_size=2, application_name="leadflow bench") as database:
            agents = (CHECKOUT / "leadflow_pipeline" / "sandbox" / "sample_agents.csv").read_text()
            import_agents(database, read_agents(agents, region="US"))
            dbt_builds.build_if_changed(database, dbt, now=datetime.now(UTC))
            fill_history(database, report)
            report(str(measure_scoring(database)))
            report(str(measure_marts(database, dbt)))
    finally:
        stop_embedded(server)
        shutil.rmtree(home)


if __name__ == "__main__":
    main()
