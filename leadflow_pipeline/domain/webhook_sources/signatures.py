"""How a post proves where it comes from: shared secrets and signatures over the raw bytes.

Everything is compared in constant time and against every secret in force, so that neither the time nor the order
tells which one was nearly right.
"""

import base64
import binascii
import hmac
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from leadflow_pipeline.domain.webhook_sources.source import Post, RefusedError, Trust

TOLERANCE = timedelta(minutes=5)


def matches_any(given: str, expected: Iterable[str]) -> bool:
    """Whether the given text is one of the expected ones; looks at all of them."""
    text = given.encode("utf-8", "surrogatepass")
    matches = [hmac.compare_digest(text, one.encode()) for one in expected]
    return any(matches)


def hmac_sha256(secret: bytes, signed: bytes) -> bytes:
    """The signature of some bytes."""
    return hmac.digest(secret, signed, "sha256")


def hex_signatures(secrets: Iterable[str], signed: bytes) -> list[str]:
    """The signature under each secret, in hexadecimal digits."""
    return [hmac_sha256(secret.encode(), signed).hex() for secret in secrets]


def base64_signatures(secrets: Iterable[str], signed: bytes) -> list[str]:
    """The signature under each secret, in base64."""
    return [base64.b64encode(hmac_sha256(secret.encode(), signed)).decode() for secret in secrets]


def decode_base64(text: str) -> bytes | None:
    """The bytes, or None for what is no base64."""
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None


def require_path_secret(post: Post, trust: Trust) -> None:
    """For senders that cannot sign."""
    if not matches_any(post.path_secret, trust.secrets):
        raise RefusedError("The secret at the end of the path is missing or wrong.")


def require_fresh(sent_at: datetime, now: datetime) -> None:
    """A signed post is good for five minutes, in both directions, as clocks differ."""
    if abs(now - sent_at) > TOLERANCE:
        raise RefusedError("The timestamp is more than 5 minutes off; send the post anew, with the time of now.")


def read_timestamp(text: str, *, unit_seconds: float) -> datetime:
    """A Unix time from a header. Raises `RefusedError` for what is none."""

    try:
        return datetime.fromtimestamp(int(text) * unit_seconds, UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise RefusedError("The timestamp of the signature is missing or no Unix time.") from error
