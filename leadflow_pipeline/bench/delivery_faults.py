"""The fault test of deliveries: deliverers are killed at random points while leads flow and vendors fail in every way.

In the end the stand-ins are counted: for each lead exactly one contact, inquiry, note, task and text. Run it with
`make faults`; a short form of it is among the tests.
"""

import argparse
import json
import multiprocessing
import random
import sys
import tempfile
import time
import uuid
from collections import Counter
from collections.abc import Iterable, Set
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import get_args

from pydantic import SecretStr

from leadflow_pipeline.adapters.database import Database
from leadflow_pipeline.adapters.migrations import apply_migrations
from leadflow_pipeline.adapters.rule_files import load_rules
from leadflow_pipeline.bench.stand_ins import StandIns, run_stand_ins
from leadflow_pipeline.defs.senders import build_senders
from leadflow_pipeline.domain.crm_leads import lead_reference
from leadflow_pipeline.domain.errors import TransientError
from leadflow_pipeline.runtime.dbt import build_if_changed
from leadflow_pipeline.runtime.postgres import embedded_url, start_embedded, stop_embedded
from leadflow_pipeline.sandbox.sample_users import AGENTS_FILE
from leadflow_pipeline.settings import Settings, read_settings
from leadflow_pipeline.stages.agents import import_agents, read_agents
from leadflow_pipeline.stages.assigned_leads import assign_leads
from leadflow_pipeline.stages.batches import BatchLimits
from leadflow_pipeline.stages.deliveries import SETTLING_SECONDS, deliver_effects
from leadflow_pipeline.stages.normalized_leads import normalize_leads
from leadflow_pipeline.stages.posts import ArrivedPost, PostIdentity, land_posts
from leadflow_pipeline.stages.scored_leads import score_leads
from leadflow_pipeline.stages.staged_leads import stage_leads
from leadflow_pipeline.vendor_settings import CrmName

FAILURE_RATE = 0.2
FAILURES = ("error", "limit", "hang")  # a server error, a rate limit, and an answer that never comes
VENDOR_SECONDS = 0.5
HANG_SECONDS = 0.8
LEASE_SECONDS = 8.0  # longer than any sender takes with that patience, shorter than the real one to end in time
DELIVERERS = 2
BATCH = 100


@dataclass(frozen=True, kw_only=True)
class FaultResult:
    """What was done, and what the vendors hold in the end: how many leads have not exactly one of each."""

    leads: int
    kills: int
    seconds: float
    effects: int
    tries: int
    calls: dict[str, int]  # how the vendors treated them: answered, failed, hung …
    not_one_contact: int
    not_one_inquiry: int
    not_one_note: int
    not_one_task: int
    not_one_text: int
    unfinished: int

    @property
    def is_exact(self) -> bool:
        """Whether every lead has exactly one of each."""
        wrong = (self.not_one_contact, self.not_one_inquiry, self.not_one_note, self.not_one_task, self.not_one_text)
        return not any(wrong) and self.unfinished == 0


def run_delivery_faults(
    url: str,
    settings: Settings,
    *,
    leads: int,
    kills: int,
    crm: CrmName = "followupboss",
    seed: int = 0,
    most_seconds: float = 3600,
) -> FaultResult:
    """Let `leads` leads flow on a migrated, empty database while deliverers are killed `kills` times."""
    began = time.monotonic()
    chance = random.Random(seed)
    with run_stand_ins(limits=False) as stand_ins, Database(url, pool_size=2) as database:
        for vendor in (crm, "twilio"):
            stand_ins.control(
                vendor, failure_rate=FAILURE_RATE, failures=FAILURES, hang_seconds=HANG_SECONDS, latency_ms=2
            )
        sandbox = point_at(settings, stand_ins).model_copy(update={"crm": crm})
        import_agents(database, read_agents(AGENTS_FILE.read_text(), region="US"))
        workers = _Workers(url, sandbox)
        killed = landed = 0
        try:
            while time.monotonic() - began < most_seconds:
                if landed < leads and landed * kills <= leads * max(killed, 1):
                    landed += _let_flow(database, sandbox, range(landed, min(landed + BATCH, leads)))
                time.sleep(chance.uniform(0.02, 0.6))
                workers.start_missing()
                _hasten(database)
                if killed < kills:
                    workers.kill_one(chance)
                    killed += 1
                elif landed == leads and not _count_unfinished(database):
                    break
        finally:
            workers.end()
        return _count(database, stand_ins, crm, leads=landed, kills=killed, seconds=time.monotonic() - began)


def point_at(settings: Settings, stand_ins: StandIns) -> Settings:
    """Settings whose vendors are these stand-ins, and whose patience with them is short."""
    urls = {f"{vendor}_url": f"{stand_ins.url}/{vendor}" for vendor in ("followupboss", "hubspot", "twilio")}
    return settings.model_copy(
        update={
            **urls,
            "slack_bot_token": SecretStr("off"),
            "vendor_timeout_seconds": VENDOR_SECONDS,
            "public_url": "http://x.test",
        }
    )


def deliver_for_ever(url: str, settings: Settings) -> None:
    """A deliverer's process."""
    with Database(url, pool_size=6, application_name="leadflow deliverer") as database:
        senders = build_senders(settings, database)
        while True:
            try:
                deliver_effects(database, senders, seconds=5, lease_seconds=LEASE_SECONDS)
            except TransientError as error:
                sys.stderr.write(f"{error}\n")
            time.sleep(0.1)


class _Workers:
    """Deliverers, forked from a process that has the libraries already."""

    def __init__(self, url: str, settings: Settings) -> None:
        self._how = multiprocessing.get_context("forkserver")
        self._how.set_forkserver_preload(["leadflow_pipeline.bench.delivery_faults"])
        self._arguments = (url, settings)
        self._running: list[BaseProcess] = []

    def start_missing(self) -> None:
        while len(self._running) < DELIVERERS:
            process = self._how.Process(target=deliver_for_ever, args=self._arguments, daemon=True)
            process.start()
            self._running.append(process)

    def kill_one(self, chance: random.Random) -> None:
        """SIGKILL: no handler runs, no connection is closed politely."""
        process = self._running.pop(chance.randrange(len(self._running)))
        process.kill()
        process.join()

    def end(self) -> None:
        while self._running:
            process = self._running.pop()
            process.kill()
            process.join()


def _let_flow(database: Database, settings: Settings, numbers: Iterable[int]) -> int:
    """Land these people and take them to their agents, as a run does."""
    land_posts(database, [_write_post(number) for number in numbers])
    batch_id = uuid.uuid4()
    limits = BatchLimits(batch_size=500, max_batches=2, lease_seconds=45)
    counts = stage_leads(database, batch_id=batch_id, rules=load_rules(None), limits=limits)
    normalize_leads(database, batch_id=batch_id, region="US")
    score_leads(database, batch_id=batch_id)
    assign_leads(database, batch_id=batch_id, channels=settings.channels)
    return counts.claimed


def _write_post(number: int) -> ArrivedPost:
    form = {
        "name": f"Person{_letters(number)} Quux",
        # Of ten people one has no e-mail, and one no phone.
        "email": "" if number % 10 == 3 else f"person{number}@example.com",
        "phone": "" if number % 10 == 7 else f"(512) 555-{number:04d}",
        "message": "I am an investor and a cash buyer.",
    }
    return ArrivedPost(
        source="website",
        raw=json.dumps(form).encode(),
        content_type="application/json",
        identity=PostIdentity(),
        headers={},
        received_at=datetime.now(UTC),
    )


def _letters(number: int) -> str:
    """A number as letters: names hold no digits."""
    return "".join(chr(ord("a") + int(digit)) for digit in str(number))


def _hasten(database: Database) -> None:
    """Keep pauses short, but not below what a lost answer needs."""
    with database.transaction() as transaction:
        transaction.execute("hasten_effects", seconds=SETTLING_SECONDS + 2)


def _count_unfinished(database: Database) -> int:
    with database.transaction() as transaction:
        return int(transaction.value("count_unfinished_effects"))


@dataclass(frozen=True, kw_only=True)
class _Held:
    """What a CRM holds, each thing by the reference of the lead that it names."""

    contacts: int
    contacts_of: dict[str, set[str]]  # lead → the contacts that know of it
    inquiries: list[str]
    notes: list[str]
    tasks: list[str]


def _look_into(stand_ins: StandIns, crm: CrmName) -> _Held:
    if crm == "hubspot":
        return _look_into_hubspot(stand_ins)
    fub = stand_ins.followupboss
    contacts_of: dict[str, set[str]] = {}
    for event in fub.events:
        contacts_of.setdefault(event["description"], set()).add(str(event["personId"]))
    return _Held(
        contacts=len(fub.people),
        contacts_of=contacts_of,
        inquiries=[event["description"] for event in fub.events],
        notes=[note["body"].rsplit("\n", 1)[1] for note in fub.notes],
        tasks=[_in_brackets(task["name"]) for task in fub.tasks],
    )


def _look_into_hubspot(stand_ins: StandIns) -> _Held:
    """HubSpot has no inquiries of their own: a contact holds the message."""
    hub = stand_ins.hubspot
    contacts_of: dict[str, set[str]] = {}
    for contact in hub.contacts.values():
        reference = lead_reference(int(contact["properties"]["leadflow_lead_id"]))
        contacts_of.setdefault(reference, set()).add(contact["id"])
    return _Held(
        contacts=len(hub.contacts),
        contacts_of=contacts_of,
        inquiries=[each for each, contacts in contacts_of.items() for _ in contacts],
        notes=[row["properties"]["hs_note_body"].rsplit("<br>", 1)[1] for row in hub.related["notes"].values()],
        tasks=[_in_brackets(row["properties"]["hs_task_subject"]) for row in hub.related["tasks"].values()],
    )


def _in_brackets(task: str) -> str:
    return task.rsplit("(", 1)[1].rstrip(")")


def _count(
    database: Database, stand_ins: StandIns, crm: CrmName, *, leads: int, kills: int, seconds: float
) -> FaultResult:
    held = _look_into(stand_ins, crm)
    texts = [text["body"] for found in stand_ins.twilio.messages.values() for text in found]
    references = {lead_reference(number) for number in range(1, leads + 1)}
    with database.transaction() as transaction:
        tries = transaction.row("count_tries") or {}
    shared = held.contacts - len({contact for contacts in held.contacts_of.values() for contact in contacts})
    return FaultResult(
        leads=leads,
        kills=kills,
        seconds=round(seconds, 1),
        effects=tries["effects"],
        tries=tries["tries"],
        calls=stand_ins.count_verdicts(crm, "twilio"),
        not_one_contact=sum(len(held.contacts_of.get(each, ())) != 1 for each in references)
        + abs(held.contacts - leads)
        + shared,
        not_one_inquiry=_count_wrong(held.inquiries, references),
        not_one_note=_count_wrong(held.notes, references),
        not_one_task=_count_wrong(held.tasks, references),
        not_one_text=_count_wrong(
            (lead_reference(int(body.rsplit("/", 1)[1].partition("-")[0])) for body in texts), references
        ),
        unfinished=_count_unfinished(database),
    )


def _count_wrong(found: Iterable[str], expected: Set[str]) -> int:
    """How many of the expected are not there exactly once, and how many others are there."""
    counts = Counter(found)
    return sum(counts[each] != 1 for each in expected) + len(counts.keys() - expected)


def main() -> int:
    """Run it at full size on an embedded database of its own, and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--leads", type=int, default=2000)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--crm", choices=get_args(CrmName), default="followupboss")
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="leadflow-faults-") as folder:
        server = start_embedded(Path(folder))
        try:
            url = embedded_url(server)
            apply_migrations(url)
            build_if_changed(url, Path(folder) / "dbt")
            settings = read_settings().model_copy(update={"home": Path(folder), "imap_host": None, "mailboxes": ()})
            result = run_delivery_faults(
                url, settings, leads=chosen.leads, kills=chosen.kills, crm=chosen.crm, seed=chosen.seed
            )
        finally:
            stop_embedded(server)
    sys.stdout.write(json.dumps({**asdict(result), "is_exact": result.is_exact}, indent=2) + "\n")
    return 0 if result.is_exact else 1
