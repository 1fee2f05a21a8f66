"""The sender's side, for test calls: the path and headers that make a post authentic for its source."""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import quote

from leadflow_pipeline.domain.errors import PermanentError
from leadflow_pipeline.domain.webhook_sources import standard
from leadflow_pipeline.domain.webhook_sources.google_ads import KEY
from leadflow_pipeline.domain.webhook_sources.signatures import hmac_sha256
from leadflow_pipeline.domain.webhook_sources.source import Source


@dataclass(frozen=True, kw_only=True)
class SignedCall:
    """What goes beside the body."""

    path: str
    headers: Mapping[str, str] = field(default_factory=dict)


def sign_post(source: Source, raw: bytes, *, secret: str, message_id: str, now: datetime) -> SignedCall:
    """How to send these bytes. Raises `PermanentError` where only the vendor can sign, or the body lacks the key."""
    path = f"/webhooks/{source.name}"
    if source.find_confirmation is not None:
        raise PermanentError("Only Amazon SNS can sign a post of this source; send a test lead from Zillow.")
    if source.secret_place == "path":
        return SignedCall(path=f"{path}/{quote(secret, safe='')}" if secret else path)
    if source.name == "google_ads":
        _require_key(raw, secret)
        return SignedCall(path=path)
    if source.name == "standard":
        timestamp = int(now.timestamp())
        if secret.startswith(standard.PUBLIC_PREFIX):
            raise PermanentError("A public key cannot sign; put the sender's private one into a file: --key FILE.")
        try:
            signature = standard.sign(secret, message_id=message_id, timestamp=timestamp, raw=raw)
        except ValueError as error:
            raise PermanentError(f"What follows {standard.PRIVATE_PREFIX} is no ed25519 key in base64.") from error
        headers = {"webhook-id": message_id, "webhook-timestamp": str(timestamp), "webhook-signature": signature}
    elif source.name == "realtor_com":
        headers = {"x-api-key": secret}
    elif source.name == "meta":
        headers = {"x-hub-signature-256": f"sha256={hmac_sha256(secret.encode(), raw).hex()}"}
    elif source.name == "typeform":
        digest = base64.b64encode(hmac_sha256(secret.encode(), raw)).decode()
        headers = {"typeform-signature": f"sha256={digest}"}
    else:
        raise PermanentError(f"How {source.name} signs is not known here.")
    return SignedCall(path=path, headers=headers)


def _require_key(raw: bytes, secret: str) -> None:
    try:
        body = json.loads(raw)
    except ValueError:
        body = None
    if not isinstance(body, dict) or body.get(KEY) != secret:
        raise PermanentError(f"The body must be a JSON object with the secret as its {KEY}.")
