"""Looks for what people have to know: one question to the tables for each kind of cause.

What counts as a worry is decided in `domain.alerts`; opening and telling alerts is `stages.alerts`. What only Dagster
or the machine knows is handed in.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from leadflow_pipeline.domain.alerts import Condition, judge_budget, judge_daemon, judge_oldest_lead, judge_set_aside
from leadflow_pipeline.stages.alerts import sync_alerts
from leadflow_pipeline.stages.quarantine import list_groups
from leadflow_pipeline.stages.store import Store

HOURS_OF_FAILURES = 24
DAYS_SET_ASIDE = 7
# The kinds that `watch_tables` finds by itself; handed-in conditions bring theirs.
TABLE_KINDS = ("quarantine", "late_leads", "set_aside_effects", "failed_run", "open_breaker", "spent_budget")


@dataclass(frozen=True, kw_only=True)
class FailedRun:
    """A run that failed in Dagster."""

    run_id: str
    job: str
    step: str | None
    error: str | None  # the kind of error, never its text


def note_failed_runs(store: Store, runs: Collection[FailedRun]) -> None:
    """Note runs that failed; one that is noted already stays as it is."""
    with store.transaction() as transaction:
        for run in runs:
            transaction.execute("note_failed_run", run_id=run.run_id, job=run.job, step=run.step, error=run.error)


def find_unnoted(store: Store, run_ids: Collection[str]) -> list[str]:
    """Those of these failed runs that nobody has noted."""
    with store.transaction() as transaction:
        known = {row["run_id"] for row in transaction.rows("list_known_failed_runs", run_ids=list(run_ids))}
    return [run_id for run_id in run_ids if run_id not in known]


def watch_tables(
    store: Store,
    *,
    last_successes: Mapping[str, float],
    more: Collection[Condition] = (),
    more_kinds: Collection[str] = (),
) -> list[Condition]:
    """Bring all alerts up to date; gives what lasts now.

    `last_successes`: for each job the time (epoch seconds) when a run of it last succeeded. `more`: what was found
    elsewhere, of `more_kinds`.
    """
    conditions = [
        *_quarantine(store),
        *_lateness(store),
        *_failed_runs(store, last_successes),
        *_budgets(store),
        *more,
    ]
    sync_alerts(store, conditions, kinds=(*TABLE_KINDS, *more_kinds))
    return conditions


def read_daemon_silence(store: Store) -> float | None:
    """Seconds since Dagster's daemon last gave a sign of life; None when it never did."""
    with store.transaction() as transaction:
        silence: float | None = transaction.value("find_daemon_silence")
    return silence


def watch_daemon(store: Store) -> list[Condition]:
    """Whether Dagster's daemon lives; asked from outside of it."""
    conditions = judge_daemon(read_daemon_silence(store))
    sync_alerts(store, conditions, kinds=("silent_daemon",))
    return conditions


def _quarantine(store: Store) -> list[Condition]:
    return [
        Condition(
            cause=f"quarantine:{group['source']}:{group['stage']}:{group['reason']}",
            kind="quarantine",
            text=f"{group['events']} events of {group['source']} wait in quarantine "
            f"({group['stage']}): {group['reason']}",
            count=group["events"],
            run_id=group["run_id"],
        )
        for group in list_groups(store)
    ]


def _lateness(store: Store) -> list[Condition]:
    with store.transaction() as transaction:
        oldest = transaction.row("find_oldest_unassigned")
        set_aside = {row["kind"]: row["effects"] for row in transaction.rows("count_set_aside", days=DAYS_SET_ASIDE)}
    assert oldest is not None
    return judge_oldest_lead(oldest["seconds"], oldest["leads"]) + judge_set_aside(set_aside)


def _budgets(store: Store) -> list[Condition]:
    with store.transaction() as transaction:
        rows = transaction.rows("list_troubled_budgets")
    return [condition for row in rows for condition in judge_budget(**row)]


def _failed_runs(store: Store, last_successes: Mapping[str, float]) -> list[Condition]:
    """Runs that failed since the job last succeeded."""
    with store.transaction() as transaction:
        rows = transaction.rows("list_failed_runs", hours=HOURS_OF_FAILURES)
    found = []
    for row in rows:
        runs = sum(at > last_successes.get(row["job"], 0.0) for at in row["at_epochs"])
        if runs:
            where = f" in {row['step']}" if row["step"] else ""
            what = f"{runs} runs of {row['job']} have failed" if runs > 1 else f"A run of {row['job']} has failed"
            found.append(
                Condition(
                    cause=f"run:{row['job']}:{row['step']}:{row['error']}",
                    kind="failed_run",
                    text=f"{what}{where}" + (f" ({row['error']})" if row["error"] else ""),
                    count=runs,
                    run_id=row["run_id"],
                )
            )
    return found
