"""Sources that change or fall silent, on real tables with weeks of mails in them."""

from datetime import UTC, datetime

import dagster as dg
import pytest

from leadflow_pipeline.adapters.database import Database
from leadflow_pipeline.definitions import build_definitions
from leadflow_pipeline.settings import Settings
from leadflow_pipeline.stages.drift import watch_answers, watch_fill_rates, watch_rhythms
from leadflow_pipeline_tests.integration.test_pipeline import Query

MAILS_EVERY_HOUR = """
    with landed as (
        insert into landing.events (channel, source, external_id, received_at, content_type, raw, content_hash, status)
        select 'email', %s, %s || i, now() - i * interval '1 hour', 'message/rfc822', '', '', 'staged'
        from generate_series(%s, %s) as i
        returning event_id, source, received_at
    )
    insert into leads.staged_leads (event_id, batch_id, channel, source, rule, rule_version, received_at, name, phone)
    select event_id, gen_random_uuid(), 'email', source, source, 1, received_at, 'Ana',
        case when %s then '512-555-0142' end
    from landed
"""


def send_hourly(query: Query, source: str, *, from_hours_ago: int, to_hours_ago: int, with_phone: bool = True) -> None:
    query(MAILS_EVERY_HOUR, source, f"{source}/{with_phone}/", to_hours_ago, from_hours_ago, with_phone)


def alerts(query: Query) -> list[str]:
    return [row[0] for row in query("select text from ops.alerts where resolved_at is null")]


def test_a_field_that_a_source_no_longer_fills_is_told_once_with_events_to_look_at(
    database: Database, query: Query
) -> None:
    """A label was renamed: mails still become leads, without the phone, and nobody would notice for weeks."""
    send_hourly(query, "zillow_rentals", from_hours_ago=600, to_hours_ago=20)
    send_hourly(query, "zillow_rentals", from_hours_ago=19, to_hours_ago=0, with_phone=False)
    send_hourly(query, "homes_com", from_hours_ago=600, to_hours_ago=0)
    [finding] = watch_fill_rates(database)
    latest = query("select event_id from leads.staged_leads where phone is null order by received_at desc limit 3")
    assert finding.key == "fill_rate:zillow_rentals:phone"
    assert "before in 100%" in finding.text
    assert finding.text.endswith("events " + ", ".join(str(row[0]) for row in latest))
    watch_fill_rates(database)
    assert alerts(query) == [finding.text]


def test_healthy_sources_raise_nothing(database: Database, query: Query) -> None:
    send_hourly(query, "zillow_rentals", from_hours_ago=800, to_hours_ago=0)
    send_hourly(query, "trulia", from_hours_ago=3, to_hours_ago=0, with_phone=False)
    assert watch_fill_rates(database) == []
    assert watch_rhythms(database, now=datetime.now(UTC)) == []
    assert alerts(query) == []


def test_a_source_that_stops_is_told(database: Database, query: Query) -> None:
    send_hourly(query, "streeteasy", from_hours_ago=800, to_hours_ago=30)
    send_hourly(query, "homes_com", from_hours_ago=800, to_hours_ago=0)
    [finding] = watch_rhythms(database, now=datetime.now(UTC))
    assert finding.key == "silence:streeteasy (email)"
    assert "nothing for 30 hours" in finding.text
    assert alerts(query) == [finding.text]


def test_a_mailbox_that_has_stopped_answering_is_told_once_a_day(database: Database, query: Query) -> None:
    """Listeners have been seen "active" and dead for 35 hours (reliability notes, section 2)."""
    query(
        """insert into landing.mailboxes (account, folder, uidvalidity, last_uid, read_since, checked_at) values
           ('leads@a.example', 'INBOX', 1, 1, '2026-01-01', now() - interval '2 minutes'),
           ('leads@b.example', 'INBOX', 1, 1, '2026-01-01', now())"""
    )
    mailboxes = [("leads@a.example", "INBOX"), ("leads@b.example", "INBOX")]
    [finding] = watch_answers(database, mailboxes)
    watch_answers(database, mailboxes)
    assert "leads@a.example" in finding.text
    assert alerts(query) == [finding.text]


def test_an_empty_database_raises_nothing(database: Database) -> None:
    assert watch_fill_rates(database) == []
    assert watch_rhythms(database, now=datetime.now(UTC)) == []


def test_the_check_fails_in_dagster_and_the_hot_path_does_not_wait_for_it(
    database_url: str, settings: Settings, query: Query, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEADFLOW_DATABASE_URL", database_url)
    send_hourly(query, "streeteasy", from_hours_ago=800, to_hours_ago=30)
    definitions = build_definitions(settings)
    with dg.DagsterInstance.ephemeral() as instance:
        watch = definitions.resolve_job_def("source_watch").execute_in_process(instance=instance)
        hot = definitions.resolve_job_def("lead_pipeline").execute_in_process(instance=instance)
    assert {check.check_name: check.passed for check in watch.get_asset_check_evaluations()} == {
        "fill_rates_hold": True,
        "no_source_is_silent": False,
        "turns_are_fair": True,
    }
    assert "no_source_is_silent" not in {check.check_name for check in hot.get_asset_check_evaluations()}
