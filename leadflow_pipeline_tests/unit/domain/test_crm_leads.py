"""What a CRM is told: when the follow-up is due, what names a lead, whose address it is that a geocoder has found."""

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from leadflow_pipeline.domain.crm_leads import (
    CrmAddress,
    describe_facts,
    holds_reference,
    late_reference,
    lead_reference,
    write_task,
)
from leadflow_pipeline.domain.quiet_hours import read_quiet_hours
from leadflow_pipeline.domain.routing.working_hours import read_schedule

AUSTIN = ZoneInfo("America/Chicago")
LEAD: dict[str, Any] = {"lead_id": 17, "full_name": "Rosa Quintero", "phone_e164": "+15125550142"}
HOME: dict[str, Any] = {
    "address": "4 Elm Court, Austin, TX 78704",
    "street": "4 Elm Court",
    "unit": None,
    "city": "Austin",
    "state": "TX",
    "zip": "78704",
    "property_address": "12 Oak Street",
    "property_city": "Austin",
    "property_state": "TX",
    "property_zip": "78701",
    "address_verified": True,
    "company": None,
    "job_title": None,
}


@pytest.mark.parametrize(
    ("now", "hours", "quiet", "due"),
    [
        pytest.param("2026-11-24 10:00", "Mon-Fri 09:00-17:00", None, "2026-11-24 10:15", id="at work"),
        pytest.param("2026-11-24 16:50", "Mon-Fri 09:00-17:00", None, "2026-11-25 09:05", id="at the end of the day"),
        pytest.param("2026-11-28 12:00", "Mon-Fri 09:00-17:00", None, "2026-11-30 09:15", id="at the weekend"),
        pytest.param("2026-11-24 23:00", "", "21:00-07:00", "2026-11-25 07:15", id="in quiet hours"),
        pytest.param("2026-11-24 08:30", "Mon-Fri 08:00-17:00", "21:00-09:00", "2026-11-24 09:15", id="at work, quiet"),
        pytest.param("2026-11-24 10:00", "", None, "2026-11-24 10:15", id="without hours"),
    ],
)
def test_a_task_is_due_in_the_agent_s_next_minutes_of_work(now: str, hours: str, quiet: str | None, due: str) -> None:
    moment = datetime.fromisoformat(now).replace(tzinfo=AUSTIN).astimezone(UTC)
    schedule = read_schedule("America/Chicago", hours, "")
    task = write_task(LEAD, moment, AUSTIN, read_quiet_hours(quiet), schedule)
    assert f"{task.due_at:%Y-%m-%d %H:%M}" == due


def test_a_reference_names_one_lead_and_one_note() -> None:
    assert holds_reference("Call Rosa (leadflow lead 17)", lead_reference(17))
    assert not holds_reference("leadflow lead 170", lead_reference(17))
    assert not holds_reference(late_reference(17, ["google"]), lead_reference(17))
    assert not holds_reference(late_reference(17, ["google", "pdl"]), late_reference(17, ["google"]))


def test_the_address_in_the_contact_is_the_person_s_own() -> None:
    assert describe_facts(HOME).address == CrmAddress(street="4 Elm Court", city="Austin", state="TX", zip="78704")
    assert describe_facts({**HOME, "address_verified": False}).address is None
    asked_for_the_property = {**HOME, "address": "Austin, TX", "street": None}
    assert describe_facts(asked_for_the_property).address is None
