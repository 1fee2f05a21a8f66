"""Gives scored leads their place: an agent in turn, the drip, or the waiting list.

Who gets whom is decided in `domain.routing`. Here the rotation is locked, read, decided and written in one
transaction, so that runs at the same time take turns and none is given twice.
"""

import uuid
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import quantiles

from leadflow_pipeline.domain.routing import DueLead, RotationAgent, route_leads
from leadflow_pipeline.stages.store import Store, as_json_rows

POOL = "default"


@dataclass(frozen=True, kw_only=True)
class AssignedCounts:
    """What became of a batch, and how long it took since arrival."""

    rotation: int
    drip: int
    waiting: int
    p50_seconds: float | None
    p95_seconds: float | None


def assign_leads(store: Store, *, batch_id: uuid.UUID, lead_ids: Sequence[int] | None = None) -> AssignedCounts:
    """Place every scored lead of the batch (or only these leads), and those that were waiting for an agent."""
    with store.transaction() as transaction:
        last_rotation_order: int = transaction.value("lock_rotation", pool=POOL)
        due = transaction.rows("list_due_leads", batch_id=batch_id)
        if lead_ids is not None:
            due = [row for row in due if row["lead_id"] in set(lead_ids)]
        agents = transaction.rows("list_active_agents")
        decision = route_leads(
            [DueLead(lead_id=row["lead_id"], bucket=row["bucket"]) for row in due],
            [RotationAgent(**row) for row in agents],
            last_rotation_order,
        )
        assigned = transaction.rows(
            "write_assigned_leads", batch_id=batch_id, rows=as_json_rows(map(asdict, decision.assignments))
        )
        if decision.waiting:
            transaction.execute(
                "write_waiting_leads", batch_id=batch_id, rows=as_json_rows(map(asdict, decision.waiting))
            )
        if decision.turns:
            transaction.execute(
                "move_rotation",
                pool=POOL,
                last_rotation_order=decision.last_rotation_order,
                turns=decision.turns,
            )
        transaction.execute("release_events", batch_id=batch_id)
        transaction.execute("announce_landing")  # a place among the runs at work is free
    methods = Counter(row["method"] for row in assigned)
    seconds = [row["seconds"] for row in assigned]
    return AssignedCounts(
        rotation=methods["rotation"],
        drip=methods["drip"],
        waiting=len(decision.waiting),
        p50_seconds=_percentile(seconds, 50),
        p95_seconds=_percentile(seconds, 95),
    )


def _percentile(values: Sequence[float], percent: int) -> float | None:
    if len(values) < 2:
        return values[0] if values else None
    return quantiles(values, n=100, method="inclusive")[percent - 1]
