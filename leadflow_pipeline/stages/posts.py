"""Lands a post: stores what the receiver was sent, once per identity. Reading it is the work of `staged_leads`.

A newer version of a lead that is here already takes the place of its event, so that the lead is read anew and
stays one; the bytes of the version before are kept beside it.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from leadflow_pipeline.stages.store import Store, StoreTransaction

ID_LIMIT = 500


@dataclass(frozen=True, kw_only=True)
class LandedPost:
    """Where a post is."""

    event_id: int
    is_new: bool  # False: this post had arrived before


@dataclass(frozen=True, kw_only=True)
class PostIdentity:
    """What makes two posts the same: the first of these that is known, or else their bytes."""

    vendor_id: str | None = None
    idempotency_key: str | None = None
    webhook_id: str | None = None
    replaces: bool = False  # a newer version of what has this identity, not a repeat

    def external_id(self, content_hash: str) -> str:
        """The identity as text; the prefix keeps one kind from passing for another."""
        if self.vendor_id:
            return _short("id", self.vendor_id)
        if self.idempotency_key:
            return _short("key", self.idempotency_key)
        if self.webhook_id:
            return _short("webhook-id", self.webhook_id)
        return f"sha256:{content_hash}"


def land_post(
    store: Store,
    *,
    source: str,
    raw: bytes,
    content_type: str,
    identity: PostIdentity,
    headers: Mapping[str, str],
    received_at: datetime,
) -> LandedPost:
    """Store a post and commit; the same post again gives the first one's event."""
    content_hash = hashlib.sha256(raw).hexdigest()
    external_id = identity.external_id(content_hash)
    arrived = {
        "content_type": content_type,
        "headers": json.dumps(dict(headers)),
        "raw": raw,
        "content_hash": content_hash,
    }
    with store.transaction() as transaction:
        row = transaction.row(
            "land_event",
            channel="webhook",
            source=source,
            external_id=external_id,
            received_at=received_at,
            **arrived,
        )
        if row is not None:
            transaction.execute("announce_landing")
            return LandedPost(event_id=row["event_id"], is_new=True)
        if identity.replaces:
            return _replace(transaction, source, external_id, arrived)
        event_id = transaction.value("find_event", channel="webhook", source=source, external_id=external_id)
    return LandedPost(event_id=event_id, is_new=False)


def _replace(transaction: StoreTransaction, source: str, external_id: str, arrived: Mapping[str, object]) -> LandedPost:
    """Put a newer version in the place of the event, unless this very version has been there."""
    event = transaction.row("lock_post", source=source, external_id=external_id)
    assert event is not None  # an event is never deleted while posts come in
    event_id = event["event_id"]
    has_been_here = transaction.value(
        "find_event",
        channel="webhook",
        source=source,
        external_id=_version_id(external_id, str(arrived["content_hash"])),
    )
    if event["content_hash"] == arrived["content_hash"] or has_been_here is not None:
        return LandedPost(event_id=event_id, is_new=False)
    transaction.execute(
        "keep_earlier_version", event_id=event_id, external_id=_version_id(external_id, event["content_hash"])
    )
    transaction.execute("replace_post", event_id=event_id, **arrived)
    transaction.execute("announce_landing")
    return LandedPost(event_id=event_id, is_new=True)


def _version_id(external_id: str, content_hash: str) -> str:
    return f"{external_id}#{content_hash}"


def _short(kind: str, text: str) -> str:
    """An identity that a column and its index can hold, whatever the sender's is."""
    if len(text) <= ID_LIMIT and text.isprintable():
        return f"{kind}:{text}"
    return f"{kind}:sha256:{hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()}"
