"""What a CRM tells us by webhook, read and judged: somebody called, wrote or moved a person to another stage.

A notice names things by ids; what they are is asked of the CRM later. Forms and signatures: Follow Up Boss by its
documentation (A), that its signature is in hexadecimal digits from public code (B); HubSpot's signature and form by
its documentation (A). What the stages are called is each account's own: the names below are defaults (K).
"""

import base64
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from leadflow_pipeline.domain.errors import PermanentError
from leadflow_pipeline.domain.webhook_sources.signatures import (
    base64_signatures,
    hex_signatures,
    matches_any,
    read_timestamp,
    require_fresh,
)
from leadflow_pipeline.domain.webhook_sources.source import RefusedError, UnreadablePostError

OUTCOMES = ("contacted", "appointment", "won", "lost")
TOUCHED = "touched"  # somebody tried, and nothing has come of it yet
NO_MEANING = "none"
STAGES = {
    "attempted contact": TOUCHED,
    "attempted_to_contact": TOUCHED,
    "in_progress": TOUCHED,
    "contacted": "contacted",
    "connected": "contacted",
    "spoke with customer": "contacted",
    "hot prospect": "contacted",
    "nurture": "contacted",
    "active client": "contacted",
    "appointment set": "appointment",
    "met with customer": "appointment",
    "opportunity": "appointment",
    "open_deal": "appointment",
    "under contract": "appointment",
    "pending": "appointment",
    "closed": "won",
    "sale closed": "won",
    "customer": "won",
    "rejected": "lost",
    "unqualified": "lost",
    "trash": "lost",
}
# Of what kind the resources of an event are.
FOLLOW_UP_BOSS_EVENTS = {
    "peopleStageUpdated": "stage",
    "callsCreated": "call",
    "textMessagesCreated": "text",
    "emailsCreated": "email",
    "appointmentsCreated": "appointment",
}
HUBSPOT_PROPERTIES = {"lifecyclestage": "stage", "hs_lead_status": "stage", "notes_last_contacted": "last_contact"}
_ID = re.compile(r"[A-Za-z0-9-]{1,64}")
_LONGEST_STAGE = 100


@dataclass(frozen=True, kw_only=True)
class CrmNotice:
    """One thing that has happened in the CRM. Holds no personal data."""

    notice_id: str  # the same however often the CRM tells of it
    about: str  # stage, call, text, email, appointment, last_contact
    resource_id: str  # of the person for stage and last_contact, else of the call, text …
    happened_at: datetime
    stage: str | None = None  # the stage's name, where the notice says it


@dataclass(frozen=True, kw_only=True)
class CrmActivity:
    """What a notice comes to, once the CRM was asked."""

    contact_id: str
    happened_at: datetime
    outcome: str | None = None  # contacted, appointment, won, lost
    is_touch: bool = False  # somebody of ours has got, or tried to get, in touch
    user_id: str | None = None  # who, as the CRM calls them; None: not told


def read_follow_up_boss(raw: bytes) -> list[CrmNotice]:
    """The notices of one post: one per resource. Events that mean nothing to us give none."""
    body = _read_json(raw)
    if not isinstance(body, dict) or not isinstance(body.get("event"), str):
        raise UnreadablePostError("A webhook of Follow Up Boss is a JSON object with an event.")
    about = FOLLOW_UP_BOSS_EVENTS.get(body["event"])
    if about is None:
        return []
    event_id, ids, data = body.get("eventId"), body.get("resourceIds"), body.get("data")
    if not _is_id(event_id) or not isinstance(ids, list) or not all(map(_is_id, ids)):
        raise UnreadablePostError("eventId and resourceIds are needed.")
    stage = data.get("stage") if isinstance(data, dict) else None
    return [
        CrmNotice(
            notice_id=f"{event_id}:{resource}",
            about=about,
            resource_id=str(resource),
            happened_at=_read_moment(body.get("eventCreated")),
            stage=stage[:_LONGEST_STAGE] if isinstance(stage, str) and about == "stage" else None,
        )
        for resource in dict.fromkeys(ids)
    ]


def read_hubspot(raw: bytes) -> list[CrmNotice]:
    """The notices of one post, which brings up to a hundred. Other subscriptions and properties give none."""
    body = _read_json(raw)
    if not isinstance(body, list) or not all(isinstance(event, dict) for event in body):
        raise UnreadablePostError("A webhook of HubSpot is a JSON list of events.")
    return list(_hubspot_notices(body))


def _hubspot_notices(events: Iterable[Mapping[str, Any]]) -> Iterator[CrmNotice]:
    for event in events:
        about = HUBSPOT_PROPERTIES.get(str(event.get("propertyName")))
        if event.get("subscriptionType") != "contact.propertyChange" or about is None:
            continue
        event_id, object_id, value = event.get("eventId"), event.get("objectId"), event.get("propertyValue")
        if not _is_id(event_id) or not _is_id(object_id):
            raise UnreadablePostError("eventId and objectId are needed.")
        yield CrmNotice(
            # Whether an eventId alone is unique is not said.
            notice_id=f"{event_id}:{object_id}:{event['propertyName']}",
            about=about,
            resource_id=str(object_id),
            happened_at=_read_milliseconds(event.get("occurredAt")),
            stage=str(value)[:_LONGEST_STAGE] if value and about == "stage" else None,
        )


def require_follow_up_boss(signature: str, raw: bytes, system_keys: Iterable[str]) -> None:
    """Raises `RefusedError` unless the post comes from who knows one of the keys."""
    if not matches_any(signature, hex_signatures(system_keys, base64.b64encode(raw))):
        raise RefusedError("FUB-Signature does not fit the body.")


def require_hubspot(
    signature: str, timestamp: str, raw: bytes, *, address: str, secrets: Iterable[str], now: datetime
) -> None:
    """Raises `RefusedError` unless who sent this to `address`, within five minutes, knows one of the secrets."""
    require_fresh(read_timestamp(timestamp, unit_seconds=0.001), now)
    if not matches_any(signature, base64_signatures(secrets, hubspot_signed_text(address, raw, timestamp))):
        raise RefusedError("X-HubSpot-Signature-v3 does not fit address, body and time.")


def hubspot_signed_text(address: str, raw: bytes, timestamp: str) -> bytes:
    """What HubSpot signs of a post (version 3)."""
    return b"POST" + address.encode() + raw + timestamp.encode("utf-8", "surrogatepass")


def read_stages(text: str) -> dict[str, str]:
    """A brokerage's own names of stages over the usual ones, from `Met buyer=appointment, Attorney=won`.

    Raises `ValueError` that says what is wrong.
    """
    stages = dict(STAGES)
    for part in filter(None, (each.strip() for each in text.split(","))):
        name, _, meaning = (each.strip() for each in part.rpartition("="))
        if not name or meaning not in (*OUTCOMES, TOUCHED, NO_MEANING):
            raise ValueError(
                f"{part!r} must be like Met buyer=appointment; the other meanings: {', '.join(OUTCOMES)},"
                f" {TOUCHED}, {NO_MEANING}"
            )
        stages[name.casefold()] = meaning
    return stages


def judge_stage(notice: CrmNotice, stage: str, stages: Mapping[str, str]) -> CrmActivity | None:
    """What a person's new stage says; None for one that says nothing, as that of a new lead."""
    meaning = stages.get(stage.strip().casefold(), NO_MEANING)
    if meaning == NO_MEANING:
        return None
    return CrmActivity(
        contact_id=notice.resource_id,
        happened_at=notice.happened_at,
        outcome=meaning if meaning in OUTCOMES else None,
        is_touch=True,
    )


def as_payload(notice: CrmNotice) -> dict[str, str | None]:
    """A notice as it waits in the outbox."""
    return {
        "notice_id": notice.notice_id,
        "about": notice.about,
        "resource_id": notice.resource_id,
        "happened_at": notice.happened_at.isoformat(),
        "stage": notice.stage,
    }


def read_payload(payload: Mapping[str, Any]) -> CrmNotice:
    """The notice again. Raises `PermanentError` for what is none."""
    try:
        return CrmNotice(**{**payload, "happened_at": datetime.fromisoformat(payload["happened_at"])})
    except (TypeError, KeyError, ValueError) as error:
        raise PermanentError("The notice in the outbox cannot be read.") from error


def _read_json(raw: bytes) -> Any:
    try:
        return json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise UnreadablePostError("The body is no JSON.") from error


def _is_id(value: object) -> bool:
    return isinstance(value, str | int) and not isinstance(value, bool) and _ID.fullmatch(str(value)) is not None


def _read_moment(text: object) -> datetime:
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError as error:
        raise UnreadablePostError("eventCreated is no time.") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _read_milliseconds(value: object) -> datetime:
    try:
        return datetime.fromtimestamp(int(str(value)) / 1000, UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise UnreadablePostError("occurredAt is no time in milliseconds.") from error
