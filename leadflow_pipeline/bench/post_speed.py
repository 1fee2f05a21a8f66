"""How fast posts are taken in: a client for loopback, and a receiver alone with a new database to point it at.

The client's loop is open: a post goes out when it is due, whatever became of those before, and its time runs from
when it was due. A receiver that stalls is so charged for everything that queued up meanwhile.
"""

import asyncio
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from leadflow_pipeline.adapters.database import Database
from leadflow_pipeline.adapters.migrations import apply_migrations
from leadflow_pipeline.domain.errors import TransientError
from leadflow_pipeline.runtime.postgres import embedded_url, start_embedded, stop_embedded
from leadflow_pipeline.runtime.stack import answers

HOST = "127.0.0.1"
PATH = "/webhooks/website"
SECONDS_TO_ANSWER = 30.0
SECONDS_TO_START = 120.0
_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What one post came to."""

    raw: bytes
    status: int  # 0: no answer came
    event_id: int | None
    seconds: float  # from when it was due to the end of its answer


@dataclass(frozen=True, kw_only=True)
class PostTimes:
    """What a row of posts came to; times in milliseconds."""

    sent: int
    stored: int  # answered with a 2xx
    per_second: float  # stored, from the first that was due to the last answer
    p50_ms: float
    p99_ms: float
    max_ms: float


async def send_at_rate(port: int, posts: Iterable[bytes], *, per_second: float) -> list[Answer]:
    """Send each post when it is due, over as many connections as that takes; never raises for a post."""
    connections = _Connections(port)
    clock = asyncio.get_running_loop().time
    started = clock()
    sending = []
    for number, raw in enumerate(posts):
        due = started + number / per_second
        await asyncio.sleep(max(0.0, due - clock()))
        sending.append(asyncio.create_task(_send(connections, raw, due)))
    sent = await asyncio.gather(*sending)
    connections.close()
    return sent


async def send_all_at_once(port: int, posts: Iterator[bytes], *, connections: int, seconds: float) -> list[Answer]:
    """Keep so many connections busy for so long, each with a new post as soon as the one before is answered."""
    opened = _Connections(port)
    clock = asyncio.get_running_loop().time
    deadline = clock() + seconds
    sent: list[Answer] = []

    async def keep_busy() -> None:
        while clock() < deadline:
            sent.append(await _send(opened, next(posts), clock()))

    await asyncio.gather(*(keep_busy() for _ in range(connections)))
    opened.close()
    return sent


def sum_up(sent: Sequence[Answer], seconds: float) -> PostTimes:
    """The figures of answers that came within `seconds` altogether."""
    times = sorted(1000 * answer.seconds for answer in sent)
    stored = sum(200 <= answer.status < 300 for answer in sent)
    return PostTimes(
        sent=len(sent),
        stored=stored,
        per_second=stored / seconds,
        p50_ms=times[len(times) // 2],
        p99_ms=times[int(len(times) * 0.99)],
        max_ms=times[-1],
    )


def measure_rate(port: int, *, per_second: int, seconds: int) -> PostTimes:
    """POST to durable 2xx at a given rate, every post a new lead."""
    started = time.perf_counter()
    posts = make_posts()
    sent = asyncio.run(send_at_rate(port, (next(posts) for _ in range(per_second * seconds)), per_second=per_second))
    return sum_up(sent, time.perf_counter() - started)


def measure_most(port: int, *, connections: int, seconds: int) -> PostTimes:
    """How many posts a second the receiver takes from this many senders who do not wait."""
    started = time.perf_counter()
    sent = asyncio.run(send_all_at_once(port, make_posts(), connections=connections, seconds=seconds))
    return sum_up(sent, time.perf_counter() - started)


def make_posts() -> Iterator[bytes]:
    """Website forms without end, each of another invented person."""
    token = os.urandom(4).hex()
    number = 0
    while True:
        number += 1
        yield json.dumps(
            {
                "name": f"Lead {number}",
                "email": f"lead.{token}.{number}@example.com",
                "phone": "512-555-0142",
                "message": "Pre-approved. Can we see the house on Friday, in the afternoon?",
                "address": "12 Oak St, Austin, TX 78701",
                "budget": "$650,000",
            }
        ).encode()


def find_port() -> int:
    """A port that nobody listened on a moment ago."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def receiver_alone(port: int) -> Iterator[Database]:
    """A receiver of one process on this port, over a new database with the server's own settings, gone afterwards."""
    home = Path(tempfile.mkdtemp(prefix="leadflow-bench-"))
    server = start_embedded(home)
    try:
        url = embedded_url(server)
        apply_migrations(url)
        with start_receiver(port, home, url), Database(url, pool_size=1) as database:
            yield database
    finally:
        stop_embedded(server)
        shutil.rmtree(home)


@contextmanager
def start_receiver(port: int, home: Path, database_url: str) -> Iterator[subprocess.Popen[bytes]]:
    """The receiver's process, once it answers; ended behind this block if it has not ended by itself."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("LEADFLOW_")}
    environment = {
        **kept,
        "LEADFLOW_DATABASE_URL": database_url,
        "LEADFLOW_HOME": str(home),
        "LEADFLOW_RECEIVER_PORT": str(port),
    }
    with (home / "receiver.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "leadflow_pipeline.receiver.app"], env=environment, stdout=log, stderr=log
        )
    try:
        deadline = time.monotonic() + SECONDS_TO_START
        while not answers(f"http://{HOST}:{port}/health"):
            if process.poll() is not None or time.monotonic() > deadline:
                raise TransientError(f"The receiver did not start; its log is {home / 'receiver.log'}.")
            time.sleep(0.05)
        yield process
    finally:
        process.kill()
        process.wait()


async def _send(connections: "_Connections", raw: bytes, due: float) -> Answer:
    status, event_id = 0, None
    with suppress(OSError, TimeoutError):
        status, body = await connections.post(raw)
        with suppress(ValueError):
            event_id = json.loads(body).get("event_id")
    return Answer(raw=raw, status=status, event_id=event_id, seconds=asyncio.get_running_loop().time() - due)


class _Connections:
    """Connections kept open, as a proxy before the receiver keeps them."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._idle: list[_Connection] = []

    async def post(self, raw: bytes) -> tuple[int, bytes]:
        """Status and body of the answer. Raises OSError when none comes."""
        connection = self._idle.pop() if self._idle else await self._open()
        answer = await asyncio.wait_for(connection.post(raw), SECONDS_TO_ANSWER)
        self._idle.append(connection)
        return answer

    async def _open(self) -> "_Connection":
        _, connection = await asyncio.get_running_loop().create_connection(_Connection, HOST, self._port)
        return connection

    def close(self) -> None:
        for connection in self._idle:
            connection.close()


class _Connection(asyncio.Protocol):
    """One HTTP/1.1 connection, with no more of the protocol than our own receiver's answers need."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._answer: asyncio.Future[tuple[int, bytes]] | None = None
        self._received = b""

    def post(self, raw: bytes) -> "asyncio.Future[tuple[int, bytes]]":
        """Send a post; its answer comes with the future."""
        self._answer = asyncio.get_running_loop().create_future()
        if self._transport is None:
            self._answer.set_exception(ConnectionError("closed"))
            return self._answer
        head = (
            f"POST {PATH} HTTP/1.1\r\nhost: {HOST}\r\ncontent-type: application/json\r\n"
            f"content-length: {len(raw)}\r\n\r\n"
        )
        self._transport.write(head.encode() + raw)
        return self._answer

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, end_of_head, body = self._received.partition(b"\r\n\r\n")
        length = _LENGTH.search(head)
        if not end_of_head or length is None or len(body) < int(length[1]):
            return
        self._received = b""
        if self._answer is not None and not self._answer.done():
            self._answer.set_result((int(head[9:12]), body))

    def connection_lost(self, error: Exception | None) -> None:
        self._transport = None
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(error or ConnectionError("closed"))
