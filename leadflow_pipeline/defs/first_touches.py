"""The first-touch timer as a job and the sensor that starts it; both only where the timer is on."""

import dagster as dg

from leadflow_pipeline.adapters.database import Database
from leadflow_pipeline.defs.failures import RETRY_TRANSIENT, no_retry_unless_transient
from leadflow_pipeline.defs.jobs import QUIET
from leadflow_pipeline.settings import read_settings
from leadflow_pipeline.stages.first_touches import has_due_touches, watch_first_touches


@dg.op(retry_policy=RETRY_TRANSIENT)
def watch_touches(context: dg.OpExecutionContext, database: dg.ResourceParam[Database]) -> None:
    """Remind agents of leads that nobody has called, and give them to others."""
    with no_retry_unless_transient():
        settings = read_settings()
        counts = watch_first_touches(database, minutes=settings.first_touch_minutes, channels=settings.channels)
        context.log.info(str(counts))


@dg.job(
    executor_def=dg.in_process_executor,
    config=QUIET,
    description="One turn of the first-touch timer: remind, give leads to others, pause who never calls.",
)
def first_touch_watch() -> None:
    watch_touches()


@dg.sensor(
    job=first_touch_watch,
    minimum_interval_seconds=29,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Asks for a turn of the first-touch timer when a lead has waited too long for its first call.",
)
def first_touch_sensor(database: dg.ResourceParam[Database]) -> dg.RunRequest | dg.SkipReason:
    """Timers are started in the same turn; half a minute more or less does not matter to them."""
    return dg.RunRequest() if has_due_touches(database) else dg.SkipReason("nothing is due")
