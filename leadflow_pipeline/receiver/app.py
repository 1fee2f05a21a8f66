"""The receiver as an ASGI application: routes, health, and the errors that nobody has caught.

Run it with `python -m leadflow_pipeline.receiver.app`. What an endpoint does stands in its own module.
"""

import logging
import socket
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from leadflow_pipeline.adapters.database import Database
from leadflow_pipeline.adapters.slack import SlackChat
from leadflow_pipeline.domain.errors import PermanentError, TransientError
from leadflow_pipeline.domain.routing.claims import ClaimTerms
from leadflow_pipeline.receiver.amazon_sns import AmazonSns
from leadflow_pipeline.receiver.crm_notices import CrmNotices
from leadflow_pipeline.receiver.exchange import Exchange
from leadflow_pipeline.receiver.links import Links
from leadflow_pipeline.receiver.metrics import CONTENT_TYPE, Metrics
from leadflow_pipeline.receiver.openapi import describe_receiver
from leadflow_pipeline.receiver.problems import RETRY_AFTER_SECONDS, TITLES, problem
from leadflow_pipeline.receiver.slack import ROUTE as SLACK_ROUTE
from leadflow_pipeline.receiver.slack import Deliverer, SlackInteractions
from leadflow_pipeline.receiver.webhooks import Webhooks
from leadflow_pipeline.settings import Settings, read_settings
from leadflow_pipeline.stages.slack_effects import SlackTerms, build_slack_senders
from leadflow_pipeline.stages.store import Store

LOG = logging.getLogger(__name__)
POOL_SIZE = 8
DELIVERER_POOL_SIZE = 4
PAGE = Path(__file__).with_name("try_it.html")
SCRIPT = Path(__file__).with_name("try_it.js")
PAGE_POLICY = "default-src 'none'; script-src 'self'; connect-src 'self'; form-action 'none'; frame-ancestors 'none'"


def build_app(
    settings: Settings, store: Store, sns: AmazonSns | None = None, *, wake: Callable[[], None] | None = None
) -> Starlette:
    """The application over a store. `wake` is called when a click has queued effects."""
    metrics = Metrics()
    webhooks = Webhooks(settings, store, sns or AmazonSns(), metrics)
    slack = SlackInteractions(settings.slack_account(), store, metrics, channels=settings.channels, wake=wake)
    description = describe_receiver(settings)

    async def report_health(_: Request) -> Response:
        """200 only when a post could be stored now."""
        try:
            can_store = await run_in_threadpool(_can_store, store)
        except (TransientError, PermanentError) as error:
            LOG.warning("%s", error)  # says where the database is, which is nobody's business outside
            return problem(503, "The database cannot be reached.")
        if not can_store:
            return problem(503, "The database is read-only, or lacks the tables (`leadflow migrate`).")
        return JSONResponse({"status": "ok"})

    async def report_metrics(_: Request) -> Response:
        return Response(metrics.text(), media_type=CONTENT_TYPE)

    async def show_description(_: Request) -> Response:
        return JSONResponse(description)

    return Starlette(
        routes=[
            Route("/health", report_health, methods=["GET"]),
            Route("/metrics", report_metrics, methods=["GET"]),
            Route("/openapi.json", show_description, methods=["GET"]),
            Route("/docs", _show_page, methods=["GET"]),
            Route("/docs/try.js", _show_script, methods=["GET"]),
            Route(SLACK_ROUTE, slack.receive, methods=["POST"]),
            *Links(settings, store).routes(),
            *CrmNotices(settings, store).routes(),
            Route("/webhooks/meta", webhooks.answer_challenge, methods=["GET"]),
            Route("/webhooks/{source}", webhooks.receive, methods=["POST"]),
            Route("/webhooks/{source}/{secret:path}", webhooks.receive, methods=["POST"]),
        ],
        middleware=[Middleware(Exchange), Middleware(FaultBarrier)],
        exception_handlers={HTTPException: _report_refusal, TransientError: _report_absence},
    )


async def _show_page(_: Request) -> Response:
    return HTMLResponse(PAGE.read_text(encoding="utf-8"), headers={"content-security-policy": PAGE_POLICY})


async def _show_script(_: Request) -> Response:
    return Response(SCRIPT.read_text(encoding="utf-8"), media_type="text/javascript")


def _can_store(store: Store) -> bool:
    with store.transaction() as transaction:
        return bool(transaction.value("can_store"))


async def _report_refusal(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    status = error.status_code if error.status_code in TITLES else 500
    allowed = (error.headers or {}).get("Allow", "")
    detail = {404: "There is nothing at this path.", 405: f"This path takes {allowed}."}.get(status, error.detail)
    return problem(status, detail, headers=error.headers)


async def _report_absence(_: Request, error: Exception) -> Response:
    """For handlers that have nothing better to say while the database is away."""
    LOG.warning("%s", error)
    return problem(
        503, "This cannot be answered now; try again in a moment.", headers={"Retry-After": str(RETRY_AFTER_SECONDS)}
    )


class FaultBarrier:
    """The last resort for what nobody has caught: a 500, and the kind of the error in the log.

    Not an exception handler: Starlette raises the error again behind those, and the server would log its text,
    which can hold a lead's words.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        has_started = False

        async def watch(message: Message) -> None:
            nonlocal has_started
            has_started = True
            await send(message)

        try:
            await self._app(scope, receive, watch)
        except Exception as error:  # noqa: BLE001 - whatever it is, its text must not reach the log
            place = traceback.extract_tb(error.__traceback__)[-1]
            LOG.error("A request failed with %s at %s:%s.", type(error).__name__, place.filename, place.lineno)
            if not has_started:
                await problem(500, "The post was not stored; send it again later.")(scope, receive, send)


def main() -> int:
    """Serve until SIGTERM or SIGINT."""
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("leadflow_pipeline.receiver").setLevel(logging.INFO)
    try:
        settings = read_settings()
        if settings.database_url is None:
            raise PermanentError("LEADFLOW_DATABASE_URL is not set; `leadflow up` sets it for the receiver it starts.")
        store = Database(
            settings.database_url.get_secret_value(), pool_size=POOL_SIZE, application_name="leadflow receiver"
        )
        listener = open_port(settings.receiver_host, settings.receiver_port)
    except PermanentError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    # Of its own, so that clicks and posts never wait for a connection that a delivery holds.
    deliverer_store = Database(
        settings.database_url.get_secret_value(), pool_size=DELIVERER_POOL_SIZE, application_name="leadflow receiver"
    )
    config = uvicorn.Config(
        build_app(settings, store, wake=start_deliverer(settings, deliverer_store)),
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=5,
    )
    with listener:
        uvicorn.Server(config).run(sockets=[listener])
    deliverer_store.close()
    store.close()
    return 0


def start_deliverer(settings: Settings, store: Store) -> Callable[[], None] | None:
    """Carries out at once what clicks in Slack cause; gives what wakes it, or None without Slack."""
    account = settings.slack_account()
    if account is None:
        return None
    terms = SlackTerms(
        channel=account.hot_channel,
        claims=ClaimTerms(window=settings.claim_seconds),
        hides_contact=settings.claim_hides_contact,
    )
    senders = build_slack_senders(store, SlackChat(account), terms)
    # Cards wait for their place in the channel, and nobody who has clicked is to wait behind them.
    return Deliverer(store, {kind: senders[kind] for kind in ("slack_message", "slack_card_update")}).wake


def open_port(host: str, port: int) -> socket.socket:
    """A listening socket. Raises `PermanentError` with the remedy when the port is taken."""
    try:
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        raise PermanentError(
            f"Port {port} on {host} cannot be opened ({error.strerror}): end the process that uses it, "
            "or set LEADFLOW_RECEIVER_PORT to another port."
        ) from error


if __name__ == "__main__":
    sys.exit(main())
