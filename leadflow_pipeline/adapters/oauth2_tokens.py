"""Access tokens for a mailbox: exchanges the refresh token of an account for one that lives about an hour.

A new one is asked for with each log-in; a connection that outlives its token is ended by the server and made anew.
"""

from dataclasses import dataclass, field

import requests

from leadflow_pipeline.domain.errors import PermanentError, TransientError

TIMEOUT_SECONDS = (5.0, 10.0)


@dataclass(frozen=True, kw_only=True)
class OAuth2Grant:
    """What the owner of a mailbox has granted (RFC 6749, 6)."""

    token_url: str
    client_id: str
    client_secret: str | None = field(repr=False)
    refresh_token: str = field(repr=False)


def fetch_access_token(grant: OAuth2Grant) -> str:
    """A fresh access token. Raises `PermanentError` when the grant is refused."""
    form = {"grant_type": "refresh_token", "client_id": grant.client_id, "refresh_token": grant.refresh_token}
    if grant.client_secret:
        form["client_secret"] = grant.client_secret
    try:
        answer = requests.post(grant.token_url, data=form, timeout=TIMEOUT_SECONDS)
        token = answer.json().get("access_token") if answer.ok else None
    except (requests.RequestException, AttributeError) as error:
        raise TransientError(
            f"{grant.token_url} gave no access token ({type(error).__name__}); it is tried again by itself. "
            "Check LEADFLOW_IMAP_OAUTH2_TOKEN_URL if this stays."
        ) from error
    if token:
        return str(token)
    if answer.status_code == requests.codes.too_many_requests or answer.status_code >= 500:
        raise TransientError(f"{grant.token_url} answered {answer.status_code}; it is tried again by itself.")
    raise PermanentError(
        f"{grant.token_url} refused the refresh token (status {answer.status_code}): have the mailbox's owner grant "
        "access anew, set LEADFLOW_IMAP_OAUTH2_REFRESH_TOKEN; check LEADFLOW_IMAP_OAUTH2_CLIENT_ID and _CLIENT_SECRET."
    )
