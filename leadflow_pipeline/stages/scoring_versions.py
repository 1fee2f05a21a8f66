"""Puts other weights in force: built and tested beside those in force, swapped in at once, open leads scored again.

A batch is scored by one statement, which sees the models from before the swap or from after it, never both. What
fails on the way leaves everything as it was. The formula itself is dbt's.
"""

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from leadflow_pipeline.stages.store import Store

LEADS_AT_ONCE = 500


class ScoringModels(Protocol):
    """Builds and tests the scoring models in a schema; raises when one cannot be built or a test fails."""

    def __call__(self, schema: str) -> None: ...


@dataclass(frozen=True, kw_only=True)
class ScoringSwitch:
    """What a switch did."""

    scoring_version: str
    rescored: int  # open leads whose score is now by this version


def name_side_schema(kind: str, now: datetime) -> str:
    """A schema for models that are not in force; its time lets left-overs be told from what is being built."""
    return f"scoring_{kind}_{now:%Y%m%d%H%M%S}_{uuid.uuid4().hex[:8]}"


def switch_scoring(store: Store, build: ScoringModels, *, now: datetime) -> ScoringSwitch:
    """Build, test, swap, and score open leads again; assigned leads keep score and agent."""
    schema = name_side_schema("next", now)
    try:
        build(schema)
        with store.transaction() as transaction:
            version: str = transaction.value("put_scoring_in_force", schema=schema)
    except BaseException:
        drop_side_schema(store, schema)
        raise
    return ScoringSwitch(scoring_version=version, rescored=rescore_open_leads(store, scoring_version=version))


def drop_side_schema(store: Store, schema: str) -> None:
    """Drop models that are not in force, if they are there."""
    with store.transaction() as transaction:
        transaction.execute("drop_trial_scoring", schema=schema)


def rescore_open_leads(store: Store, *, scoring_version: str) -> int:
    """Score the leads again that have another version and no place yet; gives their number.

    Leads that a run holds are left to it: their batch stays with the version that it was scored by.
    """
    rescoring_id = uuid.uuid4()
    rescored = 0
    after = 0
    while True:
        with store.transaction() as transaction:
            transaction.value("lock_rotation", pool="default")  # nobody is assigned between reading and writing
            leads = [
                row["lead_id"]
                for row in transaction.rows(
                    "list_open_leads", scoring_version=scoring_version, after=after, leads_at_once=LEADS_AT_ONCE
                )
            ]
            if not leads:
                return rescored
            rescored += len(
                transaction.rows(
                    "rescore_leads", lead_ids=leads, batch_id=rescoring_id, because="the weights have changed"
                )
            )
            after = leads[-1]
