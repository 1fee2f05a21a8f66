"""Recorded shapes of posts (invented people) and the senders that sign them as each vendor does."""

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from leadflow_pipeline.domain.webhook_sources import standard
from leadflow_pipeline.domain.webhook_sources.sns import text_to_sign

FOLDER = Path(__file__).parent / "fixtures" / "posts"
SECRET = "right-secret-of-24-bytes"
PATH_SECRET_SOURCES = ("website", "zillow", "zillow_rentals", "webflow", "gravity_forms", "adf")


@dataclass(frozen=True, kw_only=True)
class Case:
    """A fixture: the bytes, and beside them what they come to."""

    source: str
    name: str
    raw: bytes
    content_type: str
    outcome: str  # lead, ignored or quarantined (refused with 422 as well, unless only the contact is at fault)
    expected: dict[str, Any]
    contact: bytes | None = None  # what the vendor tells when it is asked for the person

    def __str__(self) -> str:
        return f"{self.source}-{self.name}"


@dataclass(frozen=True, kw_only=True)
class Request:
    """What goes over the wire."""

    path: str
    raw: bytes
    headers: dict[str, str]


def read_cases() -> Iterator[Case]:
    for body in sorted(FOLDER.glob("*/*.body")):
        expected = json.loads(body.with_suffix(".json").read_text())
        yield Case(
            source=body.parent.name,
            name=body.stem,
            raw=body.read_bytes(),
            content_type=expected["content_type"],
            outcome=expected["outcome"],
            expected=expected,
            contact=contact.read_bytes() if (contact := body.with_suffix(".contact")).exists() else None,
        )


CASES = list(read_cases())
SAMPLES = {source: next(case for case in CASES if case.source == source and case.outcome == "lead")
           for source in sorted({case.source for case in CASES})}  # fmt: skip


def send(case: Case, *, secret: str = SECRET, now: datetime | None = None) -> Request:
    """The request that carries this post, with this secret."""
    now = now or datetime.now(UTC)
    raw, headers = case.raw, {"content-type": case.content_type}
    if case.source == "zillow":
        raw = sign_envelope(raw)
    elif case.source == "google_ads":
        raw = raw.replace(b"GOOGLE_KEY", secret.encode())
    elif case.source == "realtor_com":
        headers["x-api-key"] = secret
    elif case.source == "meta":
        headers["x-hub-signature-256"] = "sha256=" + hmac.new(secret.encode(), raw, hashlib.sha256).hexdigest()
    elif case.source == "typeform":
        digest = hmac.new(secret.encode(), raw, hashlib.sha256).digest()
        headers["typeform-signature"] = f"sha256={base64.b64encode(digest).decode()}"
    elif case.source == "standard":
        timestamp, message_id = int(now.timestamp()), f"msg_{hashlib.sha256(raw).hexdigest()[:20]}"
        headers |= {"webhook-id": message_id, "webhook-timestamp": str(timestamp)}
        headers["webhook-signature"] = standard.sign(secret, message_id=message_id, timestamp=timestamp, raw=raw)
    path = f"/webhooks/{case.source}" + (f"/{secret}" if case.source in PATH_SECRET_SOURCES else "")
    return Request(path=path, raw=raw, headers=headers)


def sign_as_webflow(request: Request, *, secret: str, now: datetime) -> Request:
    """The same post from a webhook made through Webflow's API: signed, nothing in the path."""
    timestamp = str(int(now.timestamp() * 1000))
    digest = hmac.new(secret.encode(), f"{timestamp}:".encode() + request.raw, hashlib.sha256).hexdigest()
    signed = {**request.headers, "x-webflow-timestamp": timestamp, "x-webflow-signature": digest}
    return replace(request, path="/webhooks/webflow", headers=signed)


def sign_envelope(raw: bytes, **changes: str) -> bytes:
    """An Amazon SNS envelope, signed with the local certificate's key."""
    envelope = {**json.loads(raw), **changes}
    digest = hashes.SHA1() if envelope["SignatureVersion"] == "1" else hashes.SHA256()
    signature = local_key().sign(text_to_sign(envelope), padding.PKCS1v15(), digest)
    return json.dumps({**envelope, "Signature": base64.b64encode(signature).decode()}).encode()


@cache
def local_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@cache
def local_certificate(valid_days: int = 30) -> bytes:
    """A certificate of our own in PEM, in the place of Amazon's."""
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "sns.amazonaws.com")])
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(local_key().public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=60))
        .not_valid_after(now + timedelta(days=valid_days))
    )
    return builder.sign(local_key(), hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
