"""Slack's stand-in: it refuses what Slack refuses, limits as Slack documents, and shows each person their own."""

from collections.abc import Mapping
from typing import Any

import pytest
from starlette.testclient import TestClient

from leadflow_pipeline.sandbox.vendor_server import build_app
from leadflow_pipeline.sandbox.vendors.slack import build
from leadflow_pipeline.sandbox.vendors.slack_workspace import Bucket, LimitError
from leadflow_pipeline.settings import Settings

TOKEN = {"authorization": "Bearer xoxb-sandbox"}
ANA = "U0ANATORRES"


@pytest.fixture
def client() -> TestClient:
    return TestClient(build_app({"slack": build(Settings(_env_file=None))}))


def call(client: TestClient, method: str, **given: Any) -> Mapping[str, Any]:
    answer: Mapping[str, Any] = client.post(f"/slack/api/{method}", json=given, headers=TOKEN).json()
    return answer


@pytest.mark.parametrize(
    ("method", "given", "error"),
    [
        ("chat.postMessage", {"channel": "nowhere", "text": "x"}, "channel_not_found"),
        ("chat.postMessage", {"channel": "hot-leads"}, "no_text"),
        ("chat.postMessage", {"channel": "hot-leads", "blocks": [{"type": "poster"}]}, "invalid_blocks"),
        ("chat.postMessage", {"channel": "hot-leads", "blocks": [{"type": "header",
         "text": {"type": "plain_text", "text": "x" * 151}}]}, "invalid_blocks"),
        ("chat.postMessage", {"channel": "hot-leads", "blocks": [{"type": "section",
         "fields": [{"type": "mrkdwn", "text": "x"}] * 11}]}, "invalid_blocks"),
        ("chat.postEphemeral", {"channel": "hot-leads", "text": "x", "user": "U0NOBODY"}, "user_not_in_channel"),
        ("chat.update", {"channel": "C0HOTLEADS", "ts": "1.1", "text": "x"}, "message_not_found"),
        ("conversations.open", {"users": "U0NOBODY"}, "user_not_found"),
        ("conversations.history", {"channel": "hot-leads"}, "channel_not_found"),
        ("users.info", {"user": "U0NOBODY"}, "user_not_found"),
        ("files.upload", {}, "unknown_method"),
    ],
)  # fmt: skip
def test_what_slack_refuses_is_refused_with_its_code(
    client: TestClient, method: str, given: Mapping[str, Any], error: str
) -> None:
    assert call(client, method, **given) == {"ok": False, "error": error}


def test_without_the_token_nothing_is_answered(client: TestClient) -> None:
    assert client.post("/slack/api/auth.test").json()["error"] == "not_authed"
    assert client.post("/slack/api/auth.test", headers={"authorization": "Bearer x"}).json()["error"] == "invalid_auth"
    assert call(client, "auth.test")["ok"] is True


def test_a_form_is_taken_like_json(client: TestClient) -> None:
    answer = client.post("/slack/api/chat.postMessage", data={"channel": "#hot-leads", "text": "x"}, headers=TOKEN)
    assert answer.json()["channel"] == "C0HOTLEADS"


def test_everybody_sees_a_message_and_only_one_person_what_is_for_them(client: TestClient) -> None:
    call(client, "chat.postMessage", channel="hot-leads", text="for all")
    call(client, "chat.postEphemeral", channel="hot-leads", text="for Ana", user=ANA)
    conversation = call(client, "conversations.open", users=ANA)["channel"]["id"]
    call(client, "chat.postMessage", channel=conversation, text="to Ana")

    def seen(user: str) -> list[str]:
        channels = client.get(f"/_page/slack/state?user={user}").json()["channels"]
        return [message["text"] for channel in channels for message in channel["messages"]]

    assert seen(ANA) == ["for all", "for Ana", "to Ana"]
    assert seen("U0BENWHITFIELD") == ["for all"]
    history = call(client, "conversations.history", channel="C0HOTLEADS")["messages"]
    assert [message["text"] for message in history] == ["for all"]


def test_one_channel_takes_a_short_burst_and_then_one_a_second(client: TestClient) -> None:
    answers = [
        client.post("/slack/api/chat.postMessage", json={"channel": "hot-leads", "text": "x"}, headers=TOKEN)
        for _ in range(8)
    ]
    assert [answer.status_code for answer in answers][:5] == [200] * 5
    assert answers[-1].status_code == 429
    assert answers[-1].json() == {"ok": False, "error": "ratelimited"}
    assert int(answers[-1].headers["retry-after"]) >= 1
    assert call(client, "chat.postMessage", channel="lead-tech", text="x")["ok"], "other channels have their own"


def test_a_limit_gives_back_with_time() -> None:
    bucket = Bucket(2, 1.0)
    bucket.take(0)
    bucket.take(0)
    with pytest.raises(LimitError) as error:
        bucket.take(0.5)
    assert error.value.seconds == pytest.approx(0.5)
    bucket.take(1.5)


def test_a_button_that_is_not_there_cannot_be_pressed(client: TestClient) -> None:
    asked = {"user": ANA, "channel": "C0HOTLEADS", "ts": "1.1", "action_id": "claim_lead"}
    assert client.post("/_page/slack/click", json=asked).status_code == 404
