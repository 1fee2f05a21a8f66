"""Amazon SNS: the envelope that Zillow's leads come in, its signature, and the addresses it may name.

An envelope names two addresses to call: the one of its certificate, and the one that confirms a subscription. Both
are words of a stranger until they are known to be Amazon SNS's own, which is decided here and nowhere else.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from leadflow_pipeline.domain.webhook_sources.payloads import parse_json
from leadflow_pipeline.domain.webhook_sources.signatures import decode_base64
from leadflow_pipeline.domain.webhook_sources.source import RefusedError, Trust

NOTIFICATION = "Notification"
SUBSCRIPTION = "SubscriptionConfirmation"
UNSUBSCRIPTION = "UnsubscribeConfirmation"

# `amazonaws.com` alone would not do: anybody's files lie on s3.amazonaws.com.
_HOST = re.compile(r"sns\.[a-z]{2}(?:-[a-z]+){1,3}-\d\.amazonaws\.com(?:\.cn)?")
_SIGNED = {
    NOTIFICATION: ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    SUBSCRIPTION: ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
    UNSUBSCRIPTION: ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
}
_NOT_SIGNED = "The body is no Amazon SNS message with a signature of Amazon's."


def is_amazons(url: object) -> bool:
    """Whether an address is one of Amazon SNS, over TLS, and nothing that only looks like one."""
    if not isinstance(url, str) or not url.isascii() or not url.isprintable() or any(sign in url for sign in " \\"):
        return False
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return False
    return (
        parts.scheme == "https"
        and port in (None, 443)
        and "@" not in parts.netloc
        and _HOST.fullmatch(parts.hostname or "") is not None
    )


def verify_envelope(raw: bytes, trust: Trust) -> Mapping[str, Any]:
    """The envelope, when Amazon SNS has signed it. Raises `RefusedError` otherwise.

    Its time is not held against it: SNS tries again for days with the first time and signature, and a message that
    comes twice is one event however late it comes.
    """
    envelope = parse_json(raw)
    names = _SIGNED.get(str(envelope.get("Type")))
    certificate_url, signature = envelope.get("SigningCertURL"), envelope.get("Signature")
    if names is None or not isinstance(certificate_url, str) or not isinstance(signature, str):
        raise RefusedError(_NOT_SIGNED)
    if not is_amazons(certificate_url) or not urlsplit(certificate_url).path.endswith(".pem"):
        raise RefusedError("SigningCertURL is no address of Amazon SNS.")
    signature_bytes = decode_base64(signature)
    version = envelope.get("SignatureVersion")
    if signature_bytes is None or version not in ("1", "2"):
        raise RefusedError(_NOT_SIGNED)
    _verify(
        trust.fetch_certificate(certificate_url),
        signature_bytes,
        text_to_sign(envelope, names),
        is_sha1=version == "1",
        now=trust.now,
    )
    return envelope


def text_to_sign(envelope: Mapping[str, Any], names: tuple[str, ...] | None = None) -> bytes:
    """What the signature is over: the names and values that are there, each on a line of its own."""
    chosen = names or _SIGNED[envelope["Type"]]
    lines = [f"{name}\n{envelope[name]}\n" for name in chosen if envelope.get(name) is not None]
    return "".join(lines).encode("utf-8", "surrogatepass")


def _verify(certificate: bytes, signature: bytes, signed: bytes, *, is_sha1: bool, now: datetime) -> None:
    # Only the receiver checks signatures; the pipeline's processes shall not pay for loading this.
    from cryptography import x509
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import padding, rsa

    try:
        parsed = x509.load_pem_x509_certificate(certificate)
        key = parsed.public_key()
        if not isinstance(key, rsa.RSAPublicKey):
            raise RefusedError(_NOT_SIGNED)
        if not parsed.not_valid_before_utc <= now <= parsed.not_valid_after_utc:
            raise RefusedError("The certificate of the signature is out of date.")
        key.verify(signature, signed, padding.PKCS1v15(), hashes.SHA1() if is_sha1 else hashes.SHA256())
    except RefusedError:
        raise
    except (InvalidSignature, ValueError) as error:
        raise RefusedError(_NOT_SIGNED) from error
