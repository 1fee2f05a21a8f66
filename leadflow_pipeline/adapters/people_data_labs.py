"""People Data Labs' person enrichment, v5 (docs.peopledatalabs.com, grade A; 402 grade K).

A match is billed, no match is not.
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
from leadflow_pipeline.domain.person_facts import read_people_data_labs
from leadflow_pipeline.domain.vendor_budgets import RefusedError


class PeopleDataLabs:
    """Looks up people by e-mail, phone, or name and place. Safe to use from several threads."""

    vendor = "pdl"

    def __init__(self, *, key: str, url: str, min_likelihood: int = 6) -> None:
        """`min_likelihood`, 1 to 10: how sure the match has to be; a weaker one counts as none."""
        self._session = open_session()
        self._session.headers["X-Api-Key"] = key
        self._url = f"{url}/v5/person/enrich"
        self._min_likelihood = min_likelihood

    def close(self) -> None:
        """Close idle connections; calls under way end as they would."""
        self._session.close()

    def ask(self, question: Question) -> Answer:
        """Who the person of `question` is."""
        response = call_vendor(
            "People Data Labs",
            lambda: self._session.get(
                self._url,
                params={**question.inputs, "min_likelihood": str(self._min_likelihood)},
                timeout=(CONNECT_SECONDS, READ_SECONDS),
            ),
        )
        refuse_busy("People Data Labs", response)
        answer = Answer(
            facts=None,
            remaining=read_number(response, "x-ratelimit-remaining"),
            reset_seconds=read_seconds(response, "x-ratelimit-reset"),
        )
        match response.status_code:
            case 200:
                facts = read_people_data_labs(read_json("People Data Labs", response))
                return replace(answer, facts=asdict(facts) if facts else None)
            case 404 | 400:
                return replace(answer, is_billed=False)
            case 401 | 403:
                raise RefusedError(f"People Data Labs answered {response.status_code}: look at LEADFLOW_PDL_KEY.")
            case 402:
                raise RefusedError("People Data Labs answered 402: the account's credits are used up.")
            case _:
                raise PermanentError(f"People Data Labs answered {response.status_code}.")
