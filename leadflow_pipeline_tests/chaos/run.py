"""A chaos run: leads arrive at a steady rate, faults are made one after the other, and then everything is counted.

The order of faults and the leads come from a seed. What a fault does stands in `faults`, how effects are counted in
`effects`.
"""

import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass

import psycopg2

from leadflow_pipeline_tests.chaos.effects import EffectCount, count_effects
from leadflow_pipeline_tests.chaos.faults import FAULTS
from leadflow_pipeline_tests.chaos.traffic import Traffic
from leadflow_pipeline_tests.end_to_end.test_stack import RunningStack

CALM_SECONDS = 15.0  # a lead older than this, on its way, is not the normal rate
MOST_SECONDS_TO_RECOVER = 60.0
PATIENCE_SECONDS = 120.0  # longer than it may take, to tell how long it took
SECONDS_TO_SETTLE = 240.0


@dataclass(frozen=True, kw_only=True)
class MadeFault:
    """A fault that was made, and what came of it."""

    name: str
    made_at: float
    recovered_seconds: float | None  # from its end; None: not within the patience


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a run came to. Leads are named by their e-mail and have the time of their acceptance."""

    accepted: dict[str, float]
    lost: list[str]
    twice: list[str]
    effects: list[EffectCount]
    rotation_spread: int
    faults: list[MadeFault]

    @property
    def is_exact(self) -> bool:
        """Nothing lost, nothing twice, turns in order."""
        effects_wrong = sum(each.missing + each.twice for each in self.effects)
        return not (self.lost or self.twice or effects_wrong) and self.rotation_spread <= 1

    @property
    def is_good(self) -> bool:
        """Exact, and back at the normal rate in time after every fault."""
        return self.is_exact and all(
            fault.recovered_seconds is not None and fault.recovered_seconds <= MOST_SECONDS_TO_RECOVER
            for fault in self.faults
        )


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
    faults: list[MadeFault] = []
    ends = time.monotonic() + seconds
    calm = _find_calm(stack, min(30.0, seconds / 4))
    report(f"normal: a lead is on its way for less than {calm:.0f} s")
    for name in _in_random_order(names, chance):
        if time.monotonic() >= ends:
            break
        made_at = time.time()
        FAULTS[name](stack)
        faults.append(MadeFault(name=name, made_at=made_at, recovered_seconds=_wait_for_calm(stack, traffic, calm)))
        report(f"{name}: {_seconds(faults[-1].recovered_seconds)}; {len(traffic.accepted)} leads accepted")
        time.sleep(chance.uniform(1, 4))
    traffic.stop()
    sender.join(30)
    _wait_until_settled(stack, traffic)
    return _count(stack, traffic, faults)


def _in_random_order(names: tuple[str, ...], chance: random.Random) -> Iterator[str]:
    """Every fault once in random order, and again in another one."""
    while True:
        yield from chance.sample(names, len(names))


def _find_calm(stack: RunningStack, seconds: float) -> float:
    """How old a lead on its way gets before any fault, with some room: a machine with other work is slower."""
    ages = [0.0]
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        ages.append(_oldest_open_seconds(stack))
        time.sleep(0.5)
    return max(CALM_SECONDS, 1.5 * max(age for age in ages if age != float("inf")))


def _wait_for_calm(stack: RunningStack, traffic: Traffic, calm: float) -> float | None:
    """Seconds until a lead accepted after now is assigned and nothing older than normal is on its way."""
    began, wall = time.monotonic(), time.time()
    while time.monotonic() - began < PATIENCE_SECONDS:
        time.sleep(0.5)
        newer = traffic.find_accepted_since(wall)
        with suppress(psycopg2.Error, AssertionError):
            if newer and _oldest_open_seconds(stack) < calm and _count_assigned(stack, [newer]):
                return time.monotonic() - began
    return None


def _wait_until_settled(stack: RunningStack, traffic: Traffic) -> None:
    deadline = time.monotonic() + SECONDS_TO_SETTLE
    accepted = list(traffic.accepted)
    while time.monotonic() < deadline:
        with suppress(psycopg2.Error, AssertionError):
            if _count_assigned(stack, accepted) >= len(accepted) and _oldest_open_seconds(stack) == 0:
                return
        time.sleep(1)


def _oldest_open_seconds(stack: RunningStack) -> float:
    """Age of the oldest lead that is on its way; infinite while the database is away."""
    try:
        [(seconds,)] = stack.query(
            "select coalesce(extract(epoch from now() - min(landed_at)), 0)::float from landing.events"
            " where status = 'pending' or lease_until is not null"
        )
    except (psycopg2.Error, AssertionError):
        return float("inf")
    return float(seconds)


def _count_assigned(stack: RunningStack, emails: list[str]) -> int:
    [(count,)] = stack.query(
        "select count(*) from leads.normalized_leads join leads.assigned_leads using (lead_id) where email = any(%s)",
        emails,
    )
    return int(count)


def _count(stack: RunningStack, traffic: Traffic, faults: list[MadeFault]) -> Outcome:
    accepted = dict(traffic.accepted)
    times = dict(
        stack.query(
            "select email, count(*) from leads.normalized_leads join leads.assigned_leads using (lead_id)"
            " where email = any(%s) group by email",
            list(accepted),
        )
    )
    return Outcome(
        accepted=accepted,
        lost=[email for email in accepted if email not in times],
        twice=[email for email, count in times.items() if count > 1],
        effects=count_effects(stack),
        rotation_spread=_measure_rotation(stack),
        faults=faults,
    )


def _measure_rotation(stack: RunningStack) -> int:
    """How far apart agents are in what the rotation itself gave them: owners' and claimed leads are nobody's turn."""
    [(spread,)] = stack.query(
        "select coalesce(max(n) - min(n), 0) from (select agent.agent_id, count(assigned.lead_id) as n"
        " from routing.agents as agent left join leads.assigned_leads as assigned"
        " on assigned.agent_id = agent.agent_id and assigned.method in ('rotation', 'claim_timeout')"
        " where agent.active group by agent.agent_id) as given"
    )
    return int(spread)


def tabulate(outcome: Outcome) -> str:
    """A line for each fault with what came of the leads accepted from then to the next, and one for each effect."""
    lines = [f"{'fault':34} {'times':>5} {'leads':>6} {'lost':>5} {'twice':>5} {'slowest recovery':>17}"]
    starts = [(fault.name, fault.made_at) for fault in outcome.faults]
    spans = [("before any", 0.0), *starts]
    during = {
        email: max((name for name in spans if name[1] <= at), key=lambda span: span[1])[0]
        for email, at in outcome.accepted.items()
    }
    for name in dict.fromkeys(name for name, _ in spans):
        found = [fault.recovered_seconds for fault in outcome.faults if fault.name == name]
        slowest = "not in time" if None in found else _seconds(max((each or 0.0 for each in found), default=0.0))
        lines.append(
            f"{name:34} {len(found):5} {sum(fault == name for fault in during.values()):6}"
            f" {sum(during[email] == name for email in outcome.lost):5}"
            f" {sum(during[email] == name for email in outcome.twice):5} {slowest if found else '–':>17}"
        )
    lines.append(f"\n{'effect, as the vendors hold it':34} {'sent':>5} {'lost':>6} {'twice':>5} {'still waiting':>14}")
    lines += [
        f"{each.kind:34} {each.sent:5} {each.missing:6} {each.twice:5} {each.waiting:14}" for each in outcome.effects
    ]
    lines.append(
        f"\n{len(outcome.accepted)} leads accepted, {len(outcome.lost)} lost, {len(outcome.twice)} assigned twice;"
        f" rotation max - min {outcome.rotation_spread}"
    )
    return "\n".join(lines)


def _seconds(seconds: float | None) -> str:
    return "not in time" if seconds is None else f"{seconds:.1f} s"
