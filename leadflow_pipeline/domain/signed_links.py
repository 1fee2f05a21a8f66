"""Links that only we can make: an id with a short signature over it and its purpose. No expiry: a mail is kept long."""

import base64
import hashlib
import hmac

SIGNATURE_BYTES = 9  # 72 bits: nobody guesses one, and the link fits into a text


def sign_link(purpose: str, identifier: int, key: bytes) -> str:
    """The last part of a link, `17-AbCdEfGhIjKl`."""
    return f"{identifier}-{_sign(purpose, str(identifier), key)}"


def read_link(purpose: str, token: str, key: bytes) -> int | None:
    """The id of a token that we made for this purpose; None for any other."""
    identifier, _, signature = token.partition("-")
    if not identifier.isascii() or not identifier.isdecimal() or len(identifier) > 18:
        return None
    expected = _sign(purpose, identifier, key)
    return int(identifier) if hmac.compare_digest(signature.encode(), expected.encode()) else None


def _sign(purpose: str, identifier: str, key: bytes) -> str:
    digest = hmac.new(key, f"{purpose}:{identifier}".encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest[:SIGNATURE_BYTES]).decode("ascii")
