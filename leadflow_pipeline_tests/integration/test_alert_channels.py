"""Alerts by Slack and by mail against the stand-ins: nothing is lost while one is down, and all of it comes grouped."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from leadflow_pipeline.adapters.database import Database
from leadflow_pipeline.domain.alerts import Condition
from leadflow_pipeline.domain.effects import NewEffect
from leadflow_pipeline.stages.alert_mails import queue_alert_mails
from leadflow_pipeline.stages.alerts import sync_alerts
from leadflow_pipeline.stages.effects import queue_effects
from leadflow_pipeline_tests.integration.slack_sandbox import ANA, SlackSandbox, run_slack_sandbox
from leadflow_pipeline_tests.integration.test_pipeline import Query
from leadflow_pipeline_tests.servers import find_port

TECH = "C0TECH"
LOOK_SECONDS = 14


@pytest.fixture
def sandbox(database: Database, tmp_path: Path) -> Iterator[SlackSandbox]:
    with run_slack_sandbox(
        database, tmp_path, sandbox_smtp_port=find_port(), alert_mail_to="tech@brokerage.example"
    ) as running:
        yield running


def worry(cause: str, count: int = 1) -> Condition:
    return Condition(cause=cause, kind="failed_tick", text=f"{cause} failed {count} times", count=count)


def look(sandbox: SlackSandbox, *conditions: Condition) -> None:
    """What the watch sensor does; then a deliverer comes by."""
    sync_alerts(sandbox.database, conditions, kinds=("failed_tick",))
    queue_alert_mails(sandbox.database)
    sandbox.deliver()


def let_pass(query: Query, seconds: float) -> None:
    """Everything that has been noted happened so much earlier."""
    for table, columns in {
        "ops.alerts": "first_seen_at last_seen_at resolved_at told_at queued_at mailed_at mail_queued_at",
        "delivery.outbox": "created_at due_at lease_until",
    }.items():
        earlier = ", ".join(f"{column} = {column} - make_interval(secs => {seconds})" for column in columns.split())
        query(f"update {table} set {earlier}")


def messages(sandbox: SlackSandbox) -> list[str]:
    return [str(message["text"]) for message in sandbox.seen_by(ANA, TECH)]


def mails(sandbox: SlackSandbox) -> list[str]:
    """Subject and first line of each mail about a cause, the first one first."""
    page = requests.get(f"{sandbox.settings.sandbox_url}/_page/smtp/", timeout=5).text
    subject_and_line = re.compile(r"<h2>(.*?)</h2>.*?(\w+ failed \d+ times)", re.DOTALL)
    found = map(subject_and_line.search, page.split("<article")[::-1])
    return [f"{mail[1]}: {mail[2]}" for mail in found if mail]


def control(sandbox: SlackSandbox, vendor: str, **behaviour: object) -> None:
    url = f"{sandbox.settings.sandbox_url}/_control/{vendor}"
    requests.post(url, json=behaviour, timeout=5).raise_for_status()


@pytest.mark.parametrize("down", ["slack", "smtp"])
def test_ten_minutes_without_one_way_and_every_alert_arrives_afterwards_grouped(
    sandbox: SlackSandbox, query: Query, down: str
) -> None:
    """Three causes that grow, looked at as often as the watch does; one is over before the way is back."""
    control(sandbox, down, down=True)
    for number in range(1, 600 // LOOK_SECONDS + 1):
        causes = ("imap", "landing", "outbox") if number < 30 else ("imap", "outbox")
        look(sandbox, *(worry(cause, number) for cause in causes))
        let_pass(query, LOOK_SECONDS)
    told_meanwhile = {"slack": len(messages(sandbox)), "smtp": len(mails(sandbox))}
    assert told_meanwhile.pop(down) == 0
    assert all(told_meanwhile.values())

    control(sandbox, down, down=False)
    for _ in range(6):
        let_pass(query, 300)
        look(sandbox, worry("imap", number), worry("outbox", number))
    assert query("select count(*) from delivery.outbox where status <> 'sent'") == [(0,)]
    in_slack = [text for text in messages(sandbox) if "Delivery alert_mail" not in text]  # that mails fail is told, too
    assert len(in_slack) == 3
    assert sum(f"failed {number} times" in text for text in in_slack) == 2
    assert sum(text.startswith(":white_check_mark:") and "landing" in text for text in in_slack) == 1
    by_mail = mails(sandbox)
    assert len(by_mail) == (3 if down == "smtp" else 4)
    assert sum(text.startswith("leadflow over") and "landing" in text for text in by_mail) == 1


def test_a_cause_that_comes_and_goes_is_mailed_at_most_every_ten_minutes(sandbox: SlackSandbox, query: Query) -> None:
    for _ in range(12):
        look(sandbox, worry("imap"))
        let_pass(query, 30)
        look(sandbox)
        let_pass(query, 30)
    assert len(mails(sandbox)) == 2
    let_pass(query, 600)
    look(sandbox)
    assert mails(sandbox)[-1].startswith("leadflow over")


def test_what_has_been_told_is_not_mailed_again(sandbox: SlackSandbox, query: Query) -> None:
    for count in range(1, 20):
        look(sandbox, worry("imap", count))
        let_pass(query, 120)
    assert len(mails(sandbox)) == 1


def test_an_alert_that_is_only_a_text_is_mailed_once(sandbox: SlackSandbox) -> None:
    with sandbox.database.transaction() as transaction:
        effect = NewEffect(idempotency_key="odd", kind="ops_alert", payload={"text": "Slack failed 3 times"})
        queue_effects(transaction, [effect])
    look(sandbox)
    look(sandbox)
    assert len(mails(sandbox)) == 1


def test_a_mail_that_was_given_up_is_queued_again(sandbox: SlackSandbox, query: Query) -> None:
    """A mailbox that takes none is a permanent error; what lasts is told as soon as another address is set."""
    look(sandbox, worry("imap"))
    query("update delivery.outbox set status = 'set_aside' where kind = 'alert_mail'")
    query("update ops.alerts set mailed_as = null, mailed_at = null")
    look(sandbox, worry("imap"))
    assert len(mails(sandbox)) == 1
    let_pass(query, 601)
    look(sandbox, worry("imap"))
    assert len(mails(sandbox)) == 2
