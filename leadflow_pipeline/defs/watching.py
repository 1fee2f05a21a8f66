"""What Dagster itself does not tell: failed runs, sensors and schedules whose ticks fail. All of it becomes rows.

A sensor body here never calls Slack: it writes what it has seen, and the outbox does the rest.
"""

import shutil
import time
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import dagster as dg
from dagster._core.scheduler.instigation import InstigatorState, InstigatorTick, TickStatus

from leadflow_pipeline.adapters.database import Database
from leadflow_pipeline.adapters.rule_files import RuleFileError
from leadflow_pipeline.defs.batches import rules_in_force
from leadflow_pipeline.defs.held_ticks import look_until
from leadflow_pipeline.defs.resources import list_accounts_or_sandbox
from leadflow_pipeline.domain.alerts import Condition, judge_disk, judge_tick
from leadflow_pipeline.domain.errors import PermanentError
from leadflow_pipeline.settings import Settings, read_settings
from leadflow_pipeline.stages.alert_mails import queue_alert_mails
from leadflow_pipeline.stages.drift import watch_answers
from leadflow_pipeline.stages.watch import FailedRun, find_unnoted, note_failed_runs, watch_tables

SECONDS_BETWEEN_LOOKS = 14.5
STARTED_AT = time.monotonic()
GRACE_SECONDS = 60  # a stack that starts after a night has not asked its mailboxes yet
KINDS = ("failed_tick", "full_disk", "broken_rules")
# How far back failed runs are looked for. Dagster's own run-failure sensor would be a tick more every few seconds,
# hands over five failures at a time and forgets one at which it fails itself.
HOURS_OF_FAILED_RUNS = 2
TICKS = 30
LATEST_TICKS = 3  # one or two may still be under way; the others are read only of those that fail
# Its own words are ours; of any other error only the kind is told.
OUR_ERRORS = ("TransientError", "PermanentError", "RuleFileError", "RestingError", "BadRowsError")


@dg.sensor(
    minimum_interval_seconds=14,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Opens, changes and ends alerts: quarantine, late leads, failures, effects set aside, disk, mailboxes "
    "that fall silent.",
)
def watch_sensor(context: dg.SensorEvaluationContext, database: dg.ResourceParam[Database]) -> dg.SkipReason:
    """All causes at once, every quarter of a minute; it starts no run."""
    causes = 0

    def look() -> bool:
        nonlocal causes
        causes = watch(context.instance, database)
        return False  # whatever is found, the next look comes in this tick

    look_until("watch_sensor", look, every=SECONDS_BETWEEN_LOOKS)
    return dg.SkipReason(f"{causes} causes of worry")


def watch(instance: dg.DagsterInstance, database: Database) -> int:
    """One look at everything; gives how many causes of worry there are."""
    settings = read_settings()
    _note_failed_runs(instance, database)
    conditions = watch_tables(
        database,
        last_successes=_last_successes(instance),
        more=[*_ticks(instance), *_disk(settings), *_rules()],
        more_kinds=KINDS,
    )
    if settings.mails_alerts:
        queue_alert_mails(database)
    return len(conditions) + _watch_mailboxes(settings, database)


def _describe_run(instance: dg.DagsterInstance, run: dg.DagsterRun) -> FailedRun:
    """Where a run failed and with what kind of error; never the error's text."""
    failures = instance.get_records_for_run(run.run_id, of_type=dg.DagsterEventType.STEP_FAILURE, limit=1).records
    step, error = None, None
    if failures:
        event = failures[0].event_log_entry.get_dagster_event()
        step = event.step_key
        info = event.step_failure_data.error
        innermost = info.cause if info is not None and info.cause is not None else info
        error = innermost.cls_name if innermost is not None else None
    return FailedRun(run_id=run.run_id, job=run.job_name, step=step, error=error)


def _note_failed_runs(instance: dg.DagsterInstance, database: Database) -> None:
    since = datetime.now(UTC) - timedelta(hours=HOURS_OF_FAILED_RUNS)
    runs = instance.get_runs(
        filters=dg.RunsFilter(statuses=[dg.DagsterRunStatus.FAILURE], updated_after=since), limit=200
    )
    unnoted = set(find_unnoted(database, [run.run_id for run in runs]))
    note_failed_runs(database, [_describe_run(instance, run) for run in runs if run.run_id in unnoted])


def _last_successes(instance: dg.DagsterInstance) -> dict[str, float]:
    """For each job, when a run of it last succeeded."""
    found = {}
    for job in ("lead_pipeline", "outbox_deliveries", "source_watch", "replay_quarantined", "retention"):
        records = instance.get_run_records(
            filters=dg.RunsFilter(job_name=job, statuses=[dg.DagsterRunStatus.SUCCESS]), limit=1
        )
        if records:
            found[job] = records[0].end_time or records[0].update_timestamp.timestamp()
    return found


def _ticks(instance: dg.DagsterInstance) -> Iterable[Condition]:
    """Sensors and schedules whose latest ticks failed; Dagster has no alert for these."""
    for state in instance.all_instigator_state():
        ended = _ended_ticks(instance, state, LATEST_TICKS)
        if ended and ended[0].status == TickStatus.FAILURE and time.time() - ended[0].timestamp < 24 * 3600:
            ended = _ended_ticks(instance, state, TICKS)
            statuses = [tick.status.value for tick in ended]
            yield from judge_tick(state.name, statuses, _describe_error(ended[0].error))


def _ended_ticks(instance: dg.DagsterInstance, state: InstigatorState, limit: int) -> list[InstigatorTick]:
    """Of the latest ticks those that have ended, the newest first."""
    ticks = instance.get_ticks(state.instigator_origin_id, state.selector_id, limit=limit)
    return [tick for tick in ticks if tick.status != TickStatus.STARTED]


def _describe_error(error: object) -> str | None:
    """Our own errors with their words, any other by its kind."""
    while error is not None:
        name = str(getattr(error, "cls_name", ""))
        if name in OUR_ERRORS:
            return str(getattr(error, "message", "")).strip()[:300]
        cause = getattr(error, "cause", None)
        if cause is None:
            return name or None
        error = cause
    return None


def _disk(settings: Settings) -> list[Condition]:
    usage = shutil.disk_usage(settings.home)
    return judge_disk(usage.free, usage.total)


def _watch_mailboxes(settings: Settings, database: Database) -> int:
    """How many have fallen silent. Settings that lack something fail at the sensors that read mail, which is told."""
    if time.monotonic() - STARTED_AT < GRACE_SECONDS:
        return 0
    try:
        accounts = list_accounts_or_sandbox(settings)
    except PermanentError:
        return 0
    return len(watch_answers(database, [(account.name, account.folder) for account in accounts]))


def _rules() -> list[Condition]:
    """A rule file that cannot be read: the folder as it was before stays in force, and somebody has to know."""
    try:
        problem = rules_in_force().problem
    except RuleFileError as error:
        problem = str(error)
    if problem is None:
        return []
    text = f"A mail rule cannot be read, the rules from before stay in force: {problem}"
    return [Condition(cause="rules", kind="broken_rules", text=text)]
