"""The two calls that Amazon SNS makes necessary: fetching a signing certificate, confirming a subscription.

Both addresses come from outside. None is called that is not Amazon SNS's own, and no redirect is followed.
"""

from functools import lru_cache

import requests

from leadflow_pipeline.domain.errors import PermanentError, TransientError
from leadflow_pipeline.domain.webhook_sources.sns import is_amazons

TIMEOUT_SECONDS = (3, 5)
LARGEST_ANSWER_BYTES = 100_000
CERTIFICATES_KEPT = 16


class AmazonSns:
    """A plain client. Certificates are kept: one address always gives the same one."""

    def __init__(self, session: requests.Session | None = None) -> None:
        self._session = session or requests.Session()
        self.fetch_certificate = lru_cache(maxsize=CERTIFICATES_KEPT)(self._get)

    def confirm(self, url: str) -> None:
        """Confirm a subscription. Raises `TransientError` when Amazon does not take it."""
        self._get(url)

    def _get(self, url: str) -> bytes:
        if not is_amazons(url):
            raise PermanentError("Only addresses of Amazon SNS are called.")
        try:
            with self._session.get(url, timeout=TIMEOUT_SECONDS, allow_redirects=False, stream=True) as answer:
                body: bytes = answer.raw.read(LARGEST_ANSWER_BYTES + 1, decode_content=True)
                status = answer.status_code
        except (requests.RequestException, OSError) as error:
            raise TransientError(f"Amazon SNS cannot be reached ({type(error).__name__}).") from error
        if status != 200 or len(body) > LARGEST_ANSWER_BYTES:
            raise TransientError(f"Amazon SNS answered {status} with {len(body)} bytes.")
        return body
