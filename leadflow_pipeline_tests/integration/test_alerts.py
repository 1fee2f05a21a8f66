"""Alerts on real tables: one per cause, changed while it lasts, ended when it is over, never lost, never in a hurry."""

from collections.abc import Callable
from typing import Any

import pytest

from leadflow_pipeline.adapters.database import Database
from leadflow_pipeline.domain.alerts import Condition
from leadflow_pipeline.domain.errors import PermanentError, TransientError
from leadflow_pipeline.stages.alerts import AlertSender, Links, sync_alerts
from leadflow_pipeline.stages.deliveries import deliver_effects
from leadflow_pipeline.stages.watch import FailedRun, note_failed_runs, watch_daemon, watch_tables
from leadflow_pipeline_tests.integration.test_pipeline import Query, land, land_raw, run

LINKS = Links(dagster_url="https://dagster.example", runbook="docs/runbook")


class Channel:
    """A tech channel that can be down."""

    def __init__(self) -> None:
        self.messages: dict[str, str] = {}
        self.is_down = False

    def post(self, channel: str, text: str) -> tuple[str, str]:
        self._answer()
        message = str(len(self.messages) + 1)
        self.messages[message] = text
        return f"id of {channel}", message

    def update(self, channel: str, message: str, text: str) -> None:
        assert channel == "id of #tech"  # Slack changes a message by the channel's id, not by its name
        self._answer()
        self.messages[message] = text

    def _answer(self) -> None:
        if self.is_down:
            raise TransientError("Slack does not answer.")


@pytest.fixture
def channel() -> Channel:
    return Channel()


@pytest.fixture
def deliver(database: Database, channel: Channel, query: Query) -> Callable[..., Any]:
    """Delivers what is due, as if every pause that an effect has to make were over."""

    def run_deliverer() -> Any:
        query("update delivery.outbox set due_at = now() where status = 'pending'")
        sender = AlertSender(database, chat=channel, channel="#tech", links=LINKS)
        return deliver_effects(database, {"ops_alert": sender}, seconds=5)

    return run_deliverer


def worry(cause: str, count: int = 1, **more: Any) -> Condition:
    return Condition(cause=cause, kind="failed_tick", text=f"{cause}: {count} times", count=count, **more)


def tell(database: Database, *conditions: Condition) -> None:
    sync_alerts(database, conditions, kinds=("failed_tick",))


def test_a_cause_is_one_message_that_is_changed_while_it_lasts_and_ended_when_it_is_over(
    database: Database, channel: Channel, deliver: Callable[..., Any]
) -> None:
    tell(database, worry("imap", run_id="11"))
    deliver()
    [text] = channel.messages.values()
    assert "imap: 1 times" in text
    assert "<https://dagster.example/runs/11|Run>" in text
    assert "docs/runbook/failed_tick.md" in text
    for count in range(2, 50):
        tell(database, worry("imap", count))
    deliver()
    tell(database)
    deliver()
    [text] = channel.messages.values()
    assert text.startswith(":white_check_mark:")
    assert "49 times" in text


def test_what_has_not_changed_is_not_told_again(
    database: Database, channel: Channel, deliver: Callable[..., Any], query: Query
) -> None:
    for _ in range(20):
        tell(database, worry("imap"))
        deliver()
    assert query("select count(*) from delivery.outbox") == [(1,)]
    assert len(channel.messages) == 1


def test_changes_are_told_once_a_minute_at_most(database: Database, deliver: Callable[..., Any], query: Query) -> None:
    """Slack takes one message a second and channel, and a person takes less."""
    tell(database, worry("imap"))
    deliver()
    tell(database, worry("imap", 2))
    [(pause,)] = query(
        "select extract(epoch from due_at - now())::integer from delivery.outbox where status = 'pending'"
    )
    assert 50 <= pause <= 60


def test_while_slack_is_down_alerts_gather_and_arrive_afterwards_one_for_each_cause(
    database: Database, channel: Channel, deliver: Callable[..., Any], query: Query
) -> None:
    """Ten minutes at a look every ten seconds, three causes that grow, one of them over before Slack is back."""
    channel.is_down = True
    for look in range(1, 61):
        tell(
            database,
            *(worry(name, look) for name in (("imap", "landing", "outbox") if look < 40 else ("imap", "outbox"))),
        )
        deliver()
    assert channel.messages == {}
    channel.is_down = False
    deliver()
    deliver()
    assert len(channel.messages) == 3
    texts = sorted(channel.messages.values())
    assert ["60 times" in text for text in texts].count(True) == 2
    assert [text.startswith(":white_check_mark:") for text in texts].count(True) == 1
    assert query("select count(*) from delivery.outbox where status = 'set_aside'") == [(0,)]
    assert query("select count(*) from ops.alerts where told_revision < revision") == [(0,)]


def test_a_cause_that_comes_and_goes_stays_one_message(
    database: Database, channel: Channel, deliver: Callable[..., Any]
) -> None:
    for _ in range(5):
        tell(database, worry("imap"))
        deliver()
        tell(database)
        deliver()
    assert len(channel.messages) == 1


def test_an_alert_whose_effect_was_given_up_is_queued_again(
    database: Database, channel: Channel, deliver: Callable[..., Any], query: Query, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A revoked token is a permanent error; once there is a new one, what lasts has to be told."""
    tell(database, worry("imap"))
    with monkeypatch.context() as patch:
        patch.setattr(channel, "post", lambda *_: (_ for _ in ()).throw(PermanentError("invalid_auth")))
        assert deliver().set_aside == 1
    tell(database, worry("imap"))
    assert deliver().sent == 0
    query("update ops.alerts set queued_at = queued_at - interval '11 minutes'")
    tell(database, worry("imap"))
    deliver()
    assert len(channel.messages) == 1


def test_texts_hold_no_mention_and_no_link_of_a_stranger(
    database: Database, channel: Channel, deliver: Callable[..., Any]
) -> None:
    tell(database, worry("<!channel> <https://evil.example|click>"))
    deliver()
    assert "<!channel>" not in str(channel.messages)
    assert "<https://evil.example" not in str(channel.messages)


# What is found


def found(database: Database, **last_successes: float) -> dict[str, Condition]:
    return {each.cause: each for each in watch_tables(database, last_successes=last_successes)}


def test_a_healthy_pipeline_worries_nobody(database: Database, add_agents: Callable[[int], list[str]]) -> None:
    add_agents(1)
    land(database)
    run(database)
    assert found(database) == {}


def test_each_quarantine_group_is_a_cause_with_its_count(database: Database) -> None:
    for number in range(100):
        land_raw(database, b'{"name": "Person %d"}' % number)
    run(database)
    [condition] = found(database).values()
    assert (condition.kind, condition.count) == ("quarantine", 100)
    assert "Person" not in condition.text


def test_a_lead_that_waits_for_a_minute_is_told_before_the_promise_is_broken(database: Database, query: Query) -> None:
    land(database)
    assert found(database) == {}
    query("update landing.events set received_at = now() - interval '61 seconds'")
    assert "1 leads wait longer than 60 s" in found(database)["sla"].text
    query("update landing.events set hold_until = now() + interval '1 hour'")
    assert found(database) == {}


def test_failed_runs_are_one_cause_per_step_and_error_until_the_job_succeeds(database: Database, query: Query) -> None:
    runs = [
        FailedRun(run_id=str(number), job="lead_pipeline", step="scored_leads", error="Failure") for number in range(3)
    ]
    note_failed_runs(database, runs)
    note_failed_runs(database, runs)
    [condition] = found(database).values()
    assert condition.text == "3 runs of lead_pipeline have failed in scored_leads (Failure)"
    [(now,)] = query("select extract(epoch from now())::double precision")
    assert found(database, lead_pipeline=float(str(now)) + 1) == {}


def test_a_red_replay_run_is_told_by_its_group_alone(database: Database, query: Query) -> None:
    run_id = "6f2f0d5e-0000-4000-8000-000000000001"
    query(
        "insert into ops.quarantine_groups (source, stage, reason, run_id, run_ended_at)"
        " values ('zillow', 'staged_leads', 'odd', %s, now())",
        run_id,
    )
    note_failed_runs(database, [FailedRun(run_id=run_id, job="replay_quarantined", step="x", error="Failure")])
    assert found(database) == {}


def test_a_vendor_that_is_not_asked_any_more_is_told(database: Database, query: Query) -> None:
    query(
        "update vendors.budgets set open_until = now(), open_reason = 'refused' where vendor = 'google' and scope = ''"
    )
    query(
        "update vendors.budgets set spent = daily_cap, spent_on = (now() at time zone 'UTC')::date"
        " where vendor = 'clearbit' and scope = ''"
    )
    assert set(found(database)) == {"breaker:google", "budget:clearbit"}


def test_effects_that_were_given_up_are_told_by_kind(database: Database, query: Query) -> None:
    query("insert into delivery.outbox (idempotency_key, kind, status) values ('a', 'sms', 'set_aside')")
    assert found(database)["set_aside:sms"].count == 1


def test_a_daemon_without_a_sign_of_life_is_told(database: Database, query: Query) -> None:
    assert watch_daemon(database) == []
    query('create table dagster.daemon_heartbeats (daemon_type text, "timestamp" timestamp)')
    query("insert into dagster.daemon_heartbeats values ('SENSOR', now() at time zone 'UTC')")
    assert watch_daemon(database) == []
    query('update dagster.daemon_heartbeats set "timestamp" = "timestamp" - interval \'3 minutes\'')
    [condition] = watch_daemon(database)
    assert condition.text == "Dagster's daemon has given no sign of life for 3 min"
