"""The stages without Dagster: what their work costs, and so what lineage, launching and watching cost beside it.

A burst is landed in a database of its own, then workers take batch after batch through the stages that the hot run
goes through, vendors' stand-ins included. The messages are those of `traffic`, which a whole stack gets too.
"""

import multiprocessing
import os
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from multiprocessing.connection import Connection
from typing import Any

from leadflow_pipeline.adapters.database import Database
from leadflow_pipeline.adapters.intent_model_file import load_model
from leadflow_pipeline.adapters.rule_files import load_rules
from leadflow_pipeline.adapters.watched_process import WatchedProcess
from leadflow_pipeline.bench.traffic import Letter
from leadflow_pipeline.domain.fetched_mail import FetchedMail
from leadflow_pipeline.settings import Settings
from leadflow_pipeline.stages.assigned_leads import assign_leads
from leadflow_pipeline.stages.batches import BatchLimits
from leadflow_pipeline.stages.deliveries import deliver_effects, seconds_for_first_tries
from leadflow_pipeline.stages.enriched_leads import enrich_leads
from leadflow_pipeline.stages.inquiry_intents import judge_inquiries
from leadflow_pipeline.stages.mail_intake import land_new_mails
from leadflow_pipeline.stages.normalized_leads import normalize_leads
from leadflow_pipeline.stages.posts import ArrivedPost, PostIdentity, land_posts
from leadflow_pipeline.stages.scored_leads import score_leads
from leadflow_pipeline.stages.staged_leads import stage_leads


@dataclass(frozen=True, kw_only=True)
class StageCost:
    """Of one stage over all workers: seconds by the clock, and of its own process's processor."""

    seconds: float
    processor_seconds: float


@dataclass(frozen=True, kw_only=True)
class LoopFigures:
    """What a burst through the bare loop came to."""

    leads: int
    assigned: int
    workers: int
    seconds: float  # from the first claim until nothing was left to claim
    stages: Mapping[str, StageCost]


class LetterBox:
    """Mails as a mailbox gives them, without a server."""

    account, folder = "bench@brokerage.example", "INBOX"

    def __init__(self, mails: Sequence[bytes]) -> None:
        self._mails = mails

    def select(self) -> int:
        return 1

    def list_uids(self, *, above: int = 0, since: date | None = None) -> list[int]:  # noqa: ARG002
        return list(range(above + 1, len(self._mails) + 1))

    def fetch(self, uids: Sequence[int]) -> Iterator[FetchedMail]:
        for uid in uids:
            yield FetchedMail(uid=uid, received_at=datetime.now(UTC), raw=self._mails[uid - 1])


def measure_loop(url: str, settings: Settings, letters: Sequence[Letter], *, workers: int) -> LoopFigures:
    """Land the letters, let so many processes work them off, and add up what each stage took."""
    with Database(url, pool_size=2) as database:
        _land(database, letters)
        context = multiprocessing.get_context("spawn")
        started, reports = [], []
        gate = context.Barrier(workers + 1)
        for _ in range(workers):
            reader, writer = context.Pipe(duplex=False)
            process = context.Process(target=_work, args=(url, settings, workers, gate, writer))
            process.start()
            started.append(process)
            reports.append(reader)
        gate.wait()
        began = time.monotonic()
        costs = [reader.recv() for reader in reports]
        took = time.monotonic() - began
        for process in started:
            process.join()
        with database.transaction() as transaction:
            status = transaction.row("read_status", window_hours=1)
    assert status is not None
    none = StageCost(seconds=0.0, processor_seconds=0.0)
    stages = {
        name: StageCost(
            seconds=sum(cost.get(name, none).seconds for cost in costs),
            processor_seconds=sum(cost.get(name, none).processor_seconds for cost in costs),
        )
        for name in max(costs, key=len)
    }
    return LoopFigures(leads=len(letters), assigned=status["assigned"], workers=workers, seconds=took, stages=stages)


def _work(url: str, settings: Settings, workers: int, gate: Any, report: Connection) -> None:
    from leadflow_pipeline.defs.enrichers import build_enrichment
    from leadflow_pipeline.defs.senders import build_senders, name_budgets, routing_terms

    rules, model, terms = load_rules(settings.rules_dir), load_model(), routing_terms(settings)
    limits = BatchLimits(batch_size=settings.batch_size, max_batches=workers, lease_seconds=settings.lease_seconds)
    clock = _StageClock()
    with Database(url, pool_size=16) as database, closing(build_enrichment(settings)) as enrichment:
        senders, budgets = build_senders(settings, database), name_budgets(settings)
        gate.wait()
        while True:
            batch_id = uuid.uuid4()
            with clock.measure("staged_leads"):
                staged = stage_leads(
                    database, batch_id=batch_id, rules=rules, limits=limits, work_through=WatchedProcess()
                )
            if not staged.claimed:
                break
            with clock.measure("normalized_leads"):
                normalize_leads(database, batch_id=batch_id, region=settings.default_region)
            with clock.measure("enriched_leads"):
                enrich_leads(database, batch_id=batch_id, enrichment=enrichment)
            with clock.measure("inquiry_intents"):
                judge_inquiries(database, batch_id=batch_id, judge=model)
            with clock.measure("scored_leads"):
                score_leads(database, batch_id=batch_id)
            with clock.measure("assigned_leads"):
                assign_leads(database, batch_id=batch_id, terms=terms, channels=settings.channels)
            with clock.measure("deliveries"):
                seconds = seconds_for_first_tries(database)
                deliver_effects(database, senders, seconds=seconds, budgets=budgets)
    report.send(clock.costs)


class _StageClock:
    """Adds up what each stage takes."""

    def __init__(self) -> None:
        self.costs: dict[str, StageCost] = {}

    @contextmanager
    def measure(self, name: str) -> Iterator[None]:
        began, processor = time.monotonic(), _processor_seconds()
        yield
        before = self.costs.get(name, StageCost(seconds=0.0, processor_seconds=0.0))
        self.costs[name] = StageCost(
            seconds=before.seconds + time.monotonic() - began,
            processor_seconds=before.processor_seconds + _processor_seconds() - processor,
        )


def _processor_seconds() -> float:
    """Of this process and of those that it started and that have ended, as the one that reads mails."""
    spent = os.times()
    return spent.user + spent.system + spent.children_user + spent.children_system


def _land(database: Database, letters: Sequence[Letter]) -> None:
    posts = [letter.body for letter in letters if letter.channel == "webhook"]
    for first in range(0, len(posts), 500):
        land_posts(database, [_arrive(body) for body in posts[first : first + 500]])
    box = LetterBox([letter.body for letter in letters if letter.channel == "email"])
    land_new_mails(database, box, backfill_days=1, today=datetime.now(UTC).date(), seconds=3600)


def _arrive(body: bytes) -> ArrivedPost:
    return ArrivedPost(
        source="website",
        raw=body,
        content_type="application/json",
        identity=PostIdentity(),
        headers={},
        received_at=datetime.now(UTC),
    )
