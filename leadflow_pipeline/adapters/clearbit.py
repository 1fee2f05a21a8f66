"""Clearbit's combined find, for accounts that still have a key. Closing (grade C): People Data Labs is its successor.

Statuses, billing and rate headers as in docs/vendors.md (grades B and C).
"""

from dataclasses import asdict, replace

from leadflow_pipeline.adapters.vendor_http import (
    CONNECT_SECONDS,
    READ_SECONDS,
    call_vendor,
    open_session,
    read_json,
    read_number,
    read_seconds,
    refuse_busy,
)
from leadflow_pipeline.domain.enrichment import Answer, Question
from leadflow_pipeline.domain.errors import PermanentError
from leadflow_pipeline.domain.person_facts import read_clearbit
from leadflow_pipeline.domain.vendor_budgets import RefusedError


class Clearbit:
    """Looks up people by e-mail. Safe to use from several threads."""

    vendor = "clearbit"

    def __init__(self, *, key: str, url: str) -> None:
        self._session = open_session()
        self._session.auth = (key, "")
        self._url = f"{url}/v2/combined/find"

    def close(self) -> None:
        """Close idle connections; calls under way end as they would."""
        self._session.close()

    def ask(self, question: Question) -> Answer:
        """Whom the e-mail of `question` belongs to. A person that Clearbit does not know is billed too."""
        response = call_vendor(
            "Clearbit",
            lambda: self._session.get(
                self._url, params={"email": question.inputs["email"]}, timeout=(CONNECT_SECONDS, READ_SECONDS)
            ),
        )
        refuse_busy("Clearbit", response)
        answer = Answer(
            facts=None,
            remaining=read_number(response, "x-ratelimit-remaining"),
            reset_seconds=read_seconds(response, "x-ratelimit-reset"),
        )
        match response.status_code:
            case 200:
                facts = read_clearbit(read_json("Clearbit", response))
                return replace(answer, facts=asdict(facts) if facts else None)
            case 201 | 202:
                return replace(answer, is_queued=True)
            case 404:
                return answer
            case 422:
                return replace(answer, is_billed=False)
            case 401 | 403:
                raise RefusedError(f"Clearbit answered {response.status_code}: look at LEADFLOW_CLEARBIT_KEY.")
            case 402:
                raise RefusedError("Clearbit answered 402: the plan's lookups are used up.")
            case _:
                raise PermanentError(f"Clearbit answered {response.status_code}.")
