"""Claims a batch of events and reads each into a lead, a reason to ignore it, or a reason to quarantine it.

What a mail or a form says is decided in `domain`. One bad event never stops the others, and none holds them up.
"""

import hashlib
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

from leadflow_pipeline.domain.errors import PermanentError, StoppedError, TransientError
from leadflow_pipeline.domain.mail_leads import is_healed
from leadflow_pipeline.domain.mail_outcomes import judge_mail
from leadflow_pipeline.domain.mail_rules import MailRule
from leadflow_pipeline.domain.mail_trust import NOBODY, OurMail
from leadflow_pipeline.domain.staged_leads import StagedLead
from leadflow_pipeline.domain.webhook_sources.payloads import JSON_TYPE
from leadflow_pipeline.domain.webhook_sources.registry import SOURCES
from leadflow_pipeline.domain.webhook_sources.source import UnreadablePostError
from leadflow_pipeline.stages.batches import PATIENCE_SECONDS, BatchLimits
from leadflow_pipeline.stages.contacts import Contact, ContactSource, fetch_contacts
from leadflow_pipeline.stages.isolation import write_without_culprits
from leadflow_pipeline.stages.posts import PostIdentity
from leadflow_pipeline.stages.store import Store, StoreTransaction, as_json_rows

# An event that was claimed this often and never settled takes its worker down; it waits for a person.
MAX_ATTEMPTS = 5
# The share of its lease that a batch may spend on reading; what is not read by then goes back, for the next run.
READING_SHARE = 1 / 3


@dataclass(frozen=True, kw_only=True)
class EventOutcome:
    """What became of one event."""

    event_id: int
    status: str  # staged, ignored, quarantined, or pending: to be tried again later
    source: str
    reason: str | None = None
    rule: str | None = None
    rule_version: int | None = None
    lead: StagedLead | None = None
    parts: tuple[bytes, ...] = ()  # become events of their own


class WorkThrough(Protocol):
    """Like `map`; an item that takes too long comes out as a `StoppedError`. See `adapters.watched_process`."""

    def __call__(
        self, function: Callable[[Mapping[str, Any]], EventOutcome], items: Sequence[Mapping[str, Any]], /
    ) -> Iterable[EventOutcome | StoppedError]: ...


@dataclass(frozen=True, kw_only=True)
class StagedCounts:
    """What a batch came to."""

    claimed: int
    staged: int
    ignored: int
    quarantined: int
    returned: int  # not read in time, left to the next run
    healed: int  # leads with a field whose label had drifted; `leadflow rules suggest` lists the labels
    postponed: int  # their vendor could not tell who they are; tried again later
    read_seconds: float


def stage_leads(
    store: Store,
    *,
    batch_id: uuid.UUID,
    rules: Sequence[MailRule],
    limits: BatchLimits,
    contact_sources: Mapping[str, ContactSource] | None = None,
    ours: OurMail = NOBODY,
    work_through: WorkThrough = map,
) -> StagedCounts:
    """Claim up to a batch of open events and stage them; `work_through` bounds the time that one may take.

    The claim is committed before anything is read, so that a worker that dies leaves its mark on the
    event it died of. A second call with the same batch goes over the same events.
    """
    with store.transaction() as transaction:
        transaction.execute("wait_for_turn")
        transaction.execute("end_wait_for_run", patience_seconds=PATIENCE_SECONDS)
        events = transaction.rows(
            "claim_batch",
            batch_id=batch_id,
            batch_size=limits.batch_size,
            lease_seconds=limits.lease_seconds,
        )
    contacts = fetch_contacts(store, batch_id, events, contact_sources or {})
    started = time.perf_counter()
    outcomes: list[EventOutcome] = []
    for found in work_through(partial(judge_event, rules=rules, ours=ours, contacts=contacts), events):
        event = events[len(outcomes)]
        outcomes.append(_stopped(event, found) if isinstance(found, StoppedError) else found)
        if time.perf_counter() - started > limits.lease_seconds * READING_SHARE:
            break
    read_seconds = time.perf_counter() - started
    unread = events[len(outcomes) :]
    outcomes = _write_isolating(store, batch_id, outcomes)
    if unread:
        with store.transaction() as transaction:
            transaction.execute("return_events", batch_id=batch_id, event_ids=[event["event_id"] for event in unread])
            transaction.execute("announce_landing")
    counts = Counter(outcome.status for outcome in outcomes)
    return StagedCounts(
        claimed=len(events),
        staged=counts["staged"],
        ignored=counts["ignored"],
        quarantined=counts["quarantined"],
        postponed=counts["pending"],
        returned=len(unread),
        healed=sum(outcome.lead is not None and is_healed(outcome.lead) for outcome in outcomes),
        read_seconds=read_seconds,
    )


def judge_event(
    event: Mapping[str, Any],
    *,
    rules: Sequence[MailRule],
    ours: OurMail = NOBODY,
    contacts: Mapping[int, Contact] | None = None,
) -> EventOutcome:
    """What an event comes to, with what was fetched for it. Never raises: what cannot be judged is quarantined."""
    if event["attempts"] > MAX_ATTEMPTS:
        return _quarantined(
            event, f"given up after {MAX_ATTEMPTS} tries that did not finish; replay it once the cause is mended"
        )
    try:
        if event["channel"] == "email":
            return _judge_mail(event, rules, ours)
        return _judge_form(event, (contacts or {}).get(event["event_id"]))
    except Exception as error:  # noqa: BLE001 - one bad event must not stop the batch; the reason keeps its kind
        return _quarantined(
            event, f"reading it failed with {type(error).__name__}; a fault in leadflow, not in the lead"
        )


def _stopped(event: Mapping[str, Any], error: StoppedError) -> EventOutcome:
    return _quarantined(event, f"reading it {error}; it was stopped so that other leads do not wait")


def _judge_mail(event: Mapping[str, Any], rules: Sequence[MailRule], ours: OurMail) -> EventOutcome:
    outcome = judge_mail(bytes(event["raw"]), rules, ours=ours)
    return EventOutcome(
        event_id=event["event_id"],
        status="staged" if outcome.outcome == "lead" else outcome.outcome,
        source=outcome.source or event["source"],
        reason=outcome.reason,
        rule=outcome.rule,
        rule_version=outcome.rule_version,
        lead=outcome.lead,
    )


def _judge_form(event: Mapping[str, Any], contact: Contact | None) -> EventOutcome:
    source = SOURCES.get(event["source"])
    if source is None:
        return _quarantined(event, f"no webhook source is called {event['source']}")
    try:
        reading = source.read(bytes(event["raw"]), event["content_type"])
        if reading.contact_id is not None and source.read_contact is not None:
            if isinstance(contact, TransientError):
                return EventOutcome(
                    event_id=event["event_id"], status="pending", source=event["source"], reason=str(contact)
                )
            if isinstance(contact, PermanentError):
                return _quarantined(event, str(contact))
            assert contact is not None
            reading = source.read_contact(bytes(event["raw"]), contact)
    except UnreadablePostError as error:
        return _quarantined(event, str(error))
    if reading.ignored is not None:
        return EventOutcome(
            event_id=event["event_id"], status="ignored", source=event["source"], reason=reading.ignored
        )
    if reading.problems:
        return _quarantined(event, "; ".join(reading.problems))
    if reading.parts:
        return EventOutcome(
            event_id=event["event_id"],
            status="ignored",
            source=event["source"],
            reason=f"{len(reading.parts)} leads in one post; each is an event of its own",
            parts=reading.parts,
        )
    return EventOutcome(
        event_id=event["event_id"],
        status="staged",
        source=event["source"],
        rule=source.rule,
        rule_version=source.rule_version,
        lead=reading.lead,
    )


def _quarantined(event: Mapping[str, Any], reason: str) -> EventOutcome:
    return EventOutcome(event_id=event["event_id"], status="quarantined", source=event["source"], reason=reason)


def _write_isolating(store: Store, batch_id: uuid.UUID, outcomes: Sequence[EventOutcome]) -> list[EventOutcome]:
    """Write all outcomes; those whose lead no table can hold become quarantined ones. Gives what was written."""
    refused = write_without_culprits(outcomes, partial(_write, store, batch_id))
    reasons = {outcome.event_id: reason for outcome, reason in refused}
    if reasons:
        _write(store, batch_id, [_quarantined(vars(outcome), reason) for outcome, reason in refused])
    return [
        _quarantined(vars(outcome), reasons[outcome.event_id]) if outcome.event_id in reasons else outcome
        for outcome in outcomes
    ]


def _write(store: Store, batch_id: uuid.UUID, outcomes: Sequence[EventOutcome]) -> None:
    """Leads, the events' fate and the record of both, in one transaction."""
    leads = [
        {
            "event_id": outcome.event_id,
            "source": outcome.source,
            "rule": outcome.rule,
            "rule_version": outcome.rule_version,
            **vars(outcome.lead),
        }
        for outcome in outcomes
        if outcome.lead is not None and outcome.status == "staged"
    ]
    with store.transaction() as transaction:
        written = transaction.rows("write_staged_leads", batch_id=batch_id, rows=as_json_rows(leads))
        lead_ids = {row["event_id"]: row["lead_id"] for row in written}
        _land_parts(transaction, batch_id, outcomes)
        transaction.execute(
            "settle_events",
            batch_id=batch_id,
            rows=as_json_rows(
                {
                    "event_id": outcome.event_id,
                    "status": outcome.status,
                    "reason": outcome.reason,
                    "source": outcome.source,
                    "rule": outcome.rule,
                }
                for outcome in outcomes
            ),
        )
        transaction.execute(
            "write_lead_events",
            batch_id=batch_id,
            rows=as_json_rows(
                {
                    "event_id": outcome.event_id,
                    "lead_id": lead_ids.get(outcome.event_id),
                    "kind": outcome.status,
                    "detail": _describe(outcome),
                }
                for outcome in outcomes
                if outcome.status != "pending"
            ),
        )


def _land_parts(transaction: StoreTransaction, batch_id: uuid.UUID, outcomes: Sequence[EventOutcome]) -> None:
    """Make events of the leads that came in one post; each is filed as if it had come alone."""
    parts = [
        {"event_id": outcome.event_id, "external_id": _identify(outcome.source, part), "raw": part.decode()}
        for outcome in outcomes
        for part in outcome.parts
    ]
    if parts:
        transaction.execute("land_parts", batch_id=batch_id, rows=as_json_rows(parts))
        transaction.execute("announce_landing")


def _identify(source: str, part: bytes) -> str:
    vendor_id = SOURCES[source].read(part, JSON_TYPE).vendor_id
    return PostIdentity(vendor_id=vendor_id).external_id(hashlib.sha256(part).hexdigest())


def _describe(outcome: EventOutcome) -> dict[str, Any]:
    if outcome.lead is None:
        return {"reason": outcome.reason, "source": outcome.source}
    return {
        "source": outcome.source,
        "rule": outcome.rule,
        "rule_version": outcome.rule_version,
        "origins": dict(outcome.lead.origins),
        "forgery": "suspected" if outcome.lead.extra.get("suspected_forgery") is True else None,
    }
