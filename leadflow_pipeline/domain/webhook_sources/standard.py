"""Standard Webhooks 1.0.0: JSON signed over id, timestamp and raw body; our own fields inside.

`v1` is HMAC-SHA256 with a shared secret (`whsec_…` or plain), `v1a` is ed25519 with the key of the sender: we hold the
public one (`whpk_…`), so that nothing kept here can sign. Several signatures in one header, and several secrets here,
let either side change its key. The published library reads the clock itself and takes one secret; the scheme is short
enough to follow it here, and the tests hold it to the specification's own example.
"""

import base64
from collections.abc import Iterable, Iterator

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
PUBLIC_PREFIX = "whpk_"
PRIVATE_PREFIX = "whsk_"
SIGNATURES_LOOKED_AT = 10
_ENVELOPE = ("type", "timestamp", "data")


def sign(secret: str, *, message_id: str, timestamp: int, raw: bytes) -> str:
    """The value of `webhook-signature` that a sender with this secret, or this private key, puts there."""
    if secret.startswith(PRIVATE_PREFIX):
        return f"v1a,{_sign_with_key(secret, _signed(message_id, str(timestamp), raw))}"
    return f"v1,{base64.b64encode(hmac_sha256(_key(secret), _signed(message_id, str(timestamp), raw))).decode()}"


def _authenticate(post: Post, trust: Trust) -> None:
    message_id = post.headers.get("webhook-id", "")
    timestamp = post.headers.get("webhook-timestamp", "")
    given = post.headers.get("webhook-signature", "").split(" ")[:SIGNATURES_LOOKED_AT]
    if not message_id or not timestamp or given == [""]:
        raise RefusedError("The headers webhook-id, webhook-timestamp and webhook-signature are wanted.")
    signed = _signed(message_id, timestamp, post.raw)
    expected = [f"v1,{base64.b64encode(hmac_sha256(key, signed)).decode()}" for key in _keys(trust.secrets)]
    public_keys = [secret for secret in trust.secrets if secret.startswith(PUBLIC_PREFIX)]
    if not any(matches_any(signature, expected) or _is_of_key(signature, signed, public_keys) for signature in given):
        raise RefusedError("No signature in webhook-signature is that of id.timestamp.body with our secret.")
    require_fresh(read_timestamp(timestamp, unit_seconds=1), trust.now)


def _keys(secrets: tuple[str, ...]) -> Iterator[bytes]:
    """What may have been shared; a public key is not, and would let in everybody who knows it."""
    for secret in secrets:
        if secret.startswith((PUBLIC_PREFIX, PRIVATE_PREFIX)):
            continue
        yield _key(secret)
        if not secret.startswith(PREFIX):
            yield secret.encode()  # a secret that only looks like base64


def _key(secret: str) -> bytes:
    return decode_base64(secret.removeprefix(PREFIX)) or secret.encode()


def _is_of_key(signature: str, signed: bytes, public_keys: Iterable[str]) -> bool:
    """Whether this is the `v1a` signature of one of these keys."""
    version, _, text = signature.partition(",")
    signature_bytes = decode_base64(text) if version == "v1a" else None
    return signature_bytes is not None and any(_verify(key, signature_bytes, signed) for key in public_keys)


def _verify(public_key: str, signature: bytes, signed: bytes) -> bool:
    # Only the receiver checks signatures; the pipeline's processes shall not pay for loading this.
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        key = Ed25519PublicKey.from_public_bytes(decode_base64(public_key.removeprefix(PUBLIC_PREFIX)) or b"")
        key.verify(signature, signed)
    except (InvalidSignature, ValueError):
        return False
    return True


def _sign_with_key(private_key: str, signed: bytes) -> str:
    """Raises `ValueError` for what is no key. Libraries write the seed alone, or the public key behind it."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    seed = (decode_base64(private_key.removeprefix(PRIVATE_PREFIX)) or b"")[:32]
    return base64.b64encode(Ed25519PrivateKey.from_private_bytes(seed).sign(signed)).decode()


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
