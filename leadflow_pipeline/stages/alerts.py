"""Opens, changes and ends alerts, and queues what people are told of them. Causes are found by `stages.watch`.

One alert per cause as long as it lasts; telling goes through the outbox, so that none is lost while Slack is down,
and what has changed meanwhile is told as one message.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from leadflow_pipeline.domain.alerts import Alert, Condition, describe_alert
from leadflow_pipeline.domain.errors import PermanentError
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


class Mailer(Protocol):
    """Sends a mail to the people who run the pipeline. Raises our two kinds of error."""

    def send(self, to: str, subject: str, text: str, *, message_key: str) -> str: ...


@dataclass(frozen=True, kw_only=True)
class Links:
    """Where the pages are that an alert points to."""

    dagster_url: str
    runbook: str  # the folder with a page for each kind of alert


@dataclass(frozen=True, kw_only=True)
class AlertMail:
    """Alerts by mail: when they begin and when they are over."""

    mailer: Mailer
    to: str


def sync_alerts(
    store: Store, conditions: Iterable[Condition], *, kinds: Collection[str], by_mail: bool = False
) -> None:
    """Make the alerts of these kinds match what lasts now: open new ones, change, end."""
    with store.transaction() as transaction:
        sync_alerts_in(transaction, conditions, kinds=kinds, by_mail=by_mail)


def sync_alerts_in(
    transaction: StoreTransaction, conditions: Iterable[Condition], *, kinds: Collection[str], by_mail: bool = False
) -> None:
    """The same, in a transaction of the caller's."""
    lasting = {condition.cause: condition for condition in conditions}
    if lasting:
        rows = as_json_rows(asdict(condition) for condition in lasting.values())
        transaction.execute("raise_alerts", rows=rows, reopen_seconds=REOPEN_SECONDS)
    transaction.execute("resolve_alerts", kinds=list(kinds), causes=list(lasting))
    _queue_news(transaction, by_mail=by_mail)


def list_alerts(store: Store, *, hours: int) -> list[Mapping[str, Any]]:
    """The alerts that last, and those of the last hours."""
    with store.transaction() as transaction:
        return transaction.rows("list_alerts", hours=hours)


class AlertSender:
    """Tells an alert as it stands when it is told: one message per alert, changed with it."""

    def __init__(
        self, store: Store, *, chat: Chat | None, channel: str, links: Links, mail: AlertMail | None = None
    ) -> None:
        self._store = store
        self._chat = chat
        self._channel = channel
        self._links = links
        self._mail = mail

    def send(self, effect: Effect) -> str | None:
        """Tell it. An effect that holds only a text is posted as it is."""
        if "alert_id" not in effect.payload:
            return self._post(str(effect.payload.get("text", "")))[1]
        with self._store.transaction() as transaction:
            row = transaction.row("read_alert", alert_id=effect.payload["alert_id"])
        if row is None or (effect.payload["via"] == "slack" and row["revision"] <= row["told_revision"]):
            return None
        text = describe_alert(self._as_told(row))
        if effect.payload["via"] == "mail":
            return self._send_mail(row, text, effect.idempotency_key)
        channel, message = row["channel"], row["message_ts"]
        if message:
            self._require_chat().update(channel, message, text)
        else:
            channel, message = self._post(text)
        with self._store.transaction() as transaction:
            transaction.execute(
                "note_alert_told",
                alert_id=row["alert_id"],
                revision=row["revision"],
                channel=channel,
                message_ts=message,
            )
            _queue_news(transaction, by_mail=False)
        return str(message)

    def _as_told(self, row: Mapping[str, Any]) -> Alert:
        return Alert(
            kind=row["kind"],
            text=row["text"],
            count=row["count"],
            first_seen_at=row["first_seen_at"],
            resolved_at=row["resolved_at"],
            run_url=f"{self._links.dagster_url}/runs/{row['run_id']}" if row["run_id"] else None,
            runbook=f"{self._links.runbook}/{row['kind']}.md",
        )

    def _post(self, text: str) -> tuple[str, str]:
        return self._require_chat().post(self._channel, text)

    def _send_mail(self, row: Mapping[str, Any], text: str, key: str) -> str:
        if self._mail is None:
            raise PermanentError("No address for alerts is set any more.")
        state = "over" if row["resolved_at"] else "alert"
        subject = f"leadflow {state}: {row['kind'].replace('_', ' ')}"
        return self._mail.mailer.send(self._mail.to, subject, text, message_key=key)

    def _require_chat(self) -> Chat:
        if self._chat is None:
            raise PermanentError("Slack is not configured any more.")
        return self._chat


def _queue_news(transaction: StoreTransaction, *, by_mail: bool) -> None:
    """Give the outbox what people do not know yet, paced per alert."""
    rows = transaction.rows("list_alerts_to_tell", again_seconds=TELL_AGAIN_SECONDS)
    queue_effects(transaction, [effect for row in rows for effect in _effects(row, by_mail=by_mail)])
    for row in rows:
        transaction.execute("note_alert_queued", alert_id=row["alert_id"], revision=row["revision"])


def _effects(row: Mapping[str, Any], *, by_mail: bool) -> Sequence[NewEffect]:
    now = datetime.now(UTC)
    pause = FIRST_PAUSE.get(row["kind"], timedelta(0))
    due_at = row["first_seen_at"] + pause if row["told_at"] is None else row["told_at"] + PACE
    told = [
        NewEffect(
            idempotency_key=f"ops_alert:{row['alert_id']}:{row['queuings']}",
            kind="ops_alert",
            payload={"alert_id": row["alert_id"], "via": "slack"},
            due_at=max(due_at, now) if row["told_at"] or pause else None,
        )
    ]
    if by_mail:
        state = "over" if row["is_resolved"] else "open"
        told.append(
            NewEffect(
                idempotency_key=f"ops_alert:mail:{row['alert_id']}:{state}",
                kind="ops_alert",
                payload={"alert_id": row["alert_id"], "via": "mail"},
            )
        )
    return told
