"""Quarantine in Dagster: the red run that shows a group of quarantined events, and the sensor that asks for it.

The run is the dead-letter queue's face: it fails with a table of events, reasons and remedies, and "Re-execute" judges
them anew. A replay run that succeeds has nothing left to show.
"""

from datetime import datetime
from zoneinfo import ZoneInfo

import dagster as dg

from leadflow_pipeline.adapters.database import Database
from leadflow_pipeline.defs.batches import rules_in_force
from leadflow_pipeline.defs.failures import no_retry_unless_transient
from leadflow_pipeline.defs.held_ticks import look_until
from leadflow_pipeline.defs.jobs import QUIET
from leadflow_pipeline.domain.replays import advise, find_opening, tabulate
from leadflow_pipeline.settings import read_settings
from leadflow_pipeline.stages.quarantine import Holding, Replay, ask_for_replays, replay_group

SECONDS_TO_SETTLE = 60
SECONDS_BETWEEN_LOOKS = 10.0


class ReplayConfig(dg.Config):
    """Which group, and whether its old leads may wake agents at night."""

    group_id: int
    wake: bool = False


@dg.op(description="Judges the events of a quarantine group anew and fails with a table of those that remain.")
def quarantined_events(
    context: dg.OpExecutionContext, config: ReplayConfig, database: dg.ResourceParam[Database]
) -> None:
    """By itself only what other rules judged before; all of the group when a person has it executed again."""
    with no_retry_unless_transient():
        by_hand = "dagster/parent_run_id" in context.run.tags
        settings = read_settings()
        replay = replay_group(
            database,
            config.group_id,
            run_id=context.run_id,
            judged_before=None if by_hand else rules_in_force().version,
            holding=Holding(
                after_hours=settings.replay_hold_hours,
                until=None
                if config.wake
                else find_opening(datetime.now(ZoneInfo(settings.time_zone)), *settings.opening),
            ),
            seconds=SECONDS_TO_SETTLE,
        )
    context.add_output_metadata({"judged_anew": replay.released, "held_until_working_hours": replay.held})
    if replay.remaining:
        raise describe_failure(replay)


@dg.job(
    name="replay_quarantined",
    executor_def=dg.in_process_executor,
    description="Shows what waits in quarantine for one reason, and judges it anew when it is executed again.",
)
def replay_quarantined() -> None:
    """One run per group of quarantined events."""
    quarantined_events()


@dg.sensor(
    job_name="replay_quarantined",
    minimum_interval_seconds=14,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Asks for a replay run when events wait for a new reason, or when the rules have changed.",
)
def quarantine_sensor(database: dg.ResourceParam[Database]) -> list[dg.RunRequest] | dg.SkipReason:
    """One run per group."""
    groups = look_until(
        "quarantine_sensor",
        lambda: ask_for_replays(database, rules_version=rules_in_force().version),
        every=SECONDS_BETWEEN_LOOKS,
    )
    if not groups:
        return dg.SkipReason("no group of quarantined events is new, and the rules are the same")
    return [
        dg.RunRequest(
            run_config={"ops": {"quarantined_events": {"config": {"group_id": group.group_id}}}, **QUIET},
            tags={"leadflow/source": group.source, "leadflow/stage": group.stage},
        )
        for group in groups
    ]


def describe_failure(replay: Replay) -> dg.Failure:
    """The red page of a group: what remains, why, and what to do."""
    first = replay.examples[0]
    return dg.Failure(
        f"{replay.remaining} events wait in quarantine. {advise(first.stage, first.reason)}",
        metadata={
            "what_to_do": dg.MetadataValue.md(advise(first.stage, first.reason)),
            "reason": first.reason,
            "rule": first.rule or "none",
            "events_in_quarantine": replay.remaining,
            "judged_anew": replay.released,
            "held_until_working_hours": replay.held,
            "still_under_way": replay.under_way,
            "events": dg.MetadataValue.md(tabulate(replay.examples)),
        },
        allow_retries=False,
    )
