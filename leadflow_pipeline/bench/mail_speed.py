"""How many mails a second are read on one core: `make bench-mails`. The mails are the sandbox's samples.

CPU time is counted beside the clock, as other work on the machine slows the one and not the other.
"""

import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from leadflow_pipeline.adapters.rule_files import load_rules
from leadflow_pipeline.domain.mail_rules import MailRule
from leadflow_pipeline.domain.parsed_mails import describe_mail
from leadflow_pipeline.sandbox.samples import sample_mails

GOAL = 150  # mails a second on one core
MAILS = 500
ROUNDS = 5


@dataclass(frozen=True, kw_only=True)
class MailSpeed:
    """What was measured: medians over the rounds."""

    mails: int
    leads: int
    per_second: float  # by the clock
    per_cpu_second: float  # by the process's own CPU time


def measure_mail_speed(rules: Sequence[MailRule], raws: Sequence[bytes], *, rounds: int = ROUNDS) -> MailSpeed:
    """Read all mails as `leadflow parse` does, several times over. The first round, which warms up, does not count."""
    clock, cpu, leads = [], [], 0
    for _ in range(rounds + 1):
        began, began_cpu = time.perf_counter(), time.process_time()
        leads = sum(describe_mail(raw, rules, region="US")["outcome"] == "lead" for raw in raws)
        clock.append(len(raws) / (time.perf_counter() - began))
        cpu.append(len(raws) / (time.process_time() - began_cpu))
    return MailSpeed(
        mails=len(raws),
        leads=leads,
        per_second=statistics.median(clock[1:]),
        per_cpu_second=statistics.median(cpu[1:]),
    )


def main() -> None:
    """Measure and print; exit code 1 below the goal."""
    now = datetime(2026, 1, 1, tzinfo=UTC)
    raws = [mail.raw for mail in sample_mails(MAILS, seed=1, now=now)]
    speed = measure_mail_speed(load_rules(), raws)
    sys.stdout.write(
        f"{speed.mails} mails ({speed.leads} leads): {speed.per_cpu_second:.0f} a second of CPU, "
        f"{speed.per_second:.0f} a second by the clock; the goal is {GOAL} on one core\n"
    )
    sys.exit(speed.per_cpu_second < GOAL)


if __name__ == "__main__":
    main()
