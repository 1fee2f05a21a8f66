"""What became of leads that were sent, and when: from their arrival to the agent's phone, by the tables and by Dagster.

Belongs here: asking, and turning times into percentiles. Sending is `traffic`'s.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import quantiles
from typing import Any

import requests

from leadflow_pipeline.bench.own_stack import OwnStack
from leadflow_pipeline.bench.traffic import SentLead

RUNS_QUERY = """query($ids: [String]) { runsOrError(filter: {runIds: $ids}) { ... on Runs { results {
    runId creationTime startTime endTime stepStats { stepKey startTime endTime } } } } }"""

RUN_POINTS = {"run asked for": "creationTime", "run started": "startTime"}


@dataclass(frozen=True, kw_only=True)
class Percentiles:
    """Seconds; of how many values."""

    count: int
    p50: float
    p95: float
    p99: float
    most: float


@dataclass(frozen=True, kw_only=True)
class Timelines:
    """What became of the leads that were sent: how many found a place, and the seconds from sending to each point."""

    sent: int
    assigned: int
    merged: int  # the same inquiry as another lead, and so with that one's agent
    points: Mapping[str, Percentiles]  # in the order in which they are reached
    seconds_to_last: float | None  # from the first sent to the last assigned


def wait_until_finished(stack: OwnStack, *, seconds: float) -> bool:
    """Whether all that has landed came to its end within `seconds`."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with stack.database.transaction() as transaction:
            if transaction.value("count_unfinished_events") == 0:
                return True
        time.sleep(0.25)
    return False


def read_timelines(stack: OwnStack, sent: Sequence[SentLead]) -> Timelines:
    """The timelines of these leads as they stand now."""
    with stack.database.transaction() as transaction:
        rows = transaction.rows("list_timelines", content_hashes=[lead.content_hash for lead in sent])
    found = {row["content_hash"]: row for row in rows}
    runs = _read_runs(stack, {str(row["batch_id"]) for row in rows if row["batch_id"]})
    values: dict[str, list[float]] = {}
    last: datetime | None = None
    for lead in sent:
        row = found.get(lead.content_hash)
        if row is None or row["assigned_at"] is None:
            continue
        last = max(filter(None, (last, row["assigned_at"])))
        for point, seconds in _points(row, runs.get(str(row["batch_id"]), {}), lead.sent_at):
            values.setdefault(point, []).append(seconds)
    return Timelines(
        sent=len(sent),
        assigned=len(values.get("assigned", ())),
        merged=sum(row["is_merged"] for row in found.values()),
        points={point: summarize(each) for point, each in values.items()},
        seconds_to_last=(last - min(lead.sent_at for lead in sent)).total_seconds() if last else None,
    )


def summarize(values: Sequence[float]) -> Percentiles:
    """The percentiles of at least one value."""
    ordered = sorted(values)
    cuts = quantiles(ordered, n=100, method="inclusive") if len(ordered) > 1 else ordered * 99
    return Percentiles(count=len(ordered), p50=cuts[49], p95=cuts[94], p99=cuts[98], most=ordered[-1])


def _points(row: Mapping[str, Any], run: Mapping[str, Any], sent_at: datetime) -> list[tuple[str, float]]:
    def since(moment: datetime | float) -> float:
        return (moment.timestamp() if isinstance(moment, datetime) else moment) - sent_at.timestamp()

    points = [("landed", since(row["landed_at"]))]
    if run:
        # Of a run that was on its way before the lead was sent: no time at all.
        points += [(point, max(0.0, since(run[key]))) for point, key in RUN_POINTS.items()]
        steps = sorted((step for step in run["stepStats"] if step["endTime"]), key=lambda step: step["endTime"])
        points += [(step["stepKey"], since(step["endTime"])) for step in steps if "_" in step["stepKey"]]
    points.append(("assigned", since(row["assigned_at"])))
    if row["texted_at"] is not None:
        points.append(("text handed over", since(row["texted_at"])))
    return points


def _read_runs(stack: OwnStack, run_ids: set[str]) -> dict[str, Mapping[str, Any]]:
    answer = requests.post(
        f"{stack.dagster_url}/graphql",
        json={"query": RUNS_QUERY, "variables": {"ids": sorted(run_ids)}},
        timeout=120,
    ).json()
    runs = answer["data"]["runsOrError"]["results"]
    return {run["runId"]: run for run in runs if run["startTime"]}
