"""`POST /crm/{crm}`: what a CRM tells of calls and stages. Size, signature on the raw bytes, insert, commit, answer.

What a notice means is asked of the CRM later, by a run: the CRM waits for its answer here, and gets one at once.
"""

import logging
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from leadflow_pipeline.domain.crm_notices import (
    CrmNotice,
    read_follow_up_boss,
    read_hubspot,
    require_follow_up_boss,
    require_hubspot,
)
from leadflow_pipeline.domain.errors import TransientError
from leadflow_pipeline.domain.webhook_sources.source import RefusedError, UnreadablePostError
from leadflow_pipeline.receiver.bodies import read_body
from leadflow_pipeline.receiver.problems import RETRY_AFTER_SECONDS, ProblemError
from leadflow_pipeline.settings import Settings
from leadflow_pipeline.stages.crm_notices import queue_notices
from leadflow_pipeline.stages.store import Store

LOG = logging.getLogger(__name__)

READERS: Mapping[str, Callable[[bytes], list[CrmNotice]]] = {
    "followupboss": read_follow_up_boss,
    "hubspot": read_hubspot,
}


class CrmNotices:
    """The endpoint of the CRM in use."""

    def __init__(self, settings: Settings, store: Store) -> None:
        self._settings = settings
        self._store = store

    def routes(self) -> list[Route]:
        """The one route."""
        return [Route("/crm/{crm}", self.receive, methods=["POST"])]

    async def receive(self, request: Request) -> Response:
        """Take in one post. 202: something new is kept; 200: nothing in it was new, or meant anything to us."""
        try:
            new = await self._receive(request, request.path_params["crm"])
        except ProblemError as error:
            return error.response()
        return JSONResponse({"notices": new}, 202 if new else 200)

    async def _receive(self, request: Request, crm: str) -> int:
        secrets = self._settings.crm_secrets(crm) if crm == self._settings.crm_in_use else ()
        if not secrets:
            raise ProblemError(404, "This CRM is not configured here.")
        raw = await read_body(request)
        try:
            self._authenticate(crm, request.headers, raw, secrets)
            notices = READERS[crm](raw)
        except RefusedError as error:
            raise ProblemError(401, str(error)) from error
        except UnreadablePostError as error:
            raise ProblemError(400, str(error)) from error
        try:
            return await run_in_threadpool(queue_notices, self._store, crm, notices)
        except TransientError as error:
            LOG.warning("%s", error)
            headers = {"Retry-After": str(RETRY_AFTER_SECONDS)}
            raise ProblemError(503, "The notice could not be stored; send it again.", headers=headers) from error

    def _authenticate(self, crm: str, headers: Mapping[str, str], raw: bytes, secrets: tuple[str, ...]) -> None:
        if crm == "followupboss":
            require_follow_up_boss(headers.get("fub-signature", ""), raw, secrets)
            return
        require_hubspot(
            headers.get("x-hubspot-signature-v3", ""),
            headers.get("x-hubspot-request-timestamp", ""),
            raw,
            address=self._settings.crm_webhook_url(crm),
            secrets=secrets,
            now=datetime.now(UTC),
        )
