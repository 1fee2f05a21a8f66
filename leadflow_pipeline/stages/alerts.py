"""Opens, changes and ends alerts, and queues what people are told of them. Causes are found by `stages.watch`.

One alert per cause as long as it lasts; telling goes through the outbox, so that none is lost while Slack is down,
and what has changed meanwhile is told as one message.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from leadflow_pipeline.domain.alerts import Alert, Condition, describe_alert
from leadflow_pipeline.stages.deliveries import Effect
from leadflow_pipeline.stages.effects import NewEffect, queue_effects
from leadflow_pipeline.stages.store import Store, StoreTransaction, as_json_rows

PACE = timedelta(seconds=60)  # a message is changed at most this often
REOPEN_SECONDS = 600  # a cause that comes and goes is one alert
TELL_AGAIN_SECONDS = 600  # when the effect that was to tell it was given up
# The first message waits this long where something better to say comes at once: the red run, the automatic retry.
FIRST_PAUSE = {"quarantine": timedelta(seconds=20), "failed_run": timedelta(seconds=5)}


class Chat(Protocol):
    """The tech channel. Raises our two kinds of error."""

    def post(self, channel: str, text: str) -> tuple[str, str]:
        """Post a message; gives the vendor's ids of the channel and of the message in it."""
        ...

    def update(self, channel: str, message: str, text: str) -> None:
        """Change a message."""
        ...


@dataclass(frozen=True, kw_only=True)
class Links:
    """Where the pages are that an alert points to."""

    dagster_url: str
    runbook: str  # the folder with a page for each kind of alert

    def tell(self, row: Mapping[str, Any]) -> Alert:
        """An alert as it is told, from a row of `read_alert`."""
        return Alert(
            kind=row["kind"],
            text=row["text"],
            count=row["count"],
            first_seen_at=row["first_seen_at"],
            resolved_at=row["resolved_at"],
            run_url=f"{self.dagster_url}/runs/{row['run_id']}" if row["run_id"] else None,
            runbook=f"{self.runbook}/{row['kind']}.md",
        )


def sync_alerts(store: Store, conditions: Iterable[Condition], *, kinds: Collection[str]) -> None:
    """Make the alerts of these kinds match what lasts now: open new ones, change, end."""
    with store.transaction() as transaction:
        sync_alerts_in(transaction, conditions, kinds=kinds)


def sync_alerts_in(transaction: StoreTransaction, conditions: Iterable[Condition], *, kinds: Collection[str]) -> None:
    """The same, in a transaction of the caller's."""
    lasting = {condition.cause: condition for condition in conditions}
    if lasting:
        rows = as_json_rows(asdict(condition) for condition in lasting.values())
        transaction.execute("raise_alerts", rows=rows, reopen_seconds=REOPEN_SECONDS)
    transaction.execute("resolve_alerts", kinds=list(kinds), causes=list(lasting))
    _queue_news(transaction)


def list_alerts(store: Store, *, hours: int) -> list[Mapping[str, Any]]:
    """The alerts that last, and those of the last hours."""
    with store.transaction() as transaction:
        return transaction.rows("list_alerts", hours=hours)


class AlertSender:
    """Tells an alert as it stands when it is told: one message per alert, changed with it."""

    def __init__(self, store: Store, *, chat: Chat, channel: str, links: Links) -> None:
        self._store = store
        self._chat = chat
        self._channel = channel
        self._links = links

    def send(self, effect: Effect) -> str | None:
        """Tell it. An effect that holds only a text is posted as it is."""
        if "alert_id" not in effect.payload:
            return self._chat.post(self._channel, str(effect.payload.get("text", "")))[1]
        row = _read_alert(self._store, effect)
        if row is None or row["revision"] <= row["told_revision"]:
            return None
        text = describe_alert(self._links.tell(row))
        channel, message = row["channel"], row["message_ts"]
        if message:
            self._chat.update(channel, message, text)
        else:
            channel, message = self._chat.post(self._channel, text)
        with self._store.transaction() as transaction:
            transaction.execute(
                "note_alert_told",
                alert_id=row["alert_id"],
                revision=row["revision"],
                channel=channel,
                message_ts=message,
            )
            _queue_news(transaction)
        return str(message)


def _read_alert(store: Store, effect: Effect) -> Mapping[str, Any] | None:
    with store.transaction() as transaction:
        return transaction.row("read_alert", alert_id=effect.payload["alert_id"])


def _queue_news(transaction: StoreTransaction) -> None:
    """Give the outbox what the channel does not know yet, paced per alert."""
    rows = transaction.rows("list_alerts_to_tell", again_seconds=TELL_AGAIN_SECONDS)
    queue_effects(transaction, [_tell_in_channel(row) for row in rows])
    for row in rows:
        transaction.execute("note_alert_queued", alert_id=row["alert_id"], revision=row["revision"])


def _tell_in_channel(row: Mapping[str, Any]) -> NewEffect:
    pause = FIRST_PAUSE.get(row["kind"], timedelta(0))
    due_at = row["first_seen_at"] + pause if row["told_at"] is None else row["told_at"] + PACE
    return NewEffect(
        idempotency_key=f"ops_alert:{row['alert_id']}:{row['queuings']}",
        kind="ops_alert",
        payload={"alert_id": row["alert_id"]},
        due_at=max(due_at, datetime.now(UTC)) if row["told_at"] or pause else None,
    )
