"""A spike of leads that all need vendors: how late they get, how much is asked, what it costs.

`python -m leadflow_pipeline.bench.vendor_spike URL LEADS` on an empty, migrated database with dbt's models; vendors
are the stand-ins at their documented limits, in a process of their own. The pipeline's stages run as in production,
batches of 500 in two processes; Dagster's own time is not in it.
"""

import json
import multiprocessing
import sys
import time
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from multiprocessing.process import BaseProcess

from leadflow_pipeline.adapters.database import Database
from leadflow_pipeline.adapters.rule_files import load_rules
from leadflow_pipeline.settings import Settings
from leadflow_pipeline.stages.agents import import_agents
from leadflow_pipeline.stages.batches import BatchLimits
from leadflow_pipeline.stages.enriched_leads import enrich_leads
from leadflow_pipeline.stages.normalized_leads import normalize_leads
from leadflow_pipeline.stages.posts import ArrivedPost, PostIdentity, land_posts
from leadflow_pipeline.stages.scored_leads import score_leads
from leadflow_pipeline.stages.staged_leads import stage_leads
from leadflow_pipeline.stages.vendor_budgets import list_bills

WORKERS = 2
BATCH_SIZE = 500
AGENTS = 7
STREETS = ("Oak Street", "Elm Court", "Cedar Lane", "Juniper Drive", "Willow Way")


@dataclass(frozen=True, kw_only=True)
class Spike:
    """What a spike came to. Seconds from the landing of the first lead; dollars."""

    leads: int
    assigned: int
    seconds: float  # until the last one had its place
    calls: dict[str, int]
    cost: dict[str, float]


@contextmanager
def serve_stand_ins(settings: Settings) -> Iterator[None]:
    """The sandbox's vendors in a process of their own, on the settings' port."""
    server = multiprocessing.get_context("forkserver").Process(target=_serve, args=(settings.sandbox_port,))
    server.start()
    try:
        _wait_until_it_answers(f"{settings.sandbox_url}/", server)
        yield
    finally:
        server.terminate()
        server.join()


def measure_spike(url: str, leads: int, settings: Settings) -> Spike:
    """Land so many leads with an address and a person each, and run batches until all have their place."""
    with Database(url, pool_size=2) as database:
        import_agents(database, [_agent(number) for number in range(1, AGENTS + 1)])
        began = time.monotonic()
        _land(database, leads)
        context = multiprocessing.get_context("forkserver")
        workers = [context.Process(target=work, args=(url, settings)) for _ in range(WORKERS)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        took = time.monotonic() - began
        bills = [bill for bill in list_bills(database) if bill.calls_today]
        with database.transaction() as transaction:
            status = transaction.row("read_status", window_hours=1)
    assert status is not None
    return Spike(
        leads=leads,
        assigned=status["assigned"],
        seconds=took,
        calls={bill.vendor: bill.calls_today for bill in bills},
        cost={bill.vendor: float(bill.cost_today) for bill in bills},
    )


def work(url: str, settings: Settings) -> None:
    """One worker: batch after batch, until there is nothing to claim."""
    from leadflow_pipeline.defs.enrichers import build_enrichment
    from leadflow_pipeline.stages.assigned_leads import assign_leads

    rules = load_rules(None)
    limits = BatchLimits(batch_size=BATCH_SIZE, max_batches=WORKERS, lease_seconds=90)
    with Database(url, pool_size=6) as database, closing(build_enrichment(settings)) as enrichment:
        while True:
            batch_id = uuid.uuid4()
            if not stage_leads(database, batch_id=batch_id, rules=rules, limits=limits).claimed:
                return
            normalize_leads(database, batch_id=batch_id, region="US")
            enrich_leads(database, batch_id=batch_id, enrichment=enrichment)
            score_leads(database, batch_id=batch_id)
            assign_leads(database, batch_id=batch_id)


def _land(database: Database, leads: int) -> None:
    for first in range(0, leads, BATCH_SIZE):
        land_posts(database, [_post(number) for number in range(first, min(leads, first + BATCH_SIZE))])


def _agent(number: int) -> dict[str, object]:
    return {"row_number": number, "agent_id": f"agent-{number}", "name": f"Agent {number}", "active": True}


def _post(number: int) -> ArrivedPost:
    form = {
        "name": f"Person {number}",
        "email": f"person{number}@company{number % 97}.example",
        "phone": f"(512) 555-{number % 100 + 100:04}",
        "address": f"{100 + number} {STREETS[number % len(STREETS)]}, Austin, TX 78704",
        "message": "We are pre-approved." if number % 5 == 0 else "Please call me.",
    }
    return ArrivedPost(
        source="website",
        raw=json.dumps(form).encode(),
        content_type="application/json",
        identity=PostIdentity(),
        headers={},
        received_at=datetime.now(UTC),
    )


def _serve(port: int) -> None:
    sys.argv = ["vendor_server", "--port", str(port)]
    from leadflow_pipeline.sandbox.vendor_server import main

    main()


def _wait_until_it_answers(address: str, server: BaseProcess) -> None:
    while server.is_alive():
        try:
            with urllib.request.urlopen(address, timeout=2):
                return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError("The stand-ins ended before they answered.")


if __name__ == "__main__":
    used = Settings(sandbox_port=18_020)
    with serve_stand_ins(used):
        sys.stdout.write(f"{measure_spike(sys.argv[1], int(sys.argv[2]), used)}\n")
