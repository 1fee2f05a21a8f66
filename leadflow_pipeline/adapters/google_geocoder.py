"""Google's Geocoding API through Google's own client (googlemaps), with the client's waiting and retrying turned off.

Decides on the body's `status`, not on the HTTP code: the API answers 200 even for refusals (grade K).
"""

from dataclasses import asdict

import googlemaps
import requests
from googlemaps.exceptions import ApiError, HTTPError, Timeout, TransportError, _OverQueryLimit

from leadflow_pipeline.adapters.vendor_http import CONNECT_SECONDS, READ_SECONDS, open_session
from leadflow_pipeline.domain.enrichment import GEOCODER, Answer, Question
from leadflow_pipeline.domain.errors import PermanentError, TransientError
from leadflow_pipeline.domain.geocodes import read_geocode
from leadflow_pipeline.domain.vendor_budgets import LimitedError, RefusedError

NEVER_WAIT = {"queries_per_second": 10_000, "queries_per_minute": 600_000, "retry_over_query_limit": False}


class BusyError(Exception):
    """A status at which the client would sleep and try again by itself."""


class GoogleGeocoder:
    """Finds addresses. Safe to use from several threads."""

    vendor = GEOCODER

    def __init__(self, *, key: str, url: str | None = None, region: str = "us") -> None:
        """`url` is the address of a stand-in. Raises `RefusedError` for a key that cannot be Google's."""
        session = open_session()
        session.hooks["response"].append(_stop_at_trouble)
        elsewhere = {"base_url": url} if url else {}
        try:
            self._client = googlemaps.Client(
                key=key,
                connect_timeout=CONNECT_SECONDS,
                read_timeout=READ_SECONDS,
                requests_session=session,
                **NEVER_WAIT,
                **elsewhere,
            )
        except ValueError as error:
            raise RefusedError("LEADFLOW_GOOGLE_KEY is no Google API key; those begin with AIza.") from error
        self._region = region

    def close(self) -> None:
        """Close idle connections; calls under way end as they would."""
        self._client.session.close()

    def ask(self, question: Question) -> Answer:
        """Where the address of `question` is. An address that Google cannot read has no answer, and costs nothing."""
        try:
            results = self._client.geocode(question.inputs["address"], region=self._region)
        except _OverQueryLimit as error:
            raise LimitedError("Google says OVER_QUERY_LIMIT.") from error
        except ApiError as error:
            return _read_refusal(str(error.status), error)
        except Timeout as error:
            raise TransientError(f"Google did not answer within {READ_SECONDS:.0f} s.", may_have_acted=True) from error
        except HTTPError as error:
            raise _read_status(error.status_code) from error
        except TransportError as error:
            cause = error.base_exception
            if isinstance(cause, BusyError):
                raise TransientError(f"Google answered {cause}.") from error
            raise TransientError(f"Google could not be reached ({type(cause).__name__}).") from error
        except (ValueError, KeyError) as error:
            raise TransientError("Google answered with something that is no answer.") from error
        found = read_geocode(results)
        return Answer(facts=asdict(found) if found else None)


def _stop_at_trouble(response: requests.Response, *_: object, **__: object) -> None:
    if response.status_code >= 500:
        response.close()  # nobody else will: the client never sees it
        raise BusyError(response.status_code)


def _read_refusal(status: str, error: Exception) -> Answer:
    """What a status other than OK, ZERO_RESULTS and OVER_QUERY_LIMIT means (documented, grade A)."""
    match status:
        case "INVALID_REQUEST":
            return Answer(facts=None, is_billed=False)
        case "REQUEST_DENIED":
            raise RefusedError(
                "Google says REQUEST_DENIED: look at LEADFLOW_GOOGLE_KEY and what it may use."
            ) from error
        case "OVER_DAILY_LIMIT":
            raise RefusedError("Google says OVER_DAILY_LIMIT: look at the key, its billing and its quota.") from error
        case "UNKNOWN_ERROR":
            raise TransientError("Google says UNKNOWN_ERROR.") from error
        case _:
            raise TransientError("Google says a status that is not documented.") from error


def _read_status(code: int) -> Exception:
    if code in (401, 403):
        return RefusedError(f"Google answered {code}: look at LEADFLOW_GOOGLE_KEY.")
    if code == 429:
        return LimitedError("Google answered 429.")
    return PermanentError(f"Google answered {code}.")
