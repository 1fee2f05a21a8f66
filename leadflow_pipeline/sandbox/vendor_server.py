"""The sandbox's HTTP server: all vendors' stand-ins on one port, with a control plane and a log of calls.

`POST /_control/{vendor}` makes one slow, failing, down or limited; `GET /_calls/{vendor}` tells what it was asked;
`DELETE` empties that. What a vendor answers stands in its own module below `vendors/`.
"""

import argparse
import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import ExitStack, asynccontextmanager
from dataclasses import asdict
from typing import Any
from urllib.parse import parse_qsl

import uvicorn
from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from leadflow_pipeline.domain.errors import PermanentError
from leadflow_pipeline.sandbox.mailbox import SANDBOX_HOST
from leadflow_pipeline.sandbox.vendor_control import Behaviour, Call, Control
from leadflow_pipeline.sandbox.vendors.registry import build_vendors
from leadflow_pipeline.sandbox.vendors.vendor import Vendor
from leadflow_pipeline.settings import read_settings

LARGEST_BODY_BYTES = 5_000_000


def build_app(vendors: Mapping[str, Vendor]) -> Starlette:
    """The application over these stand-ins."""
    controls = {name: Control(Behaviour(limit_per_minute=vendor.limit_per_minute)) for name, vendor in vendors.items()}

    def find(request: Request) -> Control | None:
        return controls.get(request.path_params["vendor"])

    async def control(request: Request) -> Response:
        found = find(request)
        if found is None:
            return _unknown(controls)
        try:
            wanted = json.loads(await request.body() or b"{}")
            found.behaviour = Behaviour.model_validate({**found.behaviour.model_dump(), **wanted})
        except (ValueError, TypeError) as error:
            return JSONResponse({"error": _describe(error)}, 422)
        return JSONResponse(found.behaviour.model_dump())

    async def show_control(request: Request) -> Response:
        found = find(request)
        return _unknown(controls) if found is None else JSONResponse(found.behaviour.model_dump())

    async def list_calls(request: Request) -> Response:
        found = find(request)
        return _unknown(controls) if found is None else JSONResponse([asdict(call) for call in found.calls])

    async def forget_calls(request: Request) -> Response:
        found = find(request)
        if found is None:
            return _unknown(controls)
        found.calls.clear()
        return Response(status_code=204)

    async def list_vendors(_: Request) -> Response:
        return HTMLResponse(_index(vendors))

    @asynccontextmanager
    async def run_beside(_: Starlette) -> AsyncIterator[None]:
        with ExitStack() as exits:
            for name, vendor in vendors.items():
                if vendor.beside is not None:
                    exits.enter_context(vendor.beside(controls[name]))
            yield

    return Starlette(
        lifespan=run_beside,
        routes=[
            Route("/", list_vendors),
            Route("/_control/{vendor}", control, methods=["POST"]),
            Route("/_control/{vendor}", show_control, methods=["GET"]),
            Route("/_calls/{vendor}", list_calls, methods=["GET"]),
            Route("/_calls/{vendor}", forget_calls, methods=["DELETE"]),
            *(Mount(f"/_page/{name}", routes=list(vendor.pages)) for name, vendor in vendors.items() if vendor.pages),
            *(
                Mount(f"/{name}", app=WatchedVendor(vendor, controls[name], Starlette(routes=list(vendor.routes))))
                for name, vendor in vendors.items()
            ),
        ],
    )


class WatchedVendor:
    """A stand-in behind its control: every call is noted, and answered as the control says."""

    def __init__(self, vendor: Vendor, control: Control, app: ASGIApp) -> None:
        self._vendor = vendor
        self._control = control
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        body = await _read_body(receive)
        call = _note(Request(scope), body)
        self._control.calls.append(call)
        behaviour = self._control.behaviour
        if behaviour.latency_ms:
            await asyncio.sleep(behaviour.latency_ms / 1000)
        now = time.monotonic()
        call.verdict = self._control.judge(now)

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                if call.verdict == "hang":
                    await asyncio.sleep(behaviour.hang_seconds)
                call.status = message["status"]
                self._add_rate_headers(message, now)
            await send(message)

        async def replay() -> Message:
            return {"type": "http.request", "body": body, "more_body": False}

        await self._choose(call, now)(scope, replay, answer)

    def _choose(self, call: Call, now: float) -> ASGIApp:
        match call.verdict:
            case "down":
                return JSONResponse({"error": "service unavailable"}, 503)
            case "limited":
                return self._vendor.answer_limited(self._control.seconds_to_reset(now))
            case "error":
                return self._vendor.answer_failed()
            case _:
                return self._app

    def _add_rate_headers(self, message: Message, now: float) -> None:
        limit = self._control.behaviour.limit_per_minute
        if limit is not None:
            MutableHeaders(scope=message).update(
                self._vendor.rate_headers(limit, self._control.remaining(now), self._control.seconds_to_reset(now))
            )


async def _read_body(receive: Receive) -> bytes:
    body = bytearray()
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body") or len(body) > LARGEST_BODY_BYTES:
            return bytes(body)


def _note(request: Request, body: bytes) -> Call:
    path = request.url.path.removeprefix(request.scope.get("root_path", "")) or "/"
    return Call(method=request.method, path=path, query=dict(request.query_params), body=_readable(request, body))


def _readable(request: Request, body: bytes) -> Any:
    """A body as a person would read it: JSON and forms as values, the rest as text."""
    text = body.decode("utf-8", "replace")
    kind = request.headers.get("content-type", "").partition(";")[0]
    if kind == "application/x-www-form-urlencoded":
        return dict(parse_qsl(text, keep_blank_values=True))
    try:
        return json.loads(text) if text else None
    except ValueError:
        return text


def _unknown(controls: Mapping[str, Control]) -> Response:
    return JSONResponse({"error": f"there is no such vendor; there are {', '.join(sorted(controls))}"}, 404)


def _describe(error: Exception) -> str:
    if isinstance(error, ValidationError):
        return "; ".join(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors())
    return "the body must be a JSON object"


def _index(vendors: Mapping[str, Vendor]) -> str:
    rows = "".join(
        f"<li><b>{name}</b> "
        + (f'<a href="/_page/{name}/">page</a> ' if vendor.pages else "")
        + f'<a href="/_calls/{name}">calls</a> <a href="/_control/{name}">control</a></li>'
        for name, vendor in sorted(vendors.items())
    )
    return (
        "<!doctype html><html lang=en><meta charset=utf-8><title>leadflow sandbox</title>"
        "<style>body{font:16px/1.6 system-ui;margin:3rem auto;max-width:40rem}li{margin:.3rem 0}</style>"
        f"<h1>The sandbox's vendors</h1><p>Stand-ins: nothing leaves this machine.</p><ul>{rows}</ul></html>"
    )


def main() -> int:
    """Serve until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(description="Serve the vendors' stand-ins on loopback.")
    parser.add_argument("--port", type=int, required=True, help="port on 127.0.0.1")
    port = parser.parse_args().port
    try:
        app = build_app(build_vendors(read_settings()))
    except PermanentError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    # A call that hangs must not keep the sandbox from ending.
    uvicorn.run(app, host=SANDBOX_HOST, port=port, log_level="warning", access_log=False, timeout_graceful_shutdown=1)
    return 0


if __name__ == "__main__":
    sys.exit(main())
