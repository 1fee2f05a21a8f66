"""What CRMs tell by webhook: read, proved, judged. Forms as their documents show them, invented ids."""

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from leadflow_pipeline.domain.crm_notices import (
    CrmNotice,
    as_payload,
    judge_stage,
    read_follow_up_boss,
    read_hubspot,
    read_payload,
    read_stages,
    require_follow_up_boss,
    require_hubspot,
)
from leadflow_pipeline.domain.errors import PermanentError
from leadflow_pipeline.domain.webhook_sources.source import RefusedError, UnreadablePostError

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
FOLLOW_UP_BOSS: dict[str, Any] = {
    "eventId": "152d60c0-79ca-4f7c-9e2c-1a2b3c4d5e6f",
    "eventCreated": "2026-11-24T12:00:00+00:00",
    "event": "peopleStageUpdated",
    "resourceIds": [1234, 1235],
    "uri": "https://api.followupboss.com/v1/people?id=1234,1235",
    "data": {"stage": "Appointment set"},
}
HUBSPOT: dict[str, Any] = {
    "eventId": 3816279340,
    "subscriptionId": 25,
    "portalId": 33,
    "appId": 1160452,
    "occurredAt": 1795521600000,
    "subscriptionType": "contact.propertyChange",
    "attemptNumber": 0,
    "objectId": 1246965,
    "propertyName": "lifecyclestage",
    "propertyValue": "customer",
    "changeSource": "CRM_UI",
}


def raw(body: object) -> bytes:
    return json.dumps(body).encode()


def test_a_stage_of_follow_up_boss_is_a_notice_for_each_person() -> None:
    one, other = read_follow_up_boss(raw(FOLLOW_UP_BOSS))
    assert one == CrmNotice(
        notice_id="152d60c0-79ca-4f7c-9e2c-1a2b3c4d5e6f:1234",
        about="stage",
        resource_id="1234",
        happened_at=NOON,
        stage="Appointment set",
    )
    assert other.resource_id == "1235"


def test_a_property_of_hubspot_is_a_notice() -> None:
    [notice] = read_hubspot(raw([HUBSPOT, {**HUBSPOT, "propertyName": "city"}]))
    assert (notice.about, notice.resource_id, notice.stage) == ("stage", "1246965", "customer")
    assert notice.happened_at == NOON


def test_a_notice_told_again_has_the_same_id() -> None:
    [first] = read_hubspot(raw([HUBSPOT]))
    [again] = read_hubspot(raw([{**HUBSPOT, "attemptNumber": 1}]))
    assert first == again


@pytest.mark.parametrize("body", [{**FOLLOW_UP_BOSS, "event": "peopleTagsCreated"}, {"event": "new ones to come"}])
def test_events_that_mean_nothing_to_us_are_none(body: object) -> None:
    assert read_follow_up_boss(raw(body)) == []


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"[" * 100_000, id="nested without end"),
        pytest.param(b"\xff\xfe", id="no text"),
        pytest.param(raw("words"), id="a word"),
        pytest.param(raw({**FOLLOW_UP_BOSS, "eventId": None}), id="without an id"),
        pytest.param(raw({**FOLLOW_UP_BOSS, "resourceIds": "1234"}), id="ids that are no list"),
        pytest.param(raw({**FOLLOW_UP_BOSS, "resourceIds": [{"id": 1}]}), id="ids that are no ids"),
        pytest.param(raw({**FOLLOW_UP_BOSS, "resourceIds": ["../users"]}), id="an id that is a path"),
        pytest.param(raw({**FOLLOW_UP_BOSS, "eventCreated": "yesterday"}), id="a time that is none"),
    ],
)
def test_what_follow_up_boss_would_not_send_cannot_be_read(body: bytes) -> None:
    with pytest.raises(UnreadablePostError):
        read_follow_up_boss(body)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"{}", id="an object"),
        pytest.param(raw([1]), id="a list of numbers"),
        pytest.param(raw([{**HUBSPOT, "objectId": "1/2"}]), id="an id that is a path"),
        pytest.param(raw([{**HUBSPOT, "occurredAt": 10**30}]), id="a time beyond all clocks"),
    ],
)
def test_what_hubspot_would_not_send_cannot_be_read(body: bytes) -> None:
    with pytest.raises(UnreadablePostError):
        read_hubspot(body)


def test_follow_up_boss_signs_the_body_in_base64_with_the_system_key() -> None:
    body = raw(FOLLOW_UP_BOSS)
    signature = hmac.new(b"key", base64.b64encode(body), hashlib.sha256).hexdigest()
    require_follow_up_boss(signature, body, ["old key", "key"])
    for wrong in ("", "é", signature[:-1], signature.upper()):
        with pytest.raises(RefusedError):
            require_follow_up_boss(wrong, body, ["key"])
    with pytest.raises(RefusedError):
        require_follow_up_boss(signature, body + b" ", ["key"])


def test_hubspot_signs_method_address_body_and_time_with_the_client_secret() -> None:
    address, body, sent_at = "https://leads.example/crm/hubspot", raw([HUBSPOT]), "1795521600000"
    digest = hmac.new(b"secret", b"POST" + address.encode() + body + sent_at.encode(), hashlib.sha256).digest()
    signature = base64.b64encode(digest).decode()
    require_hubspot(signature, sent_at, body, address=address, secrets=["secret"], now=NOON)
    for change in (
        {"address": "https://other.example/crm/hubspot"},
        {"secrets": ["another"]},
        {"now": NOON + timedelta(minutes=6)},
    ):
        given: dict[str, Any] = {"address": address, "secrets": ["secret"], "now": NOON, **change}
        with pytest.raises(RefusedError):
            require_hubspot(signature, sent_at, body, **given)
    with pytest.raises(RefusedError):
        require_hubspot(signature, "no time", body, address=address, secrets=["secret"], now=NOON)


@pytest.mark.parametrize(
    ("stage", "outcome", "is_touch"),
    [
        ("Appointment set", "appointment", True),
        ("  closed ", "won", True),
        ("ATTEMPTED_TO_CONTACT", None, True),
        ("Trash", "lost", True),
        ("Met buyer", "appointment", True),
    ],
)
def test_what_a_stage_says(stage: str, outcome: str | None, is_touch: bool) -> None:
    [notice, _] = read_follow_up_boss(raw(FOLLOW_UP_BOSS))
    activity = judge_stage(notice, stage, read_stages("Met buyer = appointment, Nurture=none"))
    assert activity is not None
    assert (activity.contact_id, activity.outcome, activity.is_touch) == ("1234", outcome, is_touch)


@pytest.mark.parametrize("stage", ["Lead", "Nurture", "a stage of their own", ""])
def test_stages_that_say_nothing(stage: str) -> None:
    [notice, _] = read_follow_up_boss(raw(FOLLOW_UP_BOSS))
    assert judge_stage(notice, stage, read_stages("Nurture=none")) is None


@pytest.mark.parametrize("text", ["Met buyer", "Met buyer=happy", "=won"])
def test_a_slip_in_the_names_of_stages_is_told(text: str) -> None:
    with pytest.raises(ValueError, match="must be like"):
        read_stages(text)


def test_a_notice_comes_out_of_the_outbox_as_it_went_in() -> None:
    for notice in read_follow_up_boss(raw(FOLLOW_UP_BOSS)):
        assert read_payload(json.loads(json.dumps(as_payload(notice)))) == notice
    with pytest.raises(PermanentError):
        read_payload({"about": "stage"})
