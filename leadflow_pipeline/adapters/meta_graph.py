"""Meta's Graph API, for one thing: the contact behind a lead's id.

Error codes are those of Meta's page "Handling Errors" (grade A). A 5xx, a rate limit and what Meta itself calls
transient are worth another try; an access token that has run out is not, until somebody changes it.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

import requests

from leadflow_pipeline.domain.errors import PermanentError, TransientError
from leadflow_pipeline.domain.webhook_sources.unconfirmed import META_LEAD_FIELDS, META_LEADGEN_LIMIT
from leadflow_pipeline.settings import Settings

TIMEOUT_SECONDS = (2, 4)  # to connect, between two pieces of the answer
LARGEST_ANSWER_BYTES = 1_000_000
TOKEN = "LEADFLOW_META_ACCESS_TOKEN"

_TRY_LATER = {1, 2, 4, 17, 32, 341, 368, 613, META_LEADGEN_LIMIT}
_TOKEN_IS_BAD = {102, 190}
_NOT_ALLOWED = {3, 10, *range(200, 300)}


class MetaGraph:
    """A plain client; safe to share between threads."""

    def __init__(self, base_url: str, token: str | None) -> None:
        self._base_url = base_url.rstrip("/")
        self._token = token
        self._session = requests.Session()

    def fetch(self, contact_id: str) -> bytes:
        """The lead with this id as Meta's JSON. Raises our two kinds of error, with what to do."""
        if self._token is None:
            raise PermanentError(f"{TOKEN} is not set: Meta's notices hold ids only; set it, then replay.")
        if re.fullmatch("[0-9]+", contact_id) is None:
            raise PermanentError("Meta's ids are digits.")
        try:
            with self._session.get(
                f"{self._base_url}/{contact_id}",
                params={"fields": ",".join(META_LEAD_FIELDS)},
                # In a header, so that it is in nobody's access log.
                headers={"Authorization": f"Bearer {self._token}"},
                timeout=TIMEOUT_SECONDS,
                allow_redirects=False,
                stream=True,
            ) as answer:
                body: bytes = answer.raw.read(LARGEST_ANSWER_BYTES + 1, decode_content=True)
                status = answer.status_code
        except (requests.RequestException, OSError) as error:
            raise TransientError(f"Meta's Graph API cannot be reached ({type(error).__name__}).") from error
        if len(body) > LARGEST_ANSWER_BYTES:
            raise PermanentError(f"Meta's Graph API sent more than {LARGEST_ANSWER_BYTES} bytes for one lead.")
        parsed = _parse(body)
        if status == 200 and isinstance(parsed.get("field_data"), list):
            return body
        raise _as_ours(status, parsed)


def build_meta_graph(settings: Settings) -> MetaGraph:
    """The client of this stack: the sandbox's stand-in, or Meta."""
    token = settings.meta_access_token
    if token is None:
        return MetaGraph(settings.meta_url, "sandbox" if settings.sandbox else None)
    return MetaGraph(settings.meta_url, token.get_secret_value())


def _parse(body: bytes) -> Mapping[str, Any]:
    try:
        parsed = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return parsed if isinstance(parsed, dict) else {}


def _as_ours(status: int, answer: Mapping[str, Any]) -> PermanentError | TransientError:
    """The kind of a refusal. Meta's own words are left out, as they may quote the call."""
    fault = answer.get("error")
    fault = fault if isinstance(fault, dict) else {}
    code = fault.get("code") if isinstance(fault.get("code"), int) else None
    said = f"Meta's Graph API answered {status}" + (f" with code {code}" if code is not None else "")
    if code in _TOKEN_IS_BAD:
        return PermanentError(f"{said}: the access token has run out or was taken back; renew {TOKEN}, then replay.")
    if status >= 500 or status == 429 or code in _TRY_LATER or fault.get("is_transient") is True:
        return TransientError(f"{said}; it is asked again later.")
    if code in _NOT_ALLOWED:
        return PermanentError(
            f"{said}: the access token may not read leads; give its app leads_retrieval and its person access to the "
            "page's leads, then replay."
        )
    if status == 200:
        return PermanentError("Meta's Graph API sent a lead without field_data; tell leadflow's developers.")
    return PermanentError(
        f"{said}: there is no such lead for this access token. Meta keeps leads for 90 days; is the token the page's?"
    )
