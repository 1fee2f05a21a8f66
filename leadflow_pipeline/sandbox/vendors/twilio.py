"""Twilio's Messages resource: takes texts, moves them through their statuses, calls back, lists what it has.

Documented (A): path, form fields, statuses, the callback's fields. General knowledge (K): ids, the error bodies, the
test numbers (+15005550001 invalid, +15005550004 opted out, +15005550009 cannot take texts), paging, the signature.
"""

import asyncio
import contextlib
import uuid
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any
from urllib.parse import parse_qsl

import requests
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from leadflow_pipeline.domain.agent_messages import ONE_SEGMENT, count_septets
from leadflow_pipeline.domain.twilio_signatures import sign_callback
from leadflow_pipeline.sandbox.pages import show_page
from leadflow_pipeline.sandbox.sample_users import list_sample_users
from leadflow_pipeline.sandbox.vendors.vendor import Vendor
from leadflow_pipeline.settings import Settings
from leadflow_pipeline.vendor_settings import SANDBOX_KEY

SECONDS_TO = {"sent": 0.2, "delivered": 0.5}
REFUSALS = {
    "+15005550001": (21211, "The 'To' number is not a valid phone number."),
    "+15005550004": (21610, "Attempt to send to unsubscribed recipient."),
    "+15005550009": (21614, "'To' number is not a valid mobile number."),
}
NEEDED = {"To": (21604, "A 'To' phone number is required."), "Body": (21602, "Message body is required.")}
Row = dict[str, Any]


class TwilioStandIn:
    """One account. Lives in one event loop."""

    def __init__(self, auth_token: str) -> None:
        self.messages: dict[str, list[Row]] = {}  # by number, the oldest first
        self._auth_token = auth_token
        self._under_way: set[asyncio.Task[None]] = set()

    def routes(self) -> list[Route]:
        """The part of the API that leadflow uses."""
        path = "/2010-04-01/Accounts/{account}/Messages.json"
        return [Route(path, self.take, methods=["POST"]), Route(path, self.list_messages, methods=["GET"])]

    async def take(self, request: Request) -> Response:
        """Queue a text."""
        if not request.headers.get("authorization", "").startswith("Basic "):
            return _fault(401, 20003, "Authenticate")
        form = dict(parse_qsl((await request.body()).decode(), keep_blank_values=True))
        for field, (code, text) in NEEDED.items():
            if not form.get(field):
                return _fault(400, code, text)
        if not form.get("From") and not form.get("MessagingServiceSid"):
            return _fault(400, 21603, "A 'From' phone number is required.")
        if form["To"] in REFUSALS:
            return _fault(400, *REFUSALS[form["To"]])
        account = request.path_params["account"]
        sid = f"SM{uuid.uuid4().hex}"
        message: Row = {
            "sid": sid,
            "account_sid": account,
            "to": form["To"],
            "from": form.get("From"),
            "messaging_service_sid": form.get("MessagingServiceSid"),
            "body": form["Body"],
            "num_segments": str(_segments(form["Body"])),
            "direction": "outbound-api",
            "status": "queued",
            "error_code": None,
            "error_message": None,
            "date_created": format_datetime(datetime.now(UTC)),
            "date_sent": None,
            "uri": f"/2010-04-01/Accounts/{account}/Messages/{sid}.json",
        }
        self.messages.setdefault(form["To"], []).append(message)
        task = asyncio.create_task(self._carry(message, form.get("StatusCallback")))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        return JSONResponse(message, 201)

    async def list_messages(self, request: Request) -> Response:
        """Texts, the newest first, of one number where `To` says so."""
        query = request.query_params
        size, page = min(int(query.get("PageSize", "50")), 1000), int(query.get("Page", "0"))
        if "To" in query:
            rows = list(reversed(self.messages.get(query["To"], [])))
        else:
            rows = [row for found in self.messages.values() for row in found]
            rows.sort(key=lambda row: datetime.strptime(row["date_created"], "%a, %d %b %Y %H:%M:%S %z"), reverse=True)
        shown = rows[page * size : (page + 1) * size]
        to = f"To={query['To'].replace('+', '%2B')}&" if "To" in query else ""
        here = f"/2010-04-01/Accounts/{request.path_params['account']}/Messages.json?{to}PageSize={size}"
        has_more = len(rows) > (page + 1) * size
        return JSONResponse(
            {
                "messages": shown,
                "page": page,
                "page_size": size,
                "uri": f"{here}&Page={page}",
                "next_page_uri": f"{here}&Page={page + 1}" if has_more else None,
            }
        )

    async def show_phones(self, _: Request) -> Response:
        """All phones that got a text."""
        phones = [
            {"number": number, "owner": _owner(number), "texts": len(found), "last": found[-1]}
            for number, found in self.messages.items()
        ]
        phones.sort(key=lambda phone: str(phone["owner"]))
        return show_page("phones.html", phones=phones)

    async def show_phone(self, request: Request) -> Response:
        """One phone as its owner sees it."""
        number = f"+{request.path_params['digits']}"
        texts = self.messages.get(number, [])[-50:]
        return show_page("phone.html", number=number, owner=_owner(number), texts=texts)

    async def _carry(self, message: Row, callback: str | None) -> None:
        """A text's way to the phone, with the news of it."""
        for status, seconds in SECONDS_TO.items():
            await asyncio.sleep(seconds)
            message["status"] = status
            message["date_sent"] = message["date_sent"] or format_datetime(datetime.now(UTC))
            if callback:
                await asyncio.to_thread(self._call_back, callback, message)

    def _call_back(self, address: str, message: Row) -> None:
        fields = {
            "MessageSid": message["sid"],
            "SmsSid": message["sid"],
            "AccountSid": message["account_sid"],
            "MessageStatus": message["status"],
            "To": message["to"],
        }
        signature = sign_callback(address, fields.items(), self._auth_token)
        with contextlib.suppress(requests.RequestException):  # Twilio does not insist either
            requests.post(address, data=fields, headers={"X-Twilio-Signature": signature}, timeout=5)


def build(settings: Settings) -> Vendor:
    """The stand-in, signing its callbacks with the token in force."""
    found = settings.find_vendor("twilio")
    return as_vendor(TwilioStandIn(found.key if found else SANDBOX_KEY))


def as_vendor(account: TwilioStandIn) -> Vendor:
    """An account as a stand-in on the sandbox's server."""
    return Vendor(
        name="twilio",
        routes=account.routes(),
        pages=[Route("/", account.show_phones), Route("/{digits:int}", account.show_phone)],
        answer_limited=lambda seconds: _fault(429, 20429, "Too Many Requests", {"Retry-After": str(seconds)}),
        answer_failed=lambda: _fault(500, 20500, "Internal Server Error"),
    )


def _fault(status: int, code: int, text: str, headers: dict[str, str] | None = None) -> Response:
    body = {"code": code, "message": text, "more_info": f"https://www.twilio.com/docs/errors/{code}", "status": status}
    return JSONResponse(body, status, headers)


def _segments(body: str) -> int:
    septets = count_septets(body)
    if septets is None:
        return 1 if len(body) <= 70 else -(-len(body) // 67)
    return 1 if septets <= ONE_SEGMENT else -(-septets // 153)


def _owner(number: str) -> str:
    digits = number[-10:]
    users = list_sample_users()
    return next((user.name for user in users if "".join(filter(str.isdigit, user.phone))[-10:] == digits), number)
