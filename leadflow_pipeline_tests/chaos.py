"""Chaos: a real stack takes leads by IMAP and HTTP while its parts are killed in random order; then leads are counted.

`make chaos` runs it for ten minutes at 20 leads a second; the end-to-end tests run a short form. The order of faults
and the leads come from a seed. It ends with a table: for each fault leads lost, assigned twice, seconds to recover.
"""

import argparse
import itertools
import json
import os
import random
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psycopg2
import requests

from leadflow_pipeline.runtime.postgres import data_folder
from leadflow_pipeline.sandbox.mailbox import SANDBOX_HOST, SANDBOX_PASSWORD, SANDBOX_USER, append_mails
from leadflow_pipeline_tests.end_to_end.test_stack import RunningStack, end_stack, kill, running_workers, start_stack

CALM_SECONDS = 15.0  # a lead older than this, on its way, is not the normal rate
SECONDS_TO_SETTLE = 240.0
VENDOR_SECONDS = 8.0
POSTS_OF_TEN = 7


@dataclass
class Traffic:
    """Leads that were accepted, by a mark that each carries in its e-mail, and when."""

    stack: RunningStack
    rate: float
    seed: int
    accepted: dict[str, float] = field(default_factory=dict)
    refused: int = 0
    _stop: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        """Send until told to stop. What is not accepted is sent again as it is, as real senders do."""
        chance = random.Random(self.seed)
        waiting: list[tuple[str, bool]] = []
        began = time.monotonic()
        for number in itertools.count():
            while time.monotonic() < began + number / self.rate:
                if self._stop.wait(0.01):
                    return
            waiting.append((f"chaos{self.seed}x{number}@example.com", chance.random() * 10 < POSTS_OF_TEN))
            for lead in waiting[:20]:
                if self._send(*lead):
                    waiting.remove(lead)
                    self.accepted[lead[0]] = time.time()
                else:
                    self.refused += 1
                    break

    def stop(self) -> None:
        self._stop.set()

    def _send(self, email: str, by_post: bool) -> bool:
        number = email.partition("x")[2].partition("@")[0]
        phone = f"(512) 555-{int(number) % 10000:04d}"
        name = f"Chaos Person{letters(int(number))}"
        try:
            if by_post:
                form = {"name": name, "email": email, "phone": phone, "message": f"cash buyer, investor {number}"}
                url = f"{self.stack.receiver}/webhooks/website"
                answer = requests.post(url, json=form, headers={"Idempotency-Key": email}, timeout=5)
                return answer.status_code in (200, 202)
            mail = (
                f"From: website@example.org\r\nTo: leads@example.com\r\nSubject: Inquiry {number}\r\n"
                f"Message-ID: <{email}>\r\n\r\nName: {name}\r\nPhone: {phone}\r\nEmail: {email}\r\n"
                f"Message: I am a cash buyer {number}.\r\n"
            )
            append_mails(SANDBOX_HOST, self.stack.imap_port, SANDBOX_USER, SANDBOX_PASSWORD, [mail.encode()])
            return True
        except Exception:  # noqa: BLE001 - whatever a dead server does to its clients
            return False


@dataclass(frozen=True, kw_only=True)
class Fault:
    """A fault that was made, and what came of it."""

    name: str
    made_at: float
    recovered_seconds: float | None  # None: not within the time given


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a run came to."""

    accepted: int
    lost: list[str]
    twice: list[str]
    effects_twice: int
    rotation_spread: int
    faults: list[Fault]

    @property
    def is_good(self) -> bool:
        return not (self.lost or self.twice or self.effects_twice) and self.rotation_spread <= 1


def letters(number: int) -> str:
    """A number as letters, since names have no digits."""
    return "".join(chr(97 + int(digit)) for digit in str(number))


def children(stack: RunningStack) -> dict[str, int]:
    """The stack's own processes, by name."""
    return {name: pid for name, (pid, _) in json.loads((stack.home / "run" / "processes.json").read_text()).items()}


def kill_child(name: str) -> Callable[[RunningStack], None]:
    def make(stack: RunningStack) -> None:
        kill(children(stack)[name])

    return make


def kill_run_worker(stack: RunningStack) -> None:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        with suppress(Exception):
            if [pid for pid in running_workers(stack) if kill(pid)]:
                return
        time.sleep(0.05)


def restart_database(stack: RunningStack) -> None:
    """SIGQUIT to the postmaster is PostgreSQL's immediate shutdown (its manual, section 18.5; grade A)."""
    pid = int((data_folder(stack.home) / "postmaster.pid").read_text().split()[0])
    os.kill(pid, signal.SIGQUIT)


def terminate_backends(stack: RunningStack) -> None:
    stack.query(
        "select pg_terminate_backend(pid) from pg_stat_activity"
        " where pid <> pg_backend_pid() and backend_type = 'client backend'"
    )


def change_uidvalidity(stack: RunningStack) -> None:
    """As a server does that was restored from a backup: all UIDs are new, all mails are the same."""
    for file in (stack.home / "mailbox").rglob("uidvalidity"):
        file.write_text(str(int(file.read_text()) + 1))
    kill(children(stack)["sandbox-mailbox"])


def disturb_vendors(**behaviour: object) -> Callable[[RunningStack], None]:
    def make(stack: RunningStack) -> None:
        for vendor in ("google", "clearbit", "pdl", "slack", "followupboss", "hubspot", "twilio", "smtp"):
            control(stack, vendor, **behaviour)
        time.sleep(VENDOR_SECONDS)
        for vendor in ("google", "clearbit", "pdl", "slack", "followupboss", "hubspot", "twilio", "smtp"):
            control(stack, vendor, down=False, latency_ms=0, failure_rate=0)

    return make


def control(stack: RunningStack, vendor: str, **behaviour: object) -> None:
    url = f"http://127.0.0.1:{stack.environment['LEADFLOW_SANDBOX_PORT']}/_control/{vendor}"
    with suppress(requests.RequestException):
        requests.post(url, json=behaviour, timeout=5)


FAULTS: dict[str, Callable[[RunningStack], None]] = {
    "run worker killed": kill_run_worker,
    "code server killed": kill_child("code-server"),
    "daemon killed": kill_child("dagster-daemon"),
    "receiver killed": kill_child("receiver"),
    "IMAP server killed": kill_child("sandbox-mailbox"),
    "vendors killed": kill_child("sandbox-vendors"),
    "PostgreSQL restarted (immediate)": restart_database,
    "PostgreSQL backends terminated": terminate_backends,
    "vendors down": disturb_vendors(down=True),
    "vendors slow": disturb_vendors(latency_ms=6000),
    "vendors failing": disturb_vendors(failure_rate=0.7),
    "UIDVALIDITY changed": change_uidvalidity,
}
SHORT = ("run worker killed", "PostgreSQL backends terminated", "receiver killed", "UIDVALIDITY changed")


def oldest_open_seconds(stack: RunningStack) -> float:
    """Age of the oldest lead that is on its way; infinite while the database is away."""
    try:
        [(seconds,)] = stack.query(
            "select coalesce(extract(epoch from now() - min(landed_at)), 0)::float from landing.events"
            " where status = 'pending' or lease_until is not null"
        )
    except (psycopg2.Error, AssertionError):
        return float("inf")
    return float(seconds)


def find_calm(stack: RunningStack, seconds: float) -> float:
    """How old a lead on its way gets before any fault, with some room: a machine with other work is slower."""
    ages = [0.0]
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        ages.append(oldest_open_seconds(stack))
        time.sleep(0.5)
    return max(CALM_SECONDS, 1.5 * max(age for age in ages if age != float("inf")))


def recover(stack: RunningStack, traffic: Traffic, seconds: float, calm: float) -> float | None:
    """Seconds until a lead accepted after now is assigned and nothing older than normal is on its way."""
    began, wall = time.monotonic(), time.time()
    while time.monotonic() - began < seconds:
        time.sleep(0.5)
        newer = [email for email, at in list(traffic.accepted.items()) if at > wall]
        with suppress(psycopg2.Error, AssertionError):
            if newer and oldest_open_seconds(stack) < calm and count_assigned(stack, newer[:1]):
                return time.monotonic() - began
    return None


def count_assigned(stack: RunningStack, emails: list[str]) -> int:
    [(count,)] = stack.query(
        "select count(*) from leads.normalized_leads join leads.assigned_leads using (lead_id) where email = any(%s)",
        emails,
    )
    return int(count)


def make_chaos(
    stack: RunningStack,
    *,
    seconds: float,
    rate: float,
    seed: int,
    names: tuple[str, ...],
    report: Callable[[str], None],
) -> Outcome:
    """Send leads for about `seconds`, making faults one after the other, each once the last is over."""
    chance = random.Random(seed)
    traffic = Traffic(stack, rate, seed)
    sender = threading.Thread(target=traffic.run, daemon=True)
    sender.start()
    faults: list[Fault] = []
    ends = time.monotonic() + seconds
    calm = find_calm(stack, min(30.0, seconds / 4))
    report(f"normal: a lead is on its way for less than {calm:.0f} s")
    for name in _in_random_order(names, chance):
        if time.monotonic() >= ends:
            break
        made_at = time.time()
        with suppress(Exception):  # a part that is just starting again cannot be killed
            FAULTS[name](stack)
        faults.append(Fault(name=name, made_at=made_at, recovered_seconds=recover(stack, traffic, 120, calm)))
        report(f"{name}: {_seconds(faults[-1].recovered_seconds)}; {len(traffic.accepted)} leads accepted")
        time.sleep(chance.uniform(1, 4))
    traffic.stop()
    sender.join(30)
    _settle(stack, traffic)
    return _count(stack, traffic, faults)


def _in_random_order(names: tuple[str, ...], chance: random.Random) -> Iterator[str]:
    """Every fault once in random order, and again in another one."""
    while True:
        yield from chance.sample(names, len(names))


def _settle(stack: RunningStack, traffic: Traffic) -> None:
    deadline = time.monotonic() + SECONDS_TO_SETTLE
    accepted = list(traffic.accepted)
    while time.monotonic() < deadline:
        with suppress(psycopg2.Error, AssertionError):
            if count_assigned(stack, accepted) >= len(accepted) and oldest_open_seconds(stack) == 0:
                return
        time.sleep(1)


def _count(stack: RunningStack, traffic: Traffic, faults: list[Fault]) -> Outcome:
    accepted = list(traffic.accepted)
    rows = stack.query(
        "select email, count(*) from leads.normalized_leads join leads.assigned_leads using (lead_id)"
        " where email = any(%s) group by email",
        accepted,
    )
    times = dict(rows)
    [(spread,)] = stack.query(
        "select coalesce(max(n) - min(n), 0) from (select agent.agent_id, count(assigned.lead_id) as n"
        " from routing.agents as agent left join leads.assigned_leads as assigned"
        " on assigned.agent_id = agent.agent_id and assigned.method = 'rotation' where agent.active"
        " group by agent.agent_id) as given"
    )
    [(effects_twice,)] = stack.query(
        "select count(*) from (select vendor_reference, kind from delivery.outbox where status = 'sent'"
        " and vendor_reference is not null and kind in ('sms', 'slack_card', 'crm_task')"
        " group by vendor_reference, kind having count(*) > 1) as repeated"
    )
    return Outcome(
        accepted=len(accepted),
        lost=[email for email in accepted if email not in times],
        twice=[email for email, count in times.items() if count > 1],
        effects_twice=int(effects_twice),
        rotation_spread=int(spread),
        faults=faults,
    )


def tabulate(outcome: Outcome) -> str:
    """The table per fault, and the leads that were lost or assigned twice."""
    lines = [f"{'fault':34} {'times':>5} {'slowest recovery':>17} {'not recovered':>13}"]
    for name in dict.fromkeys(fault.name for fault in outcome.faults):
        found = [fault.recovered_seconds for fault in outcome.faults if fault.name == name]
        known = [seconds for seconds in found if seconds is not None]
        slowest = _seconds(max(known)) if known else "–"
        lines.append(f"{name:34} {len(found):5} {slowest:>17} {found.count(None):13}")
    lines.append(
        f"{outcome.accepted} leads accepted, {len(outcome.lost)} lost, {len(outcome.twice)} assigned twice, "
        f"{outcome.effects_twice} effects twice; rotation max - min {outcome.rotation_spread}"
    )
    return "\n".join(lines)


def _seconds(seconds: float | None) -> str:
    return "not recovered" if seconds is None else f"{seconds:.1f} s"


@contextmanager
def own_stack() -> Iterator[RunningStack]:
    with tempfile.TemporaryDirectory(prefix="leadflow-chaos-") as home:
        stack = start_stack(Path(home), LEADFLOW_SAMPLES="0")
        try:
            yield stack
        finally:
            end_stack(stack)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--rate", type=float, default=20, help="leads a second")
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()

    def report(line: str) -> None:
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()

    with own_stack() as stack:
        outcome = make_chaos(
            stack, seconds=asked.minutes * 60, rate=asked.rate, seed=asked.seed, names=tuple(FAULTS), report=report
        )
    report(tabulate(outcome))
    return 0 if outcome.is_good else 1


if __name__ == "__main__":
    sys.exit(main())
