"""`make chaos`: a chaos run on a stack of its own, for ten minutes at 20 leads a second. It ends with a table."""

import argparse
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from leadflow_pipeline_tests.chaos.faults import FAULTS
from leadflow_pipeline_tests.chaos.run import make_chaos, tabulate
from leadflow_pipeline_tests.end_to_end.test_stack import RunningStack, end_stack, start_stack


@contextmanager
def own_stack() -> Iterator[RunningStack]:
    with tempfile.TemporaryDirectory(prefix="leadflow-chaos-") as home:
        stack = start_stack(Path(home), LEADFLOW_SAMPLES="0")
        try:
            yield stack
        finally:
            end_stack(stack)


def report(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> int:
    parser = argparse.ArgumentParser(prog="make chaos", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--rate", type=float, default=20, help="leads a second")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", nargs="*", choices=FAULTS, default=list(FAULTS), help="these faults and no others")
    asked = parser.parse_args()
    with own_stack() as stack:
        outcome = make_chaos(
            stack, seconds=asked.minutes * 60, rate=asked.rate, seed=asked.seed, names=tuple(asked.only), report=report
        )
    report(tabulate(outcome))
    return 0 if outcome.is_good else 1


if __name__ == "__main__":
    sys.exit(main())
