"""The stand-ins of Google, Clearbit and People Data Labs: documented shapes, and the same answer every time."""

from collections import Counter
from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from leadflow_pipeline.sandbox.vendor_server import build_app
from leadflow_pipeline.sandbox.vendors.registry import build_vendors
from leadflow_pipeline.settings import Settings


@pytest.fixture
def client() -> Iterator[TestClient]:
    with TestClient(build_app(build_vendors(Settings(_env_file=None)))) as opened:
        yield opened


def geocode(client: TestClient, **query: str) -> dict[str, object]:
    answer = client.get("/google/maps/api/geocode/json", params={"key": "AIzaX", **query})
    assert answer.status_code == 200
    body: dict[str, object] = answer.json()
    return body


def test_google_answers_by_status_and_always_the_same(client: TestClient) -> None:
    assert geocode(client, key="x", address="1 Oak")["status"] == "REQUEST_DENIED"
    assert geocode(client)["status"] == "INVALID_REQUEST"
    assert geocode(client, address="1 Nowhere Lane, Austin, TX")["status"] == "ZERO_RESULTS"
    found = geocode(client, address="12 Oak Street, Austin, TX 78704")
    assert found == geocode(client, address="12 oak street, austin, tx 78704")
    precisions = Counter(
        body["results"][0]["geometry"]["location_type"] if body["results"] else body["status"]  # type: ignore[index]
        for body in (geocode(client, address=f"{number} Oak Street, Austin, TX 78704") for number in range(1, 200))
    )
    assert set(precisions) == {"ROOFTOP", "RANGE_INTERPOLATED", "GEOMETRIC_CENTER", "ZERO_RESULTS"}
    assert precisions["ROOFTOP"] > 100


def test_google_in_trouble_answers_200_with_a_status(client: TestClient) -> None:
    client.post("/_control/google", json={"failure_rate": 1})
    assert geocode(client, address="1 Oak Street, Austin, TX")["status"] == "UNKNOWN_ERROR"
    client.post("/_control/google", json={"failure_rate": 0, "limit_per_minute": 0})
    assert geocode(client, address="1 Oak Street, Austin, TX")["status"] == "OVER_QUERY_LIMIT"


@pytest.mark.parametrize(
    ("email", "statuses"),
    [
        ("nobody@x.example", [404, 404]),
        ("quota@x.example", [402, 402]),
        ("queued@x.example", [202, 200]),
        ("x", [422] * 2),
    ],
)
def test_clearbit_answers_as_documented(client: TestClient, email: str, statuses: list[int]) -> None:
    answers = [client.get("/clearbit/v2/combined/find", params={"email": email}, auth=("key", "")) for _ in range(2)]
    assert [answer.status_code for answer in answers] == statuses
    assert {"x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"} <= set(answers[0].headers)


def test_clearbit_knows_some_people_wholly_some_by_their_company_and_some_not(client: TestClient) -> None:
    assert client.get("/clearbit/v2/combined/find", params={"email": "a@b.example"}).status_code == 401
    seen = Counter()  # type: ignore[var-annotated]
    for number in range(60):
        answer = client.get(
            "/clearbit/v2/combined/find",
            params={"email": f"p{number}@x.example"},
            headers={"Authorization": "Bearer k"},
        )
        seen[answer.status_code if answer.status_code != 200 else bool(answer.json()["person"])] += 1
    assert {404, True, False} <= set(seen)


def test_people_data_labs_wants_enough_to_go_by_and_a_sure_match(client: TestClient) -> None:
    def ask(**query: str) -> int:
        return client.get("/pdl/v5/person/enrich", params=query, headers={"X-Api-Key": "k"}).status_code

    assert client.get("/pdl/v5/person/enrich", params={"email": "a@b.example"}).status_code == 401
    assert ask(first_name="Ann") == 400
    assert ask(email="nobody@x.example") == 404
    assert ask(email="quota@x.example") == 402
    people = [f"p{number}@x.example" for number in range(40)]
    assert sum(ask(email=email, min_likelihood="9") == 200 for email in people) < sum(
        ask(email=email) == 200 for email in people
    )
    posted = client.post("/pdl/v5/person/enrich", json={"phone": "+15125550142", "api_key": "k"})
    assert posted.status_code == client.get(
        "/pdl/v5/person/enrich", params={"phone": "+15125550142", "api_key": "k"}
    ).status_code  # fmt: skip
