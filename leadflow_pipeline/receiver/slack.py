"""`POST /slack/interactions`: clicks on cards. Signature on the raw bytes, one decision in the database, an answer.

Slack waits three seconds; what it has to show afterwards are effects in the outbox. They are carried out at once by
a thread beside (`Deliverer`), so that the winner need not wait for the next run; what that leaves, a run does.
"""

import json
import logging
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qs

from slack_sdk.signature import SignatureVerifier
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from leadflow_pipeline.domain.errors import PermanentError, TransientError
from leadflow_pipeline.domain.lead_effects import Channels
from leadflow_pipeline.domain.slack_cards import CLAIM_ACTION, TOUCH_ACTION
from leadflow_pipeline.receiver.bodies import read_body
from leadflow_pipeline.receiver.metrics import REASONS, Metrics
from leadflow_pipeline.receiver.problems import ProblemError
from leadflow_pipeline.stages.claims import ClickAnswer, claim_lead
from leadflow_pipeline.stages.deliveries import Sender, deliver_effects
from leadflow_pipeline.stages.first_touches import touch_lead_by_slack
from leadflow_pipeline.stages.store import Store
from leadflow_pipeline.vendor_settings import SlackAccount

LOG = logging.getLogger(__name__)

ROUTE = "/slack/interactions"
DELIVERY_SECONDS = 10
_BIGGEST_ID = 2**63 - 1


class SlackInteractions:
    """The endpoint of one Slack app."""

    def __init__(
        self,
        account: SlackAccount | None,
        store: Store,
        metrics: Metrics,
        *,
        channels: Channels,
        wake: Callable[[], None] | None = None,
    ) -> None:
        self._verifier = SignatureVerifier(account.signing_secret.get_secret_value()) if account else None
        self._store = store
        self._metrics = metrics
        self._channels = channels
        self._wake = wake or (lambda: None)

    async def receive(self, request: Request) -> Response:
        """Answer one interaction. 200: decided; 503: the database is away, click again."""
        started = time.perf_counter()
        outcome = "fault"
        try:
            answer = await self._receive(request)
            outcome = answer.outcome if answer else "none"
        except ProblemError as error:
            outcome = REASONS.get(error.status, "other")
            return error.response()
        finally:
            self._metrics.note_click(outcome, time.perf_counter() - started)
        if answer is None:
            return Response()
        self._wake()
        # Slack shows nothing of this (K); whoever clicked is told by a message of their own.
        return JSONResponse({"response_type": "ephemeral", "replace_original": False, "text": answer.text})

    async def _receive(self, request: Request) -> ClickAnswer | None:
        if self._verifier is None:
            raise ProblemError(404, "Slack is not configured here.")
        raw = await read_body(request)
        if not _is_authentic(self._verifier, raw, request.headers):
            raise ProblemError(401, "The signature or its time is wrong.")
        payload = _read_payload(raw)
        if payload.get("type") != "block_actions":
            return None
        try:
            return await run_in_threadpool(self._act, payload)
        except TransientError as error:
            LOG.warning("%s", error)
            raise ProblemError(503, "The click could not be stored; click again.") from error

    def _act(self, payload: Mapping[str, Any]) -> ClickAnswer | None:
        """Carry out the first action that is ours; links and other apps' buttons are none."""
        try:
            user = str(payload["user"]["id"])
            channel = str(payload["channel"]["id"])
            for action in payload["actions"]:
                if action["action_id"] not in (CLAIM_ACTION, TOUCH_ACTION):
                    continue
                lead_id = int(action["value"])
                if not 0 < lead_id <= _BIGGEST_ID:
                    raise ValueError
                if action["action_id"] == CLAIM_ACTION:
                    return claim_lead(
                        self._store, lead_id=lead_id, slack_user=user, channel=channel, channels=self._channels
                    )
                return touch_lead_by_slack(self._store, lead_id=lead_id, slack_user=user, channel=channel)
        except (KeyError, TypeError, ValueError) as error:
            raise ProblemError(400, "This is no interaction that Slack would send.") from error
        return None


class Deliverer:
    """Carries out what clicks have caused, in one thread of its own, as soon as it is woken."""

    def __init__(self, store: Store, senders: Mapping[str, Sender]) -> None:
        self._store = store
        self._senders = senders
        self._woken = threading.Event()
        threading.Thread(target=self._run, name="slack-deliverer", daemon=True).start()

    def wake(self) -> None:
        """There is something to do."""
        self._woken.set()

    def _run(self) -> None:
        while True:
            self._woken.wait()
            self._woken.clear()
            try:
                deliver_effects(self._store, self._senders, seconds=DELIVERY_SECONDS)
            except (TransientError, PermanentError) as error:
                LOG.warning("%s", error)  # a run takes up what is left
            except Exception as error:  # noqa: BLE001 - the thread must outlive a fault; its text could hold a lead's words
                LOG.error("Delivering failed with %s.", type(error).__name__)


def _is_authentic(verifier: SignatureVerifier, raw: bytes, headers: Mapping[str, str]) -> bool:
    """Whether Slack sent these bytes within the last five minutes. Nonsense in the headers is simply not."""
    try:
        return verifier.is_valid_request(raw, dict(headers))
    except (ValueError, TypeError):  # a time that is no number, bytes that are no text
        return False


def _read_payload(raw: bytes) -> Mapping[str, Any]:
    try:
        payload = json.loads(parse_qs(raw.decode("utf-8"), strict_parsing=True)["payload"][0])
        if isinstance(payload, dict):
            return payload
    except (ValueError, KeyError, RecursionError):
        pass
    raise ProblemError(400, "This is no interaction that Slack would send.")
