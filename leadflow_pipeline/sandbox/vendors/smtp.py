"""A mail server for outgoing mail: takes every mail, keeps it, shows it. Its control plane acts on SMTP.

Down: no service (421). Limited or failing: a temporary refusal (451). Nobody at `bounce.test` exists (550).
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from time import monotonic
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from leadflow_pipeline.sandbox.mailbox import SANDBOX_HOST
from leadflow_pipeline.sandbox.pages import show_page
from leadflow_pipeline.sandbox.vendor_control import Call, Control
from leadflow_pipeline.sandbox.vendors.vendor import Vendor
from leadflow_pipeline.settings import Settings

UNKNOWN_DOMAIN = "@bounce.test"
REFUSALS = {
    "down": "421 4.3.2 Service not available, try again later",
    "limited": "451 4.7.1 Too many mails, try again later",
    "error": "451 4.3.0 Local error in processing",
}


@dataclass(frozen=True)
class KeptMail:
    """A mail as it came."""

    sender: str
    recipients: tuple[str, ...]
    raw: bytes
    received_at: datetime

    @property
    def message(self) -> EmailMessage:
        """The mail, read."""
        message = message_from_bytes(self.raw, policy=policy.default)
        assert isinstance(message, EmailMessage)
        return message


class SmtpStandIn:
    """What the server was given."""

    def __init__(self) -> None:
        self.mails: list[KeptMail] = []

    def beside(self, port: int, **options: Any) -> Callable[[Control], AbstractContextManager[None]]:
        """How to serve on a port while the sandbox's HTTP server runs; `options` are aiosmtpd's own."""

        @contextmanager
        def serve(control: Control) -> Iterator[None]:
            controller = Controller(_Handler(self, control), hostname=SANDBOX_HOST, port=port, **options)
            controller.start()
            try:
                yield
            finally:
                controller.stop()

        return serve

    async def show_mails(self, _: Request) -> Response:
        """The mails, the newest first."""
        mails = [
            {
                "number": number,
                "to": mail.message["to"],
                "subject": mail.message["subject"],
                "received_at": mail.received_at,
                "text": _body(mail.message, "plain"),
            }
            for number, mail in enumerate(self.mails)
        ]
        return show_page("mails.html", mails=mails[::-1][:200])

    async def show_html(self, request: Request) -> Response:
        """One mail's HTML as a mail program would show it: no script runs, nothing is fetched."""
        number = request.path_params["number"]
        if number >= len(self.mails):
            return HTMLResponse("There is no such mail.", 404)
        headers = {"content-security-policy": "default-src 'none'; style-src 'unsafe-inline'"}
        return HTMLResponse(_body(self.mails[number].message, "html"), headers=headers)


class _Handler:
    """aiosmtpd's view of the stand-in."""

    def __init__(self, account: SmtpStandIn, control: Control) -> None:
        self._account = account
        self._control = control

    async def handle_RCPT(  # noqa: N802 - the names here are those that aiosmtpd looks for
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Know every recipient but those at the domain without any."""
        if address.lower().endswith(UNKNOWN_DOMAIN):
            return "550 5.1.1 No such mailbox"
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 OK"

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Keep a mail, unless the control plane says otherwise."""
        raw = envelope.content if isinstance(envelope.content, bytes) else str(envelope.content).encode()
        mail = KeptMail(str(envelope.mail_from), tuple(envelope.rcpt_tos), raw, datetime.now(UTC))
        call = Call(method="DATA", path="/", query={}, body={"from": mail.sender, "to": list(mail.recipients)})
        self._control.calls.append(call)
        await asyncio.sleep(self._control.behaviour.latency_ms / 1000)
        call.verdict = self._control.judge(monotonic())
        answer = REFUSALS.get(call.verdict, "250 2.0.0 Taken")
        call.status = int(answer[:3])
        if call.status == 250:
            self._account.mails.append(mail)
        if call.verdict == "hang":
            await asyncio.sleep(self._control.behaviour.hang_seconds)
        return answer


def build(settings: Settings) -> Vendor:
    """The stand-in; it listens where a port is named, which `leadflow up` does."""
    return as_vendor(SmtpStandIn(), settings.sandbox_smtp_port)


def as_vendor(account: SmtpStandIn, port: int | None) -> Vendor:
    """A mail server beside the sandbox's HTTP server."""
    return Vendor(
        name="smtp",
        routes=[],
        pages=[Route("/", account.show_mails), Route("/{number:int}", account.show_html)],
        beside=account.beside(port) if port is not None else None,
    )


def _body(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    return str(part.get_content()) if part is not None else ""
