"""What is worth an alert, and how it reads."""

from datetime import UTC, datetime, time, timedelta

import pytest

from leadflow_pipeline.domain.alerts import (
    KINDS,
    Alert,
    Condition,
    describe_alert,
    judge_daemon,
    judge_disk,
    judge_oldest_lead,
    judge_tick,
)
from leadflow_pipeline.domain.replays import advise, find_opening
from leadflow_pipeline.settings import CHECKOUT

NOW = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)


def test_every_kind_of_alert_has_its_page_and_every_page_its_kind() -> None:
    pages = {page.stem for page in (CHECKOUT / "docs" / "runbook").glob("*.md")}
    assert pages == KINDS


def test_a_kind_without_a_page_is_refused() -> None:
    with pytest.raises(ValueError, match="docs/runbook"):
        Condition(cause="x", kind="surprise", text="x")


@pytest.mark.parametrize(
    ("statuses", "text"),
    [
        ([], None),
        (["SUCCESS", "FAILURE"], None),
        (["SKIPPED", "FAILURE", "FAILURE"], None),
        (["FAILURE", "SUCCESS"], "imap failed: away"),
        (["FAILURE"] * 3 + ["SKIPPED"], "imap failed 3 times in a row: away"),
        (["FAILURE"] * 30, "imap failed at least 30 times in a row: away"),
    ],
)
def test_a_sensor_fails_as_long_as_its_latest_ticks_do(statuses: list[str], text: str | None) -> None:
    assert [found.text for found in judge_tick("imap", statuses, "away")] == ([text] if text else [])


@pytest.mark.parametrize(("free", "total", "alarms"), [(50, 100, 0), (4, 100, 1), (0.9, 10, 1), (60, 2000, 1)])
def test_a_disk_is_nearly_full_below_five_percent_or_a_gigabyte(free: float, total: float, alarms: int) -> None:
    assert len(judge_disk(int(free * 1e9), int(total * 1e9))) == alarms


def test_what_is_within_its_limit_worries_nobody() -> None:
    assert judge_oldest_lead(None, 0) == judge_oldest_lead(60.0, 0) == judge_daemon(None) == judge_daemon(90.0) == []


def test_an_alert_that_is_over_says_how_long_it_lasted() -> None:
    alert = Alert(
        kind="full_disk", text="a < b & c", count=1, first_seen_at=NOW, resolved_at=NOW + timedelta(minutes=12),
        run_url=None, runbook="docs/runbook/full_disk.md",
    )  # fmt: skip
    assert describe_alert(alert) == (
        ":white_check_mark: Over after 12 min: a &lt; b &amp; c\nWhat to do: docs/runbook/full_disk.md"
    )


@pytest.mark.parametrize(
    ("now", "opening"),
    [
        ("00:10", "24 08:00"),
        ("07:59", "24 08:00"),
        ("08:00", None),
        ("19:59", None),
        ("20:00", "25 08:00"),
        ("23:30", "25 08:00"),
    ],
)
def test_old_leads_wait_for_the_office_to_open(now: str, opening: str | None) -> None:
    moment = datetime.fromisoformat(f"2026-11-24T{now}:00+00:00")
    found = find_opening(moment, time(8), time(20))
    assert (found and f"{found:%d %H:%M}") == opening


@pytest.mark.parametrize(
    ("stage", "reason", "says"),
    [
        ("landed_mails", "cannot be had", "asked again by itself"),
        ("staged_leads", "layout of zillow changed: phone not found", "rules test"),
        ("staged_leads", "given up after 5 tries that did not finish", "took its worker down"),
        ("normalized_leads", "normalizing it failed with KeyError; a fault in leadflow, not in the lead", "Report it"),
        ("staged_leads", "no way to reach the person", "quarantine show"),
    ],
)
def test_each_reason_comes_with_something_to_do(stage: str, reason: str, says: str) -> None:
    assert says in advise(stage, reason)
