"""What the vendors' stand-ins hold of each effect, by their own logs of calls, against what the outbox believes.

An effect was carried out when the vendor answered its call, whoever heard the answer. A call that the control plane
refused, limited or failed was not carried out.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import requests

from leadflow_pipeline.domain.slack_cards import CARD_EVENT, TOUCH_ACTION
from leadflow_pipeline_tests.end_to_end.test_stack import RunningStack

REFERENCE = re.compile(r"leadflow lead (\d+)\b")
LINK = re.compile(r"/l/(\d+)-")
COUNTED = ("crm_contact", "crm_note", "crm_task", "sms", "slack_card", "slack_message")
# Of a vendor's answers these mean that it has acted; one that hangs acts first.
ACTED = ("answer", "hang")

# (kind, lead): how often
Effects = Counter[tuple[str, int]]


@dataclass(frozen=True, kw_only=True)
class EffectCount:
    """One kind of effect: how many are sent by the outbox, and how many of all are not so at the vendor's."""

    kind: str
    sent: int
    missing: int  # sent, and not there
    twice: int
    waiting: int  # not sent yet


def count_effects(stack: RunningStack) -> list[EffectCount]:
    """Hold the outbox against the stand-ins."""
    rows = stack.query(
        "select kind, lead_id, count(*) filter (where status = 'sent' and vendor_reference is not null), count(*),"
        " count(*) filter (where status = 'pending')"
        " from delivery.outbox where kind = any(%s) and idempotency_key !~ ':(enriched|again)' and coalesce("
        " payload ->> 'about', 'assigned') = 'assigned' group by kind, lead_id",
        list(COUNTED),
    )
    at_vendors = read_vendors(stack)
    counts = []
    for kind in COUNTED:
        mine = [row for row in rows if row[0] == kind]
        wanted = {lead_id: total for _, lead_id, _, total, _ in mine}
        counts.append(
            EffectCount(
                kind=kind,
                sent=sum(sent for _, _, sent, _, _ in mine),
                missing=sum(max(0, sent - at_vendors[kind, lead_id]) for _, lead_id, sent, _, _ in mine),
                twice=sum(
                    max(0, times - wanted.get(lead_id, 0))
                    for (found, lead_id), times in at_vendors.items()
                    if found == kind
                ),
                waiting=sum(pending for *_, pending in mine),
            )
        )
    return counts


def read_vendors(stack: RunningStack) -> Effects:
    """What the stand-ins were asked to do, and did."""
    found: Effects = Counter()
    for vendor, read in (("followupboss", _in_crm), ("twilio", _in_texts), ("slack", _in_slack)):
        url = f"http://127.0.0.1:{stack.environment['LEADFLOW_SANDBOX_PORT']}/_calls/{vendor}"
        calls = requests.get(url, timeout=120).json()
        found.update(read(call for call in calls if _has_acted(call)))
    return found


def _has_acted(call: Mapping[str, Any]) -> bool:
    """`status` is what was answered, also to a client that had gone."""
    return call["method"] == "POST" and call["verdict"] in ACTED and (call["status"] or 500) < 300


def _in_crm(calls: Iterable[Mapping[str, Any]]) -> Iterable[tuple[str, int]]:
    kinds = {"/v1/events": "crm_contact", "/v1/notes": "crm_note", "/v1/tasks": "crm_task"}
    for call in calls:
        kind = kinds.get(call["path"])
        text = " ".join(str(call["body"].get(name) or "") for name in ("description", "body", "name"))
        if kind and (named := REFERENCE.findall(text)):
            yield kind, int(named[-1])


def _in_texts(calls: Iterable[Mapping[str, Any]]) -> Iterable[tuple[str, int]]:
    for call in calls:
        if named := LINK.search(str(call["body"].get("Body"))):
            yield "sms", int(named[1])


def _in_slack(calls: Iterable[Mapping[str, Any]]) -> Iterable[tuple[str, int]]:
    for call in calls:
        if not call["path"].endswith("/chat.postMessage"):
            continue
        metadata = call["body"].get("metadata") or {}
        if metadata.get("event_type") == CARD_EVENT:
            yield "slack_card", int(metadata["event_payload"]["lead_id"])
        for block in call["body"].get("blocks") or ():
            for element in block.get("elements", ()):
                if element.get("action_id") == TOUCH_ACTION:
                    yield "slack_message", int(element["value"])
