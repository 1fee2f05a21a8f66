"""How fast a click on "Claim" is answered when many click at once, and how soon an unclaimed hot lead has an agent.

The clicks are properly signed and go to receiver processes of their own over kept connections. Slack itself is not
asked: what clicks cause stays in the outbox.
"""

import http.client
import json
import multiprocessing
import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import quantiles
from urllib.parse import urlencode

import uvicorn
from pydantic import SecretStr
from slack_sdk.signature import SignatureVerifier

from leadflow_pipeline.adapters.database import Database
from leadflow_pipeline.bench.own_stack import OwnStack, find_free_ports
from leadflow_pipeline.domain.errors import TransientError
from leadflow_pipeline.domain.routing.claims import ClaimTerms
from leadflow_pipeline.receiver.app import POOL_SIZE, build_app
from leadflow_pipeline.settings import Settings
from leadflow_pipeline.stages.agents import import_agents
from leadflow_pipeline.stages.assigned_leads import RoutingTerms, assign_leads
from leadflow_pipeline.stages.batches import BatchLimits
from leadflow_pipeline.stages.normalized_leads import normalize_leads
from leadflow_pipeline.stages.posts import ArrivedPost, PostIdentity, land_posts
from leadflow_pipeline.stages.scored_leads import score_leads
from leadflow_pipeline.stages.staged_leads import stage_leads

SECRET = "bench-signing-secret"
BATCH = 500
HOURS = ClaimTerms(window=7_200, latest=14_400, least=1, pace=0)  # nothing ends while it is measured


@dataclass(frozen=True, kw_only=True)
class Clicked:
    """What became of the clicks; milliseconds from the first byte sent to the whole answer read."""

    leads: int
    clicks: int
    winners: int  # leads that have an agent by claim
    told_they_won: int
    told_who_won: int  # losers whose answer names somebody
    other_answers: int
    p50_ms: float
    p95_ms: float
    p99_ms: float
    most_ms: float
    clicks_a_second: float


@dataclass(frozen=True, kw_only=True)
class Unclaimed:
    """Hot leads that came at once and that nobody claimed; seconds from arrival to assigned."""

    sent: int
    assigned: int
    offered: int  # that had a card
    p50_seconds: float
    most_seconds: float


def measure_clicks(url: str, home: Path, *, leads: int, clickers: int, receivers: int) -> Clicked:
    """Let `clickers` agents click on each of `leads` cards at the same moment, through `receivers` processes."""
    with Database(url, pool_size=2, application_name="leadflow bench") as database:
        lead_ids = offer_leads(database, leads=leads, agents=clickers)
        with run_receivers(url, home, receivers) as ports:
            began = time.monotonic()
            answers = click_all(lead_ids, ports, clickers)
            took = time.monotonic() - began
        with database.transaction() as transaction:
            winners = transaction.value("count_claimed_leads")
    texts = Counter(_kind(text) for _, text in answers)
    milliseconds = sorted(1000 * seconds for seconds, _ in answers)
    percent = quantiles(milliseconds, n=100, method="inclusive")
    return Clicked(
        leads=leads,
        clicks=len(answers),
        winners=winners,
        told_they_won=texts["won"],
        told_who_won=texts["lost"],
        other_answers=texts["other"],
        p50_ms=percent[49],
        p95_ms=percent[94],
        p99_ms=percent[98],
        most_ms=milliseconds[-1],
        clicks_a_second=len(answers) / took,
    )


def offer_leads(database: Database, *, leads: int, agents: int) -> list[int]:
    """That many agents in Slack, and that many hot leads open for hours; gives the leads' ids."""
    import_agents(
        database,
        [
            {
                "row_number": number,
                "given": ["slack_id"],
                "agent_id": f"bench-{number}",
                "name": f"Agent {number}",
                "slack_id": f"U0BENCH{number:04d}",
            }
            for number in range(agents)
        ],
    )
    land_posts(database, [_write_post(number) for number in range(leads)])
    limits = BatchLimits(batch_size=BATCH, max_batches=1, lease_seconds=600)
    while True:
        batch = uuid.uuid4()
        if not stage_leads(database, batch_id=batch, rules=(), limits=limits).claimed:
            break
        normalize_leads(database, batch_id=batch, region="US")
        score_leads(database, batch_id=batch)
        assign_leads(database, batch_id=batch, terms=RoutingTerms(claims=HOURS))
    with database.transaction() as transaction:
        return [row["lead_id"] for row in transaction.rows("list_open_claims")]


@contextmanager
def run_receivers(url: str, home: Path, count: int) -> Iterator[list[int]]:
    """Receiver processes on ports of their own, ready to answer."""
    context = multiprocessing.get_context("spawn")
    ports = find_free_ports(count)
    processes = [context.Process(target=serve_receiver, args=(url, home, port), daemon=True) for port in ports]
    for process in processes:
        process.start()
    try:
        for port in ports:
            _wait_for(port)
        yield ports
    finally:
        for process in processes:
            process.terminate()
            process.join(10)


def serve_receiver(url: str, home: Path, port: int) -> None:
    """One receiver process."""
    settings = Settings(
        _env_file=None,  # type: ignore[call-arg]
        home=home,
        slack_bot_token=SecretStr("xoxb-bench"),
        slack_signing_secret=SecretStr(SECRET),
    )
    with Database(url, pool_size=POOL_SIZE, application_name="leadflow receiver") as database:
        uvicorn.run(build_app(settings, database), host="127.0.0.1", port=port, log_level="warning", access_log=False)


def click_all(lead_ids: Sequence[int], ports: Sequence[int], clickers: int) -> list[tuple[float, str]]:
    """Every clicker clicks on every lead, all on the same one at the same moment; seconds and answer of each click."""
    together = threading.Barrier(clickers)
    answers: list[list[tuple[float, str]]] = [[] for _ in range(clickers)]

    def click(number: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", ports[number % len(ports)], timeout=30)
        for lead_id in lead_ids:
            body, headers = sign_click(f"U0BENCH{number:04d}", lead_id)
            together.wait()
            started = time.perf_counter()
            connection.request("POST", "/slack/interactions", body, headers)
            text = connection.getresponse().read()
            answers[number].append((time.perf_counter() - started, json.loads(text).get("text", "")))
        connection.close()

    threads = [threading.Thread(target=click, args=(number,)) for number in range(clickers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [answer for own in answers for answer in own]


def sign_click(user: str, lead_id: int) -> tuple[bytes, dict[str, str]]:
    """A click as Slack sends it."""
    payload = {
        "type": "block_actions",
        "user": {"id": user},
        "channel": {"id": "C0HOTLEADS"},
        "actions": [{"action_id": "claim_lead", "value": str(lead_id)}],
    }
    body = urlencode({"payload": json.dumps(payload)}).encode()
    timestamp = str(int(time.time()))
    signature = SignatureVerifier(SECRET).generate_signature(timestamp=timestamp, body=body)
    return body, {
        "content-type": "application/x-www-form-urlencoded",
        "x-slack-request-timestamp": timestamp,
        "x-slack-signature": str(signature),
    }


def leave_unclaimed(stack: OwnStack, *, leads: int, seconds: float = 180) -> Unclaimed:
    """Send hot leads at once to a whole stack, and wait until all have an agent although nobody clicks."""
    for number in range(leads):
        connection = http.client.HTTPConnection("127.0.0.1", stack.ports["LEADFLOW_RECEIVER_PORT"], timeout=30)
        connection.request("POST", "/webhooks/website", _write_post(number).raw, {"content-type": "application/json"})
        connection.getresponse().read()
        connection.close()
    deadline = time.monotonic() + seconds
    while True:
        with stack.database.transaction() as transaction:
            rows = transaction.rows("list_hot_delays")
        if len(rows) >= leads or time.monotonic() > deadline:
            break
        time.sleep(1)
    delays = sorted(row["seconds"] for row in rows)
    if not delays:
        raise TransientError("No hot lead was assigned.")
    return Unclaimed(
        sent=leads,
        assigned=len(delays),
        offered=sum(row["had_card"] for row in rows),
        p50_seconds=delays[len(delays) // 2],
        most_seconds=delays[-1],
    )


def _write_post(number: int) -> ArrivedPost:
    """A form that scores hot, of a person of its own."""
    form = {"name": f"Person {number}", "email": f"p{number}@example.com", "phone": f"512555{number % 10000:04d}"}
    return ArrivedPost(
        source="website",
        raw=json.dumps({**form, "message": "cash buyer", "budget": "$900k"}).encode(),
        content_type="application/json",
        identity=PostIdentity(),
        headers={},
        received_at=datetime.now(UTC),
    )


def _kind(text: str) -> str:
    if text.startswith("It is yours"):
        return "won"
    return "lost" if " was first, after " in text else "other"


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + 90
    while True:
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            connection.request("GET", "/health")
            if connection.getresponse().status == 200:
                return
        except OSError:
            pass
        if time.monotonic() > deadline:
            raise TransientError(f"The receiver on port {port} did not start.")
        time.sleep(0.1)
