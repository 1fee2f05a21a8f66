"""The vendors' stand-ins as a server of the test's own, and what they were asked."""

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import requests
import uvicorn

from leadflow_pipeline.sandbox.vendor_server import build_app
from leadflow_pipeline.sandbox.vendors.registry import build_vendors
from leadflow_pipeline.settings import Settings


class ServedVendors:
    """A running server: its control plane and its log of calls."""

    def __init__(self, url: str) -> None:
        self.url = url

    def control(self, vendor: str, **behaviour: Any) -> None:
        requests.post(f"{self.url}/_control/{vendor}", json=behaviour, timeout=30).raise_for_status()

    def calls(self, vendor: str) -> list[dict[str, Any]]:
        answer: list[dict[str, Any]] = requests.get(f"{self.url}/_calls/{vendor}", timeout=30).json()
        return answer

    def answered(self, vendor: str, field: str) -> Counter[str]:
        """How often each value of a query field was answered: what the vendor would bill."""
        return Counter(call["query"].get(field) for call in self.calls(vendor) if call["verdict"] == "answer")


@contextmanager
def serve_vendors(settings: Settings) -> Iterator[ServedVendors]:
    """All stand-ins on a port that the system chooses."""
    config = uvicorn.Config(
        build_app(build_vendors(settings)), port=0, log_level="error", access_log=False, timeout_graceful_shutdown=1
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield ServedVendors(f"http://127.0.0.1:{port}")
    finally:
        server.should_exit = True
        thread.join(10)
