"""The signature on Twilio's callbacks. Unconfirmed (K): kept in this one place, and a wrong one is only refused.

As generally known: base64 of HMAC-SHA1, key = the account's auth token, over the full address that was called followed
by every form field, sorted by name, name and value without anything between them.
"""

import base64
import hashlib
import hmac
from collections.abc import Iterable


def sign_callback(address: str, fields: Iterable[tuple[str, str]], auth_token: str) -> str:
    """The value of `X-Twilio-Signature`."""
    signed = address + "".join(name + value for name, value in sorted(fields))
    digest = hmac.new(auth_token.encode(), signed.encode(), hashlib.sha1).digest()
    return base64.b64encode(digest).decode("ascii")


def is_signed(address: str, fields: Iterable[tuple[str, str]], auth_token: str, signature: str) -> bool:
    """Whether a callback comes from somebody who knows the token."""
    expected = sign_callback(address, fields, auth_token)
    return hmac.compare_digest(expected.encode(), signature.encode())
