"""The receiver's own links and Twilio's callbacks: what the right one does, and that a wrong one does nothing."""

from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from leadflow_pipeline.adapters.database import Database
from leadflow_pipeline.domain.signed_links import read_link, sign_link
from leadflow_pipeline.domain.twilio_signatures import sign_callback
from leadflow_pipeline.receiver.app import build_app
from leadflow_pipeline.settings import Settings
from leadflow_pipeline.stages.drip_sender import UNSUBSCRIBE
from leadflow_pipeline.stages.text_sender import LEAD_PAGE
from leadflow_pipeline_tests.integration.test_crm_and_texts import assign
from leadflow_pipeline_tests.integration.test_pipeline import Query

NOBODY_LISTENS = "postgresql://leadflow:hushhush@127.0.0.1:1/leadflow"
HOSTILE = "<script>alert(1)</script> {{ 7*7 }} =cmd()"


@pytest.fixture
def client(database: Database, settings: Settings) -> Iterator[TestClient]:
    with TestClient(build_app(settings, database)) as opened:
        yield opened


@pytest.fixture
def key(query: Query) -> bytes:
    return bytes(query("select key from delivery.link_keys")[0][0])


def test_the_link_of_a_text_shows_the_lead_and_its_words_as_plain_text(
    database: Database, settings: Settings, client: TestClient, key: bytes
) -> None:
    assign(database, settings, name="Rosa Quintero", message=f"investor {HOSTILE}")
    page = client.get(f"/l/{sign_link(LEAD_PAGE, 1, key)}")
    assert page.status_code == 200
    assert 'href="tel:+15125550142"' in page.text
    assert "&lt;script&gt;alert(1)&lt;/script&gt; {{ 7*7 }} =cmd()" in page.text
    assert "<script>" not in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert page.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("token", ["1", "1-", "1-AAAAAAAAAAAA", "x-y", "٣-abc", "9" * 30 + "-abc", "%00", "1-é"])
def test_a_link_that_nobody_signed_leads_nowhere(client: TestClient, query: Query, token: str) -> None:
    for path in (f"/l/{token}", f"/unsubscribe/{token}"):
        assert client.get(path).status_code == 404
    assert client.post(f"/unsubscribe/{token}").status_code == 404
    assert query("select count(*) from delivery.suppressions") == [(0,)]


def test_while_the_database_is_away_links_are_told_to_come_again(settings: Settings) -> None:
    with Database(NOBODY_LISTENS) as down, TestClient(build_app(settings, down)) as opened:
        answers = [opened.get("/l/1-abc"), opened.get("/unsubscribe/1-abc"), opened.post("/unsubscribe/1-abc")]
    assert [answer.status_code for answer in answers] == [503, 503, 503]
    assert all(int(answer.headers["retry-after"]) > 0 for answer in answers)
    assert "127.0.0.1" not in answers[0].text


def test_a_link_for_one_purpose_is_none_for_another(key: bytes) -> None:
    assert read_link(UNSUBSCRIBE, sign_link(LEAD_PAGE, 17, key), key) is None
    assert read_link(LEAD_PAGE, sign_link(LEAD_PAGE, 17, key), key) == 17
    assert read_link(LEAD_PAGE, sign_link(LEAD_PAGE, 17, key), b"another key") is None


def test_a_look_at_the_unsubscribe_link_does_nothing_and_one_click_does_it(
    database: Database, settings: Settings, client: TestClient, query: Query, key: bytes
) -> None:
    """Mail programs look at links by themselves; RFC 8058 posts to them."""
    assign(database, settings, message="just looking", email="Rosa@example.com")
    address = f"/unsubscribe/{sign_link(UNSUBSCRIBE, 1, key)}"
    assert 'method="post"' in client.get(address).text
    assert query("select count(*) from delivery.suppressions") == [(0,)]
    for _ in range(2):
        answer = client.post(address, data={"List-Unsubscribe": "One-Click"})
        assert answer.status_code == 200
    assert query("select channel, address, reason from delivery.suppressions") == [
        ("mail", "rosa@example.com", "unsubscribed")
    ]
    assert query("select end_reason from delivery.drip_sequences") == [("unsubscribed",)]


def tell(client: TestClient, settings: Settings, *, token: str = "sandbox", **fields: str) -> int:
    told = {"MessageSid": "SM1", "MessageStatus": "delivered", "To": "+15125550190", **fields}
    signature = sign_callback(f"{settings.open_url}/twilio/status", told.items(), token)
    return client.post("/twilio/status", data=told, headers={"X-Twilio-Signature": signature}).status_code


def test_what_twilio_tells_of_a_text_is_kept_and_a_late_status_undoes_nothing(
    settings: Settings, client: TestClient, query: Query
) -> None:
    for status in ("sent", "delivered", "sent"):
        assert tell(client, settings, MessageStatus=status) == 204
    assert query("select vendor_reference, status from delivery.text_statuses") == [("SM1", "delivered")]


def test_a_status_from_anybody_else_is_refused(settings: Settings, client: TestClient, query: Query) -> None:
    assert tell(client, settings, token="guessed") == 401
    assert client.post("/twilio/status", data={"MessageSid": "SM1", "MessageStatus": "x"}).status_code == 401
    assert client.post("/twilio/status", content=b"x" * 30_000).status_code == 413
    assert query("select count(*) from delivery.text_statuses") == [(0,)]


def test_an_opt_out_that_is_told_later_suppresses_too(settings: Settings, client: TestClient, query: Query) -> None:
    assert tell(client, settings, MessageStatus="undelivered", ErrorCode="21610") == 204
    assert query("select channel, address, reason from delivery.suppressions") == [("sms", "+15125550190", "opted_out")]


def test_a_signed_status_without_its_fields_is_refused(settings: Settings, client: TestClient) -> None:
    assert tell(client, settings, MessageSid="") == 422


def test_without_twilio_nobody_can_tell_of_texts(database: Database, settings: Settings, query: Query) -> None:
    """Without a key of ours there is nothing that a signature could be checked by."""
    real = settings.model_copy(update={"imap_host": "imap.example.com"})
    with TestClient(build_app(real, database)) as client:
        assert tell(client, real) == 404
    assert query("select count(*) from delivery.text_statuses") == [(0,)]
