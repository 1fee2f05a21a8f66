"""A short form of the measurements: that they run, count every lead and leave nothing behind. No time is judged."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any


def run_bench(tmp_path: Path, *arguments: str) -> Any:
    """The figures that a measurement writes."""
    figures = tmp_path / "figures.json"
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("LEADFLOW_", "DAGSTER_"))}
    done = subprocess.run(
        [str(Path(sys.executable).parent / "leadflow"), "bench", *arguments, "--json", str(figures)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(figures.read_text())


def test_a_few_leads_go_through_a_stack_of_their_own_and_each_point_is_measured(tmp_path: Path) -> None:
    figures = run_bench(tmp_path, "burst", "--leads", "6")["burst"]
    assert (figures["sent"], figures["assigned"]) == (6, 6)
    assert {"landed", "run started", "staged_leads", "scored_leads", "assigned"} <= set(figures["points"])
    landed, assigned = figures["points"]["landed"], figures["points"]["assigned"]
    assert 0 < landed["p50"] < assigned["p50"] <= assigned["most"] <= 90


def test_the_stages_are_measured_without_dagster(tmp_path: Path) -> None:
    figures = run_bench(tmp_path, "loop", "--leads", "30")["loop"]
    assert figures["leads"] == 30
    assert {
        "staged_leads",
        "normalized_leads",
        "enriched_leads",
        "scored_leads",
        "assigned_leads",
        "deliveries",
    } <= set(figures["stages"])
