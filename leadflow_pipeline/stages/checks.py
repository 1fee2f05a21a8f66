"""What the asset checks ask of the tables, one named query each."""

import uuid
from dataclasses import dataclass

from leadflow_pipeline.domain.routing.fairness import GivenTurns, Unfair, find_unfair
from leadflow_pipeline.stages.store import Store

HOURS_OF_TURNS = 6


@dataclass(frozen=True, kw_only=True)
class QuarantinedGroup:
    """Events of a batch that wait for the same reason. The reason never holds a lead's words."""

    source: str
    reason: str
    events: int


def list_quarantined(store: Store, *, batch_id: uuid.UUID) -> list[QuarantinedGroup]:
    """What a batch could not read, the largest group first."""
    with store.transaction() as transaction:
        return [QuarantinedGroup(**row) for row in transaction.rows("count_quarantined_in_batch", batch_id=batch_id)]


def count_unplaced_leads(store: Store) -> int:
    """Leads that got lost on the way; the promise is 0."""
    with store.transaction() as transaction:
        count: int = transaction.value("count_unplaced_leads")
        return count


def list_unfair(store: Store) -> list[Unfair]:
    """Agents who were given too many or too few leads since their pool last changed."""
    with store.transaction() as transaction:
        given = transaction.rows("list_given_turns", hours=HOURS_OF_TURNS)
        weights = {row["agent_id"]: row["weight"] for row in transaction.rows("list_weights")}
    return find_unfair(
        [
            GivenTurns(
                batch=str(row["batch_id"]),
                pool=row["pool"],
                members=frozenset(row["members"]),
                agent_id=row["agent_id"],
                turns=row["turns"],
            )
            for row in given
        ],
        weights,
    )
