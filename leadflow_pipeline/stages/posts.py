"""Lands a post: stores what the receiver was sent, once per identity. Reading it is the work of `staged_leads`."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from leadflow_pipeline.stages.store import Store


@dataclass(frozen=True, kw_only=True)
class LandedPost:
    """Where a post is."""

    event_id: int
    is_new: bool  # False: this post had arrived before


def land_post(
    store: Store,
    *,
    source: str,
    raw: bytes,
    content_type: str,
    idempotency_key: str | None,
    headers: Mapping[str, str],
    received_at: datetime,
) -> LandedPost:
    """Store a post and commit; the same post again gives the first one's event.

    Two posts are the same when the sender gave them the same key or, without a key, when their bytes are.
    """
    content_hash = hashlib.sha256(raw).hexdigest()
    external_id = f"key:{idempotency_key}" if idempotency_key else f"sha256:{content_hash}"
    with store.transaction() as transaction:
        row = transaction.row(
            "land_event",
            channel="webhook",
            source=source,
            external_id=external_id,
            received_at=received_at,
            content_type=content_type,
            headers=json.dumps(dict(headers)),
            raw=raw,
            content_hash=content_hash,
        )
        if row is not None:
            transaction.execute("announce_landing")
            return LandedPost(event_id=row["event_id"], is_new=True)
        event_id = transaction.value("find_event", channel="webhook", source=source, external_id=external_id)
    return LandedPost(event_id=event_id, is_new=False)
