"""What starts a run: new mail, and anything that has landed. Both wait inside their tick instead of ending it.

The daemon looks at sensors every 5 seconds whatever their interval says, so a tick is held open for as long as
Dagster lets it, and several keep watch: one that has found a lead ends its tick, the next lead finds another.
Runs claim their own work, so a run too many finds nothing and ends.
"""

import threading
from datetime import UTC, datetime

import dagster as dg

from leadflow_pipeline.adapters.database import Database
from leadflow_pipeline.adapters.imap_mailbox import ImapMailbox, RestingError
from leadflow_pipeline.adapters.language_models import name_language_model
from leadflow_pipeline.defs.batches import batch_limits
from leadflow_pipeline.defs.held_ticks import LONGEST_TICK, begin_tick, look_until
from leadflow_pipeline.defs.jobs import late_inquiries, lead_pipeline, outbox_deliveries
from leadflow_pipeline.defs.resources import SANDBOX_BACKFILL_DAYS
from leadflow_pipeline.defs.senders import build_senders, name_budgets
from leadflow_pipeline.settings import read_settings
from leadflow_pipeline.stages.batches import ask_for_batches, wait_for_batches
from leadflow_pipeline.stages.deliveries import has_due_effects
from leadflow_pipeline.stages.inquiry_questions import has_due_questions
from leadflow_pipeline.stages.mail_intake import WatchTimes, watch_mailboxes

UNDER_WAY = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
]
# A turn is held for so long, and at its end come a wait and a look. A tick waits for the other's turn and then has its
# own, and both are over some seconds before Dagster ends it.
LAST_WAIT, LAST_LOOK, SPARE_SECONDS = 8, 8, 10
MAILBOX_TIMES = WatchTimes(
    landing_seconds=LAST_LOOK,
    waiting_seconds=LAST_WAIT,
    holding_seconds=(LONGEST_TICK - SPARE_SECONDS) / 2 - LAST_WAIT - LAST_LOOK,
)
SECONDS_FOR_A_TURN = MAILBOX_TIMES.holding_seconds + LAST_WAIT + LAST_LOOK
MAILBOX_TURN = threading.Lock()
# One that has asked for a run is back with the daemon's next look. More of them would be there sooner in a spike, and
# start more runs than the limit (decision 0073). Of different lengths, so that they do not end together.
WATCHES = 3
WATCH_SECONDS = tuple(LONGEST_TICK - 5.5 - 5 * number for number in range(WATCHES))
SECONDS_BETWEEN_DELIVERIES = 1.0
# Whoever has queued an effect is often about to send it: the batch's own run, above all.
SECONDS_OF_GRACE = 1.0


def build_inbox_sensor(number: int) -> dg.SensorDefinition:
    """One of the two that take turns at the mailboxes."""

    @dg.sensor(
        name="imap_inbox_sensor" if number == 1 else f"imap_inbox_sensor_{number}",
        job=lead_pipeline,
        minimum_interval_seconds=5,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Lands new mails of the inbox, then asks for a run. One of two that take turns, so that one is at "
        "the mailboxes while the other's tick has ended.",
    )
    def imap_inbox_sensor(
        database: dg.ResourceParam[Database], mailbox: dg.ResourceParam[tuple[ImapMailbox, ...]]
    ) -> list[dg.RunRequest] | dg.SkipReason:
        """One turn at all mailboxes. While it lasts the landing sensors ask for runs, as each mail lands."""
        if not MAILBOX_TURN.acquire(timeout=SECONDS_FOR_A_TURN):
            return dg.SkipReason("the other sensor is at the mailboxes")
        try:
            settings = read_settings()
            watch = watch_mailboxes(
                database,
                mailbox,
                MAILBOX_TIMES,
                backfill_days=SANDBOX_BACKFILL_DAYS if settings.sandbox else settings.imap_backfill_days,
                today=datetime.now(UTC).date(),
            )
        finally:
            MAILBOX_TURN.release()
        if not watch.landed:
            for error in watch.errors:
                if not isinstance(error, RestingError):
                    raise error
            return dg.SkipReason("; ".join(["no new mail", *map(str, watch.errors)]))
        return request_runs(ask_for_batches(database, batch_limits(settings)))

    return imap_inbox_sensor


inbox_sensors = [build_inbox_sensor(number) for number in (1, 2)]


def build_landing_sensor(number: int, watch_seconds: float) -> dg.SensorDefinition:
    """One of the sensors that keep watch side by side."""
    name = "landing_sensor" if number == 1 else f"landing_sensor_{number}"

    @dg.sensor(
        name=name,
        job=lead_pipeline,
        minimum_interval_seconds=1,  # by which the daemon knows a watch (`runtime/prompt_sensors`)
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Waits for anything that lands or is left over, and asks for a run. One of "
        f"{WATCHES} that keep watch, so that one is there while another's tick has ended.",
    )
    def landing_sensor(database: dg.ResourceParam[Database]) -> list[dg.RunRequest] | dg.SkipReason:
        """Posts, mails, leads whose worker was lost or that waited for an agent."""
        limits = batch_limits(read_settings())
        is_newest = begin_tick(name)
        with database.listen("landing") as listener:
            batches = wait_for_batches(database, listener, limits, seconds=watch_seconds, is_wanted=is_newest)
        return request_runs(batches)

    return landing_sensor


landing_sensors = [build_landing_sensor(number, seconds) for number, seconds in enumerate(WATCH_SECONDS, start=1)]


@dg.sensor(
    job=outbox_deliveries,
    minimum_interval_seconds=5,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Asks for a run when an effect is due again.",
)
def outbox_sensor(
    context: dg.SensorEvaluationContext, database: dg.ResourceParam[Database]
) -> dg.RunRequest | dg.SkipReason:
    """Effects of the hot path are tried in its own run; here those that come due later. One such run at a time."""
    settings = read_settings()
    kinds, budgets = build_senders(settings, database), name_budgets(settings)
    under_way = dg.RunsFilter(job_name=outbox_deliveries.name, statuses=UNDER_WAY)

    def is_wanted() -> bool:
        is_due = has_due_effects(database, kinds, budgets, grace_seconds=SECONDS_OF_GRACE)
        return is_due and not context.instance.get_runs_count(under_way)

    if look_until("outbox_sensor", is_wanted, every=SECONDS_BETWEEN_DELIVERIES):
        return dg.RunRequest()
    return dg.SkipReason("nothing is due, or a run is delivering already")


@dg.sensor(
    job=late_inquiries,
    minimum_interval_seconds=15,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Asks for a run when the language model has something to be asked; there only where one is configured.",
)
def inquiry_sensor(database: dg.ResourceParam[Database]) -> dg.RunRequest | dg.SkipReason:
    """Questions wait for nothing and nothing waits for them."""
    model = name_language_model(read_settings())
    if model and has_due_questions(database, model=model):
        return dg.RunRequest()
    return dg.SkipReason("there is nothing to ask")


def request_runs(batches: int) -> list[dg.RunRequest] | dg.SkipReason:
    """As many runs as there are batches. Without a run key: what a run does is decided by what it can claim."""
    if not batches:
        return dg.SkipReason("nothing waits for a run")
    return [dg.RunRequest() for _ in range(batches)]
