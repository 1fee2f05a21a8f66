"""Slack's stand-in: the methods of the Web API that leadflow calls, and a page that shows the workspace to a person.

The page's buttons, and `POST /_page/slack/click` for tests, send the receiver what Slack sends: a signed form with a
`block_actions` payload (grade A; the form field's name K).
"""

import json
import time
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode

import requests
from slack_sdk.signature import SignatureVerifier
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from leadflow_pipeline.sandbox.vendors.slack_workspace import (
    BOT,
    TEAM,
    LimitError,
    SlackError,
    Workspace,
    sample_users,
)
from leadflow_pipeline.sandbox.vendors.vendor import Vendor
from leadflow_pipeline.settings import Settings
from leadflow_pipeline.vendor_settings import SlackAccount

PAGE = Path(__file__).with_name("slack_page.html")
SECONDS_TO_ANSWER = 3.0  # Slack waits no longer for an app


def build(settings: Settings) -> Vendor:
    """The stand-in of a sandbox; it takes the token and signs with the secret that this stack uses."""
    account = settings.slack_account()
    workspace = Workspace(users=sample_users())
    api = Api(workspace, account)
    receiver = f"http://{settings.receiver_host}:{settings.receiver_port}/slack/interactions"
    page = Page(workspace, account, receiver)
    return Vendor(
        name="slack",
        routes=[Route("/api/{method}", api.call, methods=["GET", "POST"])],
        pages=[
            Route("/", page.show, methods=["GET"]),
            Route("/state", page.report, methods=["GET"]),
            Route("/click", page.click, methods=["POST"]),
        ],
        answer_limited=_answer_limited,
        answer_failed=lambda: JSONResponse({"ok": False, "error": "internal_error"}, 500),
    )


class Api:
    """`/api/{method}`: errors come as HTTP 200 with `ok` false, limits as HTTP 429."""

    def __init__(self, workspace: Workspace, account: SlackAccount | None) -> None:
        self._workspace = workspace
        self._token = account.token.get_secret_value() if account else ""
        self._methods: Mapping[str, Callable[[Mapping[str, Any]], dict[str, Any]]] = {
            "auth.test": self._test_auth,
            "chat.postMessage": self._post,
            "chat.update": self._update,
            "chat.postEphemeral": self._post_for_one,
            "conversations.open": self._open,
            "conversations.history": self._list,
            "users.info": self._describe_user,
        }

    async def call(self, request: Request) -> Response:
        method = request.path_params["method"]
        given = {**dict(request.query_params), **_parameters(await request.body())}
        try:
            if request.headers.get("authorization", "") != f"Bearer {self._token}":
                raise SlackError("invalid_auth" if "authorization" in request.headers else "not_authed")
            if method not in self._methods:
                raise SlackError("unknown_method")
            answer = self._methods[method](given)
        except SlackError as error:
            return JSONResponse({"ok": False, "error": str(error)})
        except LimitError as limit:
            return _answer_limited(int(limit.seconds) + 1)
        return JSONResponse({"ok": True, **answer})

    def _test_auth(self, _: Mapping[str, Any]) -> dict[str, Any]:
        return {"user_id": BOT, "user": "leadflow", "team_id": TEAM["id"], "team": "Sandbox", "bot_id": "B0LEADFLOW"}

    def _post(self, given: Mapping[str, Any]) -> dict[str, Any]:
        channel = self._workspace.find_channel(str(given.get("channel", "")))
        self._workspace.limit("chat.postMessage", channel)
        message = self._workspace.post(channel, given)
        return {"channel": channel, "ts": message.ts, "message": {"text": message.text, "ts": message.ts}}

    def _update(self, given: Mapping[str, Any]) -> dict[str, Any]:
        self._workspace.limit("chat.update", None)
        channel = str(given.get("channel", ""))
        message = self._workspace.update(channel, str(given.get("ts", "")), given)
        return {"channel": channel, "ts": message.ts, "text": message.text}

    def _post_for_one(self, given: Mapping[str, Any]) -> dict[str, Any]:
        self._workspace.limit("chat.postEphemeral", None)
        channel = self._workspace.find_channel(str(given.get("channel", "")))
        if given.get("user") not in self._workspace.users:
            raise SlackError("user_not_in_channel")
        return {"message_ts": self._workspace.post(channel, given, only_for=str(given["user"])).ts}

    def _open(self, given: Mapping[str, Any]) -> dict[str, Any]:
        self._workspace.limit("conversations.open", None)
        return {"channel": {"id": self._workspace.open_conversation(str(given.get("users", "")))}}

    def _list(self, given: Mapping[str, Any]) -> dict[str, Any]:
        self._workspace.limit("conversations.history", None)
        channel = str(given.get("channel", ""))
        if channel not in self._workspace.messages:
            raise SlackError("channel_not_found")  # a name will not do here
        oldest = float(given.get("oldest") or 0)
        messages = [
            {"type": "message", "user": BOT, "ts": message.ts, "text": message.text, "blocks": list(message.blocks)}
            | ({"metadata": message.metadata} if message.metadata and given.get("include_all_metadata") else {})
            for message in reversed(self._workspace.messages[channel])
            if message.only_for is None and float(message.ts) >= oldest
        ]
        return {"messages": messages[: int(given.get("limit") or 100)], "has_more": False}

    def _describe_user(self, given: Mapping[str, Any]) -> dict[str, Any]:
        self._workspace.limit("users.info", None)
        user = str(given.get("user", ""))
        if user not in self._workspace.users:
            raise SlackError("user_not_found")
        return {"user": {"id": user, "name": user.lower(), "real_name": self._workspace.users[user]}}


class Page:
    """The workspace as a person sees it, and their clicks."""

    def __init__(self, workspace: Workspace, account: SlackAccount | None, receiver: str) -> None:
        self._workspace = workspace
        self._signer = SignatureVerifier(account.signing_secret.get_secret_value()) if account else None
        self._receiver = receiver

    async def show(self, _: Request) -> Response:
        return HTMLResponse(PAGE.read_text(encoding="utf-8"))

    async def report(self, request: Request) -> Response:
        """What `user` sees; without one, who there is."""
        user = request.query_params.get("user", "")
        return JSONResponse(
            {
                "now": time.time(),
                "users": [{"id": id_, "name": name} for id_, name in self._workspace.users.items()],
                "channels": self._workspace.seen_by(user) if user else [],
            }
        )

    async def click(self, request: Request) -> Response:
        """Press a button: `user`, `channel`, `ts` and `action_id`. Answers with what the receiver answered."""
        asked = json.loads(await request.body())
        try:
            message = self._workspace.find_message(asked["channel"], asked["ts"])
            button = next(
                element | {"block_id": block.get("block_id", "")}
                for block in message.blocks
                for element in block.get("elements", ())
                if element.get("action_id") == asked["action_id"]
            )
        except (SlackError, StopIteration, KeyError):
            return JSONResponse({"error": "there is no such button any more"}, 404)
        payload = self._payload(asked["user"], asked["channel"], message.ts, button)
        status, body = await run_in_threadpool(self._send, payload)
        return JSONResponse({"status": status, "body": body})

    def _payload(self, user: str, channel: str, ts: str, button: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "type": "block_actions",
            "api_app_id": "A0LEADFLOW",
            "team": TEAM,
            "user": {"id": user, "username": user.lower(), "name": user.lower(), "team_id": TEAM["id"]},
            "channel": {"id": channel, "name": self._workspace.names.get(channel, "directmessage")},
            "container": {"type": "message", "message_ts": ts, "channel_id": channel, "is_ephemeral": False},
            "message": {"type": "message", "user": BOT, "ts": ts},
            "trigger_id": uuid.uuid4().hex,
            "actions": [
                {
                    "type": "button",
                    "action_id": button["action_id"],
                    "block_id": button["block_id"],
                    "text": button["text"],
                    "value": button.get("value", ""),
                    "action_ts": f"{time.time():.6f}",
                }
            ],
        }

    def _send(self, payload: Mapping[str, Any]) -> tuple[int, Any]:
        if self._signer is None:
            return 0, "Slack is not configured here"
        body = urlencode({"payload": json.dumps(payload)})
        timestamp = str(int(time.time()))
        headers = {
            "content-type": "application/x-www-form-urlencoded",
            "x-slack-request-timestamp": timestamp,
            "x-slack-signature": str(self._signer.generate_signature(timestamp=timestamp, body=body)),
        }
        try:
            answer = requests.post(self._receiver, data=body, headers=headers, timeout=SECONDS_TO_ANSWER)
        except requests.RequestException as error:
            return 0, f"the receiver did not answer: {type(error).__name__}"
        return answer.status_code, answer.json() if answer.content else None


def _parameters(body: bytes) -> dict[str, Any]:
    """A call's parameters: JSON or a form, as slack-sdk sends either."""
    if not body:
        return {}
    try:
        given = json.loads(body)
        return given if isinstance(given, dict) else {}
    except ValueError:
        return dict(parse_qsl(body.decode("utf-8", "replace")))


def _answer_limited(retry_after: int) -> Response:
    return JSONResponse({"ok": False, "error": "ratelimited"}, 429, {"Retry-After": str(retry_after)})
