"""What a lead's place causes, at which hour, and under which key."""

from datetime import UTC, datetime
from typing import Any

import pytest

from leadflow_pipeline.domain.errors import PermanentError
from leadflow_pipeline.domain.lead_effects import Channels, PlacedLead, effects_of_lead
from leadflow_pipeline.domain.quiet_hours import end_of_quiet, read_quiet_hours, read_time_zone

NOON = datetime(2026, 11, 24, 18, 0, tzinfo=UTC)  # in Chicago
NIGHT = datetime(2026, 11, 25, 5, 30, tzinfo=UTC)  # half past 23 in Chicago
EVERYTHING = Channels(crm=True, sms=True, slack=True, time_zone="America/Chicago")


def placed(**facts: Any) -> PlacedLead:
    return PlacedLead(**{"lead_id": 7, "agent_id": "ana", "turn": 0, "has_phone": True, "has_slack": True, **facts})


def kinds(lead: PlacedLead, channels: Channels = EVERYTHING) -> list[str]:
    return [effect.kind for effect in effects_of_lead(lead, channels, NOON)]


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({}, ["crm_contact", "crm_owner", "crm_note", "crm_task", "sms", "slack_message"]),
        ({"notify_by": ["sms"]}, ["crm_contact", "crm_owner", "crm_note", "crm_task", "sms"]),
        ({"notify_by": []}, ["crm_contact", "crm_owner", "crm_note", "crm_task"]),
        ({"has_phone": False, "has_slack": False}, ["crm_contact", "crm_owner", "crm_note", "crm_task"]),
        ({"agent_id": None}, ["crm_contact"]),
        ({"has_facts": True, "agent_id": None}, ["crm_contact", "crm_facts"]),
    ],
)
def test_a_place_causes_what_the_agent_wants_and_can_get(facts: dict[str, Any], expected: list[str]) -> None:
    assert kinds(placed(**facts)) == expected


def test_nothing_is_caused_through_channels_that_are_not_configured() -> None:
    assert kinds(placed(), Channels()) == []
    assert kinds(placed(), Channels(sms=True)) == ["sms"]


def test_another_agent_causes_only_what_is_new_for_that_agent() -> None:
    first = {effect.idempotency_key for effect in effects_of_lead(placed(), EVERYTHING, NOON)}
    second = {effect.idempotency_key for effect in effects_of_lead(placed(agent_id="ben", turn=1), EVERYTHING, NOON)}
    assert second - first == {"crm_owner:7:1:ben", "sms:7:1:ben", "slack_message:7:1:ben"}
    back = {effect.idempotency_key for effect in effects_of_lead(placed(turn=2), EVERYTHING, NOON)}
    assert back - first - second == {"crm_owner:7:2:ana", "sms:7:2:ana", "slack_message:7:2:ana"}


def test_the_crm_is_told_of_the_person_before_anything_about_the_person() -> None:
    effects = effects_of_lead(placed(), EVERYTHING, NOON)
    assert {effect.after_key for effect in effects if effect.kind.startswith("crm_")} == {None, "crm_contact:7"}


@pytest.mark.parametrize(
    ("now", "quiet", "zone", "due_at"),
    [
        (NOON, "21:00-07:00", None, None),
        (NIGHT, "21:00-07:00", None, datetime(2026, 11, 25, 13, 0, tzinfo=UTC)),
        (NIGHT, None, None, None),
        (NIGHT, "21:00-07:00", "Pacific/Honolulu", None),
        (NOON, "11:00-13:30", None, datetime(2026, 11, 24, 19, 30, tzinfo=UTC)),
        (NIGHT, "21:00-07:00", "Not/AZone", datetime(2026, 11, 25, 13, 0, tzinfo=UTC)),
    ],
)
def test_messages_wait_for_the_end_of_quiet_hours_and_the_crm_does_not(
    now: datetime, quiet: str | None, zone: str | None, due_at: datetime | None
) -> None:
    effects = effects_of_lead(placed(quiet_hours=quiet, time_zone=zone), EVERYTHING, now)
    assert {effect.due_at for effect in effects if effect.kind in ("sms", "slack_message")} == {due_at}
    assert {effect.due_at for effect in effects if effect.kind.startswith("crm_")} == {None}


@pytest.mark.parametrize("text", ["21-7", "21:00", "25:00-07:00", "always", "21:00-07:60"])
def test_quiet_hours_of_another_form_are_refused(text: str) -> None:
    with pytest.raises(PermanentError, match=r"21:00-07:00"):
        read_quiet_hours(text)


def test_quiet_hours_that_the_change_of_time_cuts_end_after_it() -> None:
    """On 8 March 2026 there is no half past two in Chicago."""
    zone = read_time_zone("America/Chicago", "UTC")
    before = datetime(2026, 3, 8, 7, 0, tzinfo=UTC)  # 1 o'clock
    ended = end_of_quiet(before, zone, read_quiet_hours("00:00-02:30"))
    assert before < ended <= datetime(2026, 3, 8, 8, 30, tzinfo=UTC)
