"""What our own links lead to, and what Twilio tells of texts: the lead's page, unsubscribing, status callbacks.

A link is signed and leads to one thing; whoever has it may see that or do that, and nothing else.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import jinja2
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from leadflow_pipeline.domain.agent_messages import format_phone
from leadflow_pipeline.domain.crm_leads import write_note
from leadflow_pipeline.domain.signed_links import read_link
from leadflow_pipeline.domain.twilio_signatures import is_signed
from leadflow_pipeline.receiver.problems import problem
from leadflow_pipeline.settings import Settings
from leadflow_pipeline.stages.drip_mails import unsubscribe_lead
from leadflow_pipeline.stages.drip_sender import UNSUBSCRIBE
from leadflow_pipeline.stages.store import Store
from leadflow_pipeline.stages.text_sender import LEAD_PAGE
from leadflow_pipeline.stages.text_statuses import record_text_status

LARGEST_CALLBACK_BYTES = 20_000
PAGES = Path(__file__).with_name("pages")
HEADERS = {
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; "
    "frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
    "x-robots-tag": "noindex",
}
NO_SUCH_LINK = "This link leads nowhere: it was cut off on its way, or is no longer valid."


class Links:
    """The handlers, over a store."""

    def __init__(self, settings: Settings, store: Store) -> None:
        self._settings = settings
        self._store = store
        self._pages = jinja2.Environment(
            loader=jinja2.FileSystemLoader(PAGES), autoescape=True, undefined=jinja2.StrictUndefined
        )

    def routes(self) -> list[Route]:
        """All of them."""
        return [
            Route("/l/{token}", self.show_lead, methods=["GET"]),
            Route("/unsubscribe/{token}", self.ask_to_unsubscribe, methods=["GET"]),
            Route("/unsubscribe/{token}", self.unsubscribe, methods=["POST"]),
            Route("/twilio/status", self.take_text_status, methods=["POST"]),
        ]

    async def show_lead(self, request: Request) -> Response:
        """The lead of a text's link, for the agent who got it."""
        lead_id = await run_in_threadpool(self._read_token, LEAD_PAGE, request)
        lead = await run_in_threadpool(self._read_lead, lead_id) if lead_id is not None else None
        if lead is None:
            return problem(404, NO_SUCH_LINK)
        note = write_note(lead)
        phone = format_phone(lead["phone_e164"], lead["phone_extension"])
        return self._show("lead.html", lead=lead, note=note, phone=phone)

    async def ask_to_unsubscribe(self, request: Request) -> Response:
        """A page with a button: a mail program that looks at links must not unsubscribe anybody by that."""
        if await run_in_threadpool(self._read_token, UNSUBSCRIBE, request) is None:
            return problem(404, NO_SUCH_LINK)
        return self._show("unsubscribe.html", is_done=False)

    async def unsubscribe(self, request: Request) -> Response:
        """The button, and the one click of RFC 8058. Doing it again is as good."""
        lead_id = await run_in_threadpool(self._read_token, UNSUBSCRIBE, request)
        if lead_id is None:
            return problem(404, NO_SUCH_LINK)
        await run_in_threadpool(unsubscribe_lead, self._store, lead_id)
        return self._show("unsubscribe.html", is_done=True)

    async def take_text_status(self, request: Request) -> Response:
        """What became of a text, from Twilio and nobody else."""
        twilio = self._settings.find_vendor("twilio")
        if twilio is None:
            return problem(404, "There is nothing at this path.")
        body = b""
        async for chunk in request.stream():
            body += chunk
            if len(body) > LARGEST_CALLBACK_BYTES:
                return problem(413, "A status callback is smaller.")
        fields = parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True)
        address = f"{self._settings.open_url}/twilio/status"
        if not is_signed(address, fields, twilio.key, request.headers.get("x-twilio-signature", "")):
            return problem(401, "The signature does not fit.")
        told = dict(fields)
        if not told.get("MessageSid") or not told.get("MessageStatus"):
            return problem(422, "MessageSid and MessageStatus are needed.")
        await run_in_threadpool(
            record_text_status,
            self._store,
            sid=told["MessageSid"],
            status=told["MessageStatus"],
            error_code=told.get("ErrorCode") or None,
            to=told.get("To"),
        )
        return Response(status_code=204)

    def _read_token(self, purpose: str, request: Request) -> int | None:
        with self._store.transaction() as transaction:
            key = bytes(transaction.value("read_link_key"))
        return read_link(purpose, request.path_params["token"], key)

    def _read_lead(self, lead_id: int) -> Mapping[str, Any] | None:
        with self._store.transaction() as transaction:
            return transaction.row("read_delivery_lead", lead_id=lead_id)

    def _show(self, template: str, **values: Any) -> Response:
        return HTMLResponse(self._pages.get_template(template).render(**values), headers=HEADERS)
