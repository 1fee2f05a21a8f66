"""What each documented answer of a vendor means: facts, nothing, try later, or a person has to act."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests

from leadflow_pipeline.adapters.clearbit import Clearbit
from leadflow_pipeline.adapters.google_geocoder import GoogleGeocoder
from leadflow_pipeline.adapters.people_data_labs import PeopleDataLabs
from leadflow_pipeline.domain.enrichment import Answer, Question
from leadflow_pipeline.domain.errors import PermanentError, TransientError
from leadflow_pipeline.domain.vendor_budgets import LimitedError, RefusedError

ADDRESS = Question(vendor="google", key="k", inputs={"address": "1 Oak Street, Austin, TX"})
PERSON = Question(vendor="clearbit", key="k", inputs={"email": "someone@company.example"})

Respond = Callable[..., None]


@pytest.fixture
def respond(monkeypatch: pytest.MonkeyPatch) -> Respond:
    """Makes every HTTP call of `requests` end this way, hooks included."""

    def set_up(status: int = 200, body: Any = None, error: Exception | None = None, **headers: str) -> None:
        def send(session: requests.Session, request: requests.PreparedRequest, **_: Any) -> requests.Response:
            if error is not None:
                raise error
            response = requests.Response()
            response.status_code = status
            response.headers.update({name.replace("_", "-"): value for name, value in headers.items()})
            response._content = body if isinstance(body, bytes) else requests.compat.json.dumps(body).encode()
            response.request = request
            for hook in session.hooks["response"]:
                hook(response)
            return response

        monkeypatch.setattr(requests.Session, "send", send)

    return set_up


@pytest.fixture
def google() -> Iterator[GoogleGeocoder]:
    adapter = GoogleGeocoder(key="AIzaTest", url="http://stand-in.test")
    yield adapter
    adapter.close()


def outcome(ask: Callable[[Question], Answer], question: Question) -> Any:
    try:
        answer = ask(question)
    except (PermanentError, TransientError) as error:
        return type(error)
    return "facts" if answer.facts else ("queued" if answer.is_queued else "nothing")


RESULT = {"place_id": "x", "geometry": {"location": {"lat": 30, "lng": -97}, "location_type": "ROOFTOP"}}


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ({"body": {"status": "OK", "results": [RESULT]}}, "facts"),
        ({"body": {"status": "OK", "results": []}}, "nothing"),
        ({"body": {"status": "ZERO_RESULTS", "results": []}}, "nothing"),
        ({"body": {"status": "OVER_QUERY_LIMIT", "results": []}}, LimitedError),
        ({"body": {"status": "OVER_DAILY_LIMIT", "results": []}}, RefusedError),
        ({"body": {"status": "REQUEST_DENIED", "results": []}}, RefusedError),
        ({"body": {"status": "INVALID_REQUEST", "results": []}}, "nothing"),
        ({"body": {"status": "UNKNOWN_ERROR", "results": []}}, TransientError),
        ({"body": {"status": "SOMETHING_NEW", "results": []}}, TransientError),
        ({"body": {"results": []}}, TransientError),
        ({"body": b"<html>"}, TransientError),
        ({"status": 500, "body": {}}, TransientError),
        ({"status": 503, "body": {}}, TransientError),
        ({"status": 403, "body": {}}, RefusedError),
        ({"status": 429, "body": {}}, LimitedError),
        ({"status": 400, "body": {}}, PermanentError),
        ({"error": requests.ReadTimeout()}, TransientError),
        ({"error": requests.ConnectionError()}, TransientError),
    ],
)
def test_google_is_read_by_its_status(
    respond: Respond, google: GoogleGeocoder, answer: dict[str, Any], expected: Any
) -> None:
    respond(**answer)
    assert outcome(google.ask, ADDRESS) == expected


def test_google_s_client_never_waits_and_never_tries_again_by_itself(
    respond: Respond, google: GoogleGeocoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its own sleeping would hold a batch up; a budget decides when to call again."""

    def refuse_to_sleep(_: float) -> None:
        raise AssertionError("slept")

    monkeypatch.setattr("time.sleep", refuse_to_sleep)
    for answer in ({"status": 503, "body": {}}, {"body": {"status": "OVER_QUERY_LIMIT"}}):
        respond(**answer)  # type: ignore[arg-type]
        assert issubclass(outcome(google.ask, ADDRESS), TransientError)
    respond(body={"status": "OK", "results": [RESULT]})
    for _ in range(200):
        google.ask(ADDRESS)


def test_an_answer_that_did_not_come_may_be_billed(respond: Respond, google: GoogleGeocoder) -> None:
    respond(error=requests.ReadTimeout())
    with pytest.raises(TransientError) as caught:
        google.ask(ADDRESS)
    assert caught.value.may_have_acted
    respond(error=requests.ConnectionError())
    with pytest.raises(TransientError) as caught:
        google.ask(ADDRESS)
    assert not caught.value.may_have_acted


def test_a_key_that_is_no_google_key_is_refused_at_once() -> None:
    with pytest.raises(RefusedError, match="AIza"):
        GoogleGeocoder(key="secret")


CLEARBIT = [
    (200, {"person": {"location": "Austin"}, "company": None}, "facts", True),
    (200, {"person": None, "company": None}, "nothing", True),
    (202, {}, "queued", True),
    (404, {"error": {"type": "unknown_record"}}, "nothing", True),
    (422, {"error": {"type": "email_invalid"}}, "nothing", False),
    (402, {}, RefusedError, None),
    (401, {}, RefusedError, None),
    (429, {}, LimitedError, None),
    (500, {}, TransientError, None),
    (418, {}, PermanentError, None),
    (200, b"no json", TransientError, None),
]
PDL = [
    (200, {"status": 200, "likelihood": 8, "data": {"job_title": "cfo"}}, "facts", True),
    (404, {"status": 404, "error": {"type": "not_found"}}, "nothing", False),
    (400, {}, "nothing", False),
    (402, {}, RefusedError, None),
    (401, {}, RefusedError, None),
    (429, {}, LimitedError, None),
    (502, {}, TransientError, None),
]


@pytest.mark.parametrize(("build", "rows"), [(Clearbit, CLEARBIT), (PeopleDataLabs, PDL)])
def test_a_provider_s_status_says_what_to_do_and_whether_it_is_billed(
    respond: Respond, build: Callable[..., Any], rows: list[tuple[int, Any, Any, bool | None]]
) -> None:
    adapter = build(key="k", url="http://stand-in.test")
    for status, body, expected, billed in rows:
        respond(status=status, body=body, x_ratelimit_remaining="17", x_ratelimit_reset="40")
        assert outcome(adapter.ask, PERSON) == expected, status
        if billed is not None:
            answer = adapter.ask(PERSON)
            assert (answer.is_billed, answer.remaining, answer.reset_seconds) == (billed, 17, 40), status
    adapter.close()


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry_After": "9"}, 9),
        ({"x_ratelimit_reset": "30"}, 30),
        ({"x_ratelimit_reset": "1795564800"}, None),
        ({}, None),
    ],
)
def test_how_long_to_wait_is_read_from_the_headers(
    respond: Respond, headers: dict[str, str], seconds: float | None
) -> None:
    """A reset that is a point in time is no number of seconds."""
    adapter = PeopleDataLabs(key="k", url="http://stand-in.test")
    respond(status=429, body={}, **headers)
    with pytest.raises(LimitedError) as caught:
        adapter.ask(PERSON)
    assert caught.value.retry_after == seconds
    adapter.close()
