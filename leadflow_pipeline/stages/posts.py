"""Lands posts: stores what the receiver was sent, once per identity. Reading it is the work of `staged_leads`.

A newer version of a lead that is here already takes the place of its event, so that the lead is read anew and
stays one; the bytes of the version before are kept beside it.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from leadflow_pipeline.domain.hot_looks import looks_hot
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


@dataclass(frozen=True, kw_only=True)
class ArrivedPost:
    """A post that has passed every check."""

    source: str
    raw: bytes
    content_type: str
    identity: PostIdentity
    headers: Mapping[str, str]  # those worth keeping
    received_at: datetime


def land_posts(store: Store, posts: Sequence[ArrivedPost]) -> list[LandedPost]:
    """Store posts with one commit; a post that is here already gives the first one's event. In the posts' order.

    All or none. Two processes that land the same posts at once take them in the same order, so that neither waits
    for the other for ever.
    """
    hashes = [hashlib.sha256(post.raw).hexdigest() for post in posts]
    keys = [(post.source, post.identity.external_id(digest)) for post, digest in zip(posts, hashes, strict=True)]
    ordered = sorted(range(len(posts)), key=keys.__getitem__)
    with store.transaction() as transaction:
        rows = transaction.rows(
            "land_posts",
            sources=[posts[at].source for at in ordered],
            external_ids=[keys[at][1] for at in ordered],
            received_at=[posts[at].received_at for at in ordered],
            content_types=[posts[at].content_type for at in ordered],
            headers=[json.dumps(dict(posts[at].headers)) for at in ordered],
            raws=[posts[at].raw for at in ordered],
            content_hashes=[hashes[at] for at in ordered],
            looks_hot=[looks_hot(posts[at].raw) for at in ordered],
        )
        new = {(row["source"], row["external_id"]): row["event_id"] for row in rows}
        # Of the same post several times in one batch, the first is the new one.
        return [
            LandedPost(event_id=new.pop(key), is_new=True)
            if key in new
            else _land_again(transaction, post, key, content_hash)
            for post, key, content_hash in zip(posts, keys, hashes, strict=True)
        ]


def _land_again(
    transaction: StoreTransaction, post: ArrivedPost, key: tuple[str, str], content_hash: str
) -> LandedPost:
    """A post whose identity is here already: a repeat, or a newer version."""
    source, external_id = key
    if post.identity.replaces:
        return _replace(transaction, post, external_id, content_hash)
    event_id = transaction.value("find_event", channel="webhook", source=source, external_id=external_id)
    return LandedPost(event_id=event_id, is_new=False)


def _replace(transaction: StoreTransaction, post: ArrivedPost, external_id: str, content_hash: str) -> LandedPost:
    """Put a newer version in the place of the event, unless this very version has been there."""
    event = transaction.row("lock_post", source=post.source, external_id=external_id)
    assert event is not None  # an event is never deleted while posts come in
    event_id = event["event_id"]
    has_been_here = transaction.value(
        "find_event", channel="webhook", source=post.source, external_id=_version_id(external_id, content_hash)
    )
    if event["content_hash"] == content_hash or has_been_here is not None:
        return LandedPost(event_id=event_id, is_new=False)
    transaction.execute(
        "keep_earlier_version", event_id=event_id, external_id=_version_id(external_id, event["content_hash"])
    )
    transaction.execute(
        "replace_post",
        event_id=event_id,
        content_type=post.content_type,
        headers=json.dumps(dict(post.headers)),
        raw=post.raw,
        content_hash=content_hash,
    )
    transaction.execute("announce_landing")
    return LandedPost(event_id=event_id, is_new=True)


def _version_id(external_id: str, content_hash: str) -> str:
    return f"{external_id}#{content_hash}"


def _short(kind: str, text: str) -> str:
    """An identity that a column and its index can hold, whatever the sender's is."""
    if len(text) <= ID_LIMIT and text.isprintable():
        return f"{kind}:{text}"
    return f"{kind}:sha256:{hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()}"
