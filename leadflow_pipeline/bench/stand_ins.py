"""The vendors' stand-ins within this process, on a port of their own, so that what they hold can be counted."""

import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import requests
import uvicorn

from leadflow_pipeline.sandbox.vendor_server import build_app
from leadflow_pipeline.sandbox.vendors import followupboss, hubspot, twilio
from leadflow_pipeline.sandbox.vendors.vendor import Vendor

SECONDS_TO_START = 20.0


@dataclass(frozen=True, kw_only=True)
class StandIns:
    """What the vendors hold, and where they are."""

    url: str
    followupboss: followupboss.FollowUpBossStandIn
    hubspot: hubspot.HubSpotStandIn
    twilio: twilio.TwilioStandIn

    def control(self, vendor: str, **behaviour: object) -> None:
        """Make a vendor behave in a certain way."""
        requests.post(f"{self.url}/_control/{vendor}", json=behaviour, timeout=10).raise_for_status()

    def count_verdicts(self, *vendors: str) -> dict[str, int]:
        """How many calls these vendors answered, failed, limited or left hanging."""
        calls = [call for vendor in vendors for call in requests.get(f"{self.url}/_calls/{vendor}", timeout=60).json()]
        return dict(Counter(str(call["verdict"]) for call in calls))


@contextmanager
def run_stand_ins(*, limits: bool = True, twilio_token: str = "sandbox") -> Iterator[StandIns]:
    """The stand-ins for CRMs and texts; `limits`: refuse as the vendors' rate limits say."""
    fub = followupboss.FollowUpBossStandIn() if limits else followupboss.FollowUpBossStandIn(limits={})
    hub = hubspot.HubSpotStandIn() if limits else hubspot.HubSpotStandIn(limit=None)
    texts = twilio.TwilioStandIn(twilio_token)
    with serve_vendors([followupboss.as_vendor(fub), hubspot.as_vendor(hub), twilio.as_vendor(texts)]) as url:
        yield StandIns(url=url, followupboss=fub, hubspot=hub, twilio=texts)


@contextmanager
def serve_vendors(vendors: Sequence[Vendor]) -> Iterator[str]:
    """Serve stand-ins from a thread on a free port; gives the address."""
    listener = socket.create_server(("127.0.0.1", 0))
    app = build_app({vendor.name: vendor for vendor in vendors})
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", access_log=False, timeout_graceful_shutdown=1))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, name="stand-ins", daemon=True)
    thread.start()
    deadline = time.monotonic() + SECONDS_TO_START
    while not server.started and time.monotonic() < deadline:
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(10)
        listener.close()
