"""Standard Webhooks 1.0.0: JSON signed with HMAC-SHA256 over id, timestamp and raw body; our own fields inside.

The fields stand on top or under `data`. The published library reads the clock itself and takes one secret; the
scheme is short enough to follow it here, and the tests hold it to the specification's own example.
"""

import base64
from collections.abc import Iterator

from leadflow_pipeline.domain.webhook_sources.labels import take_labelled
from leadflow_pipeline.domain.webhook_sources.payloads import JSON_TYPE, Facts, is_true, parse_json
from leadflow_pipeline.domain.webhook_sources.signatures import (
    decode_base64,
    hmac_sha256,
    matches_any,
    read_timestamp,
    require_fresh,
)
from leadflow_pipeline.domain.webhook_sources.source import Post, Reading, RefusedError, Source, Trust

PREFIX = "whsec_"
_ENVELOPE = ("type", "timestamp", "data")


def sign(secret: str, *, message_id: str, timestamp: int, raw: bytes) -> str:
    """The value of `webhook-signature` that a sender with this secret puts there."""
    return f"v1,{base64.b64encode(hmac_sha256(_key(secret), _signed(message_id, str(timestamp), raw))).decode()}"


def _authenticate(post: Post, trust: Trust) -> None:
    message_id = post.headers.get("webhook-id", "")
    timestamp = post.headers.get("webhook-timestamp", "")
    given = post.headers.get("webhook-signature", "").split(" ")
    if not message_id or not timestamp or given == [""]:
        raise RefusedError("The headers webhook-id, webhook-timestamp and webhook-signature are wanted.")
    signed = _signed(message_id, timestamp, post.raw)
    expected = [f"v1,{base64.b64encode(hmac_sha256(key, signed)).decode()}" for key in _keys(trust.secrets)]
    if not any(matches_any(signature, expected) for signature in given):
        raise RefusedError("No signature in webhook-signature is that of id.timestamp.body with our secret.")
    require_fresh(read_timestamp(timestamp, unit_seconds=1), trust.now)


def _keys(secrets: tuple[str, ...]) -> Iterator[bytes]:
    for secret in secrets:
        yield _key(secret)
        if not secret.startswith(PREFIX):
            yield secret.encode()  # a secret that only looks like base64


def _key(secret: str) -> bytes:
    return decode_base64(secret.removeprefix(PREFIX)) or secret.encode()


def _signed(message_id: str, timestamp: str, raw: bytes) -> bytes:
    return f"{message_id}.{timestamp}.".encode() + raw


def _read(raw: bytes, _: str) -> Reading:
    body = parse_json(raw)
    data = body["data"] if isinstance(body.get("data"), dict) else body
    facts = Facts()
    rest = take_labelled(facts, data.items())
    if data is not body:
        rest |= {key: value for key, value in body.items() if key in _ENVELOPE[:2]}
    return facts.reading(rest, ignored="a test of the sender's" if is_true(data.get("test")) else None)


STANDARD = Source(
    name="standard",
    title="Standard Webhooks",
    content_types=(JSON_TYPE,),
    secret_place="header",
    secret_note="signed: webhook-id, webhook-timestamp, webhook-signature",
    rule="standard_webhooks",
    rule_version=1,
    authenticate=_authenticate,
    read=_read,
    id_header="webhook-id",
)
