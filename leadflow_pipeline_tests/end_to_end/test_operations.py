"""Operations on a real stack: a mail rule broken on purpose, canaries in all tables and logs, a short run of chaos."""

from collections.abc import Iterator
from pathlib import Path

import psycopg2
import pytest

from leadflow_pipeline.runtime.postgres import find_embedded
from leadflow_pipeline_tests.chaos.faults import SHORT
from leadflow_pipeline_tests.chaos.run import make_chaos, tabulate
from leadflow_pipeline_tests.end_to_end.test_stack import RunningStack, end_stack, start_stack, wait_for

pytestmark = pytest.mark.timeout(600)

RULE = """
name: acme
source: acme
version: {version}
called: [Acme]
match:
  domains: [acme-portal.example]
  subject: '{subject}'
fields:
  name:
    - label: [Name]
  email:
    - label: [Email]
  phone:
    - label: [Phone]
  message:
    - label: [Message]
requires:
  - [email, phone]
"""
# Whoever finds one of these words outside of our own tables has found a leak.
CANARIES = ("Zebulon", "Quuxington", "zebulon.quuxington", "5550199", "555-0199", "Zanzibar")


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    home = tmp_path_factory.mktemp("operations")
    write_rule(home, subject="^Inquiry", version=1)
    started = start_stack(home, LEADFLOW_SAMPLES="0", LEADFLOW_RULES_DIR=str(home / "rules"))
    try:
        yield started
    finally:
        end_stack(started)


def write_rule(home: Path, *, subject: str, version: int) -> None:
    (home / "rules").mkdir(exist_ok=True)
    (home / "rules" / "acme.yaml").write_text(RULE.format(subject=subject, version=version))


def acme_mail(number: int, name: str = "Ana Buyer") -> bytes:
    return (
        "From: Acme <leads@acme-portal.example>\r\nTo: leads@example.com\r\nSubject: Inquiry\r\n"
        f"Message-ID: <acme-{number}@acme-portal.example>\r\n\r\n"
        f"Name: {name}\r\nEmail: buyer{number}@example.com\r\nPhone: (512) 555-{number:04d}\r\n"
        "Message: I am a cash buyer and want to see it.\r\n"
    ).encode()


def count(stack: RunningStack, what: str, *parameters: object) -> int:
    return int(stack.query(f"select count(*) from {what}", *parameters)[0][0])


def test_a_broken_rule_is_one_alert_and_one_red_run_and_mended_it_needs_no_command(stack: RunningStack) -> None:
    write_rule(stack.home, subject="^This Never Comes", version=2)
    for number in range(100):
        stack.append(acme_mail(number))
        if number % 10 == 0:
            form = {
                "name": f"Bystander {chr(65 + number // 10)}",
                "phone": f"512-556-{number:04d}",
                "message": "investor",
            }
            assert stack.post(**form).status_code == 202
    wait_for(lambda: count(stack, "landing.events where status = 'quarantined'") == 100, 90)
    wait_for(lambda: count(stack, "leads.assigned_leads") == 10, 60)
    late = "leads.assigned_leads where assigned_at - received_at > interval '60 seconds'"
    assert count(stack, late) == 0
    wait_for(lambda: count(stack, "ops.quarantine_groups where run_ended_at is not null") == 1, 90)
    wait_for(
        lambda: count(stack, "ops.alerts where kind = 'quarantine' and count = 100 and run_id is not null") == 1, 60
    )
    assert count(stack, "ops.alerts where kind in ('quarantine', 'failed_run')") == 1
    assert red_runs(stack) == 1

    write_rule(stack.home, subject="^Inquiry", version=3)
    wait_for(lambda: count(stack, "leads.assigned_leads") == 110, 180)
    assert (
        count(
            stack,
            "leads.assigned_leads as a join landing.events as e using (event_id) where a.received_at <> e.received_at",
        )
        == 0
    )
    wait_for(lambda: count(stack, "ops.alerts where resolved_at is null and kind = 'quarantine'") == 0, 90)


def red_runs(stack: RunningStack) -> int:
    answer = stack.ask_dagster(
        '{ runsOrError(filter: {pipelineName: "replay_quarantined", statuses: [FAILURE]})'
        " { ... on Runs { results { id } } } }"
    )
    return len(answer["runsOrError"]["results"])


def test_a_rule_file_that_is_no_yaml_stops_no_lead_and_is_told(stack: RunningStack) -> None:
    (stack.home / "rules" / "acme.yaml").write_text("name: [acme\n")
    before = count(stack, "leads.assigned_leads")
    stack.append(acme_mail(500))
    wait_for(lambda: count(stack, "leads.assigned_leads") == before + 1, 60)
    wait_for(lambda: count(stack, "ops.alerts where kind = 'broken_rules' and resolved_at is null") == 1, 60)
    write_rule(stack.home, subject="^Inquiry", version=4)
    wait_for(lambda: count(stack, "ops.alerts where kind = 'broken_rules' and resolved_at is null") == 0, 60)


def test_no_word_of_a_lead_leaves_our_own_tables(stack: RunningStack) -> None:
    """By every channel, with success and failure; then all of Dagster's tables, logs, metrics, alerts are searched."""
    write_rule(stack.home, subject="^This Never Comes", version=5)
    person = {"name": "Zebulon Quuxington", "email": "zebulon.quuxington@example.com", "phone": "512-555-0199"}
    assert stack.post(**person, message="investor from Zanzibar").status_code == 202
    assert stack.post(name="Zebulon Quuxington", message="Zanzibar without any contact").status_code in (202, 400, 422)
    stack.append(acme_mail(199, name="Zebulon Quuxington").replace(b"want to see it", b"am in Zanzibar"))
    stack.append(b"From: zebulon.quuxington@example.com\r\nSubject: Zanzibar\r\n\r\nZebulon here, 512-555-0199\r\n")
    wait_for(lambda: count(stack, "landing.events where status = 'quarantined'") >= 1, 60)
    wait_for(lambda: count(stack, "landing.events where status = 'pending' or lease_until is not null") == 0, 60)
    wait_for(
        lambda: count(stack, "ops.quarantine_groups where closed_at is null and run_ended_at is not null") >= 1, 90
    )
    url = find_embedded(stack.home)
    assert url is not None
    places = {f"table {name}": text for name, text in table_texts(url)}
    places |= {f"log {file.name}": file.read_text(errors="replace") for file in (stack.home / "logs").glob("*.log*")}
    places["metrics"] = requests_get(f"{stack.receiver}/metrics")
    assert any(name.startswith("table dagster.event_logs") for name in places)
    leaks = [f"{word} in {place}" for place, text in places.items() for word in CANARIES if word in text]
    assert leaks == []


def requests_get(url: str) -> str:
    import requests

    return requests.get(url, timeout=10).text


def table_texts(url: str) -> Iterator[tuple[str, str]]:
    """Every table of Dagster, and those of ours that must hold no lead's words, as text."""
    connection = psycopg2.connect(url)
    try:
        with connection.cursor() as cursor:
            cursor.execute(
                "select table_schema || '.' || table_name from information_schema.tables"
                " where table_type = 'BASE TABLE' and table_schema in ('dagster', 'ops', 'delivery')"
            )
            for (table,) in cursor.fetchall():
                cursor.execute(f"select coalesce(string_agg(t::text, E'\\n'), '') from {table} as t")
                yield table, cursor.fetchone()[0]
    finally:
        connection.close()


def test_a_short_run_of_chaos_loses_nothing_and_does_nothing_twice(stack: RunningStack) -> None:
    write_rule(stack.home, subject="^Inquiry", version=6)
    outcome = make_chaos(stack, seconds=75, rate=4, seed=7, names=SHORT, report=lambda _: None)
    assert len(outcome.accepted) > 50
    assert len(outcome.faults) >= 2
    assert sum(effect.sent for effect in outcome.effects) > 50
    assert outcome.is_exact, tabulate(outcome)
