"""What a held snapshot costs: a session that keeps a transaction open stops PostgreSQL from cleaning up dead rows.

Batches of posts go through the stages one after the other, on a database of its own, with and without such a session.
"""

import json
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from statistics import quantiles

import psycopg2

from leadflow_pipeline.adapters.database import Database
from leadflow_pipeline.adapters.rule_files import load_rules
from leadflow_pipeline.bench.own_database import run_own_database
from leadflow_pipeline.stages.assigned_leads import assign_leads
from leadflow_pipeline.stages.batches import BatchLimits, ask_for_batches
from leadflow_pipeline.stages.normalized_leads import normalize_leads
from leadflow_pipeline.stages.posts import ArrivedPost, PostIdentity, land_posts
from leadflow_pipeline.stages.scored_leads import score_leads
from leadflow_pipeline.stages.staged_leads import stage_leads

LIMITS = BatchLimits(batch_size=500, max_batches=2, lease_seconds=45)


@dataclass(frozen=True, kw_only=True)
class SnapshotFigures:
    """Milliseconds that a batch took from its landing to the last assignment, and dead rows at the end."""

    is_held: bool
    leads: int
    first_p95_ms: float  # of the first quarter of the batches
    last_p95_ms: float  # of the last quarter
    dead_rows_per_lead: float  # in all tables of ours


def measure_held_snapshot(*, seconds: float, leads_a_second: int, is_held: bool) -> SnapshotFigures:
    """Send one batch a second for so long; with `is_held`, beside a session whose snapshot is as old as the run."""
    with run_own_database() as (url, _), Database(url, pool_size=2) as database:
        holder = psycopg2.connect(url)
        try:
            if is_held:
                holder.set_session(isolation_level="REPEATABLE READ", readonly=True)
                holder.cursor().execute("select count(*) from landing.events")
            times = list(_batches(database, seconds=seconds, leads_a_second=leads_a_second))
            dead_rows = _count_dead_rows(url)
        finally:
            holder.close()
    quarter = max(2, len(times) // 4)
    return SnapshotFigures(
        is_held=is_held,
        leads=len(times) * leads_a_second,
        first_p95_ms=_p95(times[:quarter]),
        last_p95_ms=_p95(times[-quarter:]),
        dead_rows_per_lead=dead_rows / (len(times) * leads_a_second),
    )


def _batches(database: Database, *, seconds: float, leads_a_second: int) -> Iterator[float]:
    rules = load_rules(None)
    began = time.monotonic()
    number = 0
    while (passed := time.monotonic() - began) < seconds:
        time.sleep(max(0.0, number - passed))
        number += 1
        started = time.perf_counter()
        land_posts(database, [_post(number, place) for place in range(leads_a_second)])
        ask_for_batches(database, LIMITS)
        batch_id = uuid.uuid4()
        stage_leads(database, batch_id=batch_id, rules=rules, limits=LIMITS)
        normalize_leads(database, batch_id=batch_id, region="US")
        score_leads(database, batch_id=batch_id)
        assign_leads(database, batch_id=batch_id)
        yield (time.perf_counter() - started) * 1000


def _post(number: int, place: int) -> ArrivedPost:
    form = {
        "name": "Ana Buyer",
        "email": f"ana{number}x{place}@example.com",
        "phone": f"(512) 555-{number * 31 + place:04d}"[:14],
        "message": "cash buyer",
    }
    return ArrivedPost(
        source="website",
        raw=json.dumps(form).encode(),
        content_type="application/json",
        identity=PostIdentity(),
        headers={},
        received_at=datetime.now(UTC),
    )


def _count_dead_rows(url: str) -> int:
    connection = psycopg2.connect(url)
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("select pg_stat_force_next_flush()")
            time.sleep(1)
            cursor.execute("select sum(n_dead_tup) from pg_stat_user_tables")
            row = cursor.fetchone()
        return int(row[0]) if row else 0
    finally:
        connection.close()


def _p95(times: list[float]) -> float:
    return quantiles(times, n=20, method="inclusive")[18] if len(times) > 1 else times[0]
