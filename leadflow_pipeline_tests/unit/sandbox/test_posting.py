"""Posting samples: what goes over the wire, and what a user reads when nobody takes it."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from leadflow_pipeline.sandbox.posting import ReceiverError, post_leads
from leadflow_pipeline.sandbox.samples import sample_posts

Answer = Callable[[str, dict[str, Any]], tuple[int, bytes]]


@contextmanager
def receiver(answer: Answer) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            status, content = answer(self.path, body)
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def test_each_post_goes_to_its_sources_webhook_and_its_event_id_comes_back() -> None:
    received: list[tuple[str, dict[str, Any]]] = []

    def take(path: str, body: dict[str, Any]) -> tuple[int, bytes]:
        received.append((path, body))
        return 202, json.dumps({"event_id": len(received)}).encode()

    posts = sample_posts(3, seed=1)
    with receiver(take) as url:
        assert post_leads(f"{url}/", posts) == ["1", "2", "3"]
    assert received == [("/webhooks/website", dict(post.body)) for post in posts]


def test_a_missing_receiver_is_named_with_the_remedy() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{probe.getsockname()[1]}"
        with pytest.raises(ReceiverError, match=f"{url}/webhooks/website .*make up"):
            post_leads(url, sample_posts(1, seed=1))


def test_a_refusal_says_its_status() -> None:
    with receiver(lambda _, __: (503, b"{}")) as url, pytest.raises(ReceiverError, match="503"):
        post_leads(url, sample_posts(1, seed=1))


def test_something_else_on_the_port_is_told_apart_from_the_receiver() -> None:
    with receiver(lambda _, __: (200, b"hello")) as url, pytest.raises(ReceiverError, match="not leadflow"):
        post_leads(url, sample_posts(1, seed=1))
