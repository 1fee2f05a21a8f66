"""The receiver as an ASGI application: routes, health, and the errors that nobody has caught.

Run it with `python -m leadflow_pipeline.receiver.app`. What an endpoint does stands in its own module.
"""

import logging
import sys

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from leadflow_pipeline.adapters.database import Database
from leadflow_pipeline.domain.errors import PermanentError, TransientError
from leadflow_pipeline.receiver.problems import TITLES, problem
from leadflow_pipeline.receiver.webhooks import Webhooks
from leadflow_pipeline.settings import Settings, read_settings
from leadflow_pipeline.stages.store import Store

LOG = logging.getLogger(__name__)
POOL_SIZE = 8


def build_app(settings: Settings, store: Store) -> Starlette:
    """The application over a store."""
    webhooks = Webhooks(settings, store)

    async def report_health(_: Request) -> Response:
        """200 only when a post could be stored now."""
        try:
            can_store = await run_in_threadpool(_can_store, store)
        except (TransientError, PermanentError) as error:
            return problem(503, str(error))
        if not can_store:
            return problem(503, "The database is read-only.")
        return JSONResponse({"status": "ok"})

    return Starlette(
        routes=[
            Route("/health", report_health, methods=["GET"]),
            Route("/webhooks/{source}", webhooks.receive, methods=["POST"]),
            Route("/webhooks/{source}/{secret}", webhooks.receive, methods=["POST"]),
        ],
        exception_handlers={HTTPException: _report_refusal, Exception: _report_fault},
    )


def _can_store(store: Store) -> bool:
    with store.transaction() as transaction:
        return bool(transaction.value("can_store"))


async def _report_refusal(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    status = error.status_code if error.status_code in TITLES else 500
    detail = {404: "There is nothing at this path.", 405: "This path takes POST."}.get(status, error.detail)
    return problem(status, detail, headers=error.headers)


async def _report_fault(_: Request, error: Exception) -> Response:
    """The last resort. The error's own text may hold a lead's words, so only its kind is logged."""
    LOG.error("A request failed with %s.", type(error).__name__)
    return problem(500, "The post was not stored; send it again later.")


def main() -> int:
    """Serve until SIGTERM or SIGINT."""
    try:
        settings = read_settings()
        if settings.database_url is None:
            raise PermanentError("LEADFLOW_DATABASE_URL is not set; `leadflow up` sets it for the receiver it starts.")
        store = Database(
            settings.database_url.get_secret_value(), pool_size=POOL_SIZE, application_name="leadflow receiver"
        )
    except PermanentError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    uvicorn.run(
        build_app(settings, store),
        host=settings.receiver_host,
        port=settings.receiver_port,
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=5,
    )
    store.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
