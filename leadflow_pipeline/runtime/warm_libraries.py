"""Importing this runs a job of no meaning through Dagster: what Dagster imports and builds on first use is then there.

For the forkserver, whose children then do without: it saves each run about 0.4 s of processor time. Knows libraries
only; nothing of what leadflow does.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import dagster as dg

VARIABLE = "LEADFLOW_WARM_LIBRARIES"


class Thing(dg.ConfigurableResource[object]):
    """A resource as ours are: an address from the environment, open for as long as the run lasts."""

    address: str

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Iterator[object]:  # noqa: ARG002
        yield object()


def build_job() -> dg.JobDefinition:
    """A job with an asset and a check that use what ours use."""

    @dg.asset(
        group_name="warm",
        kinds={"python"},
        owners=["team:nobody"],
        tags={"pii": "no"},
        retry_policy=dg.RetryPolicy(
            max_retries=1, delay=1, backoff=dg.Backoff.EXPONENTIAL, jitter=dg.Jitter.PLUS_MINUS
        ),
        metadata={"dagster/column_schema": dg.TableSchema(columns=[dg.TableColumn("name", "text")])},
    )
    def warm_asset(context: dg.AssetExecutionContext, thing: dg.ResourceParam[object]) -> dg.MaterializeResult[Any]:  # noqa: ARG001
        return dg.MaterializeResult(metadata={"count": 1, "seconds": 1.0})

    @dg.asset_check(asset=warm_asset)
    def warm_check(context: dg.AssetCheckExecutionContext, thing: dg.ResourceParam[object]) -> dg.AssetCheckResult:  # noqa: ARG001
        return dg.AssetCheckResult(passed=True, metadata={"count": 1})

    job = dg.define_asset_job(
        "warm",
        selection=dg.AssetSelection.assets("warm_asset"),
        executor_def=dg.in_process_executor,
        config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
    )
    return dg.Definitions(
        assets=[warm_asset],
        asset_checks=[warm_check],
        jobs=[job],
        schedules=[dg.ScheduleDefinition(job=job, cron_schedule="0 0 * * *")],
        resources={"thing": Thing(address=dg.EnvVar(VARIABLE))},
    ).resolve_job_def("warm")


def run_once() -> None:
    """Run the job against an instance in memory."""
    os.environ[VARIABLE] = "anywhere"
    try:
        with dg.DagsterInstance.ephemeral() as instance:
            build_job().execute_in_process(instance=instance)
    finally:
        del os.environ[VARIABLE]


try:
    run_once()
except Exception as fault:
    # The forkserver leaves out what cannot be imported, and goes on.
    raise ImportError("Dagster could not be warmed up") from fault
