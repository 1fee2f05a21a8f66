"""Children that are kept running: real processes, ended and restarted."""

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from leadflow_pipeline.runtime.processes import ProcessKeeper, ProcessSpec

SLEEPER = "import time; time.sleep(60)"
# A child that starts one of its own and ignores the polite request to end.
STUBBORN_PARENT = (
    "import signal, subprocess, sys, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
    "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']); print('up', flush=True); time.sleep(60)"
)


@pytest.fixture
def keeper(tmp_path: Path) -> Iterator[ProcessKeeper]:
    made = ProcessKeeper(register=tmp_path / "processes.json")
    yield made
    made.end_all()


def spec(tmp_path: Path, code: str) -> ProcessSpec:
    return ProcessSpec(
        name="child", command=[sys.executable, "-c", code], environment=dict(os.environ), log_file=tmp_path / "log"
    )


def wait_for(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def test_a_child_that_was_killed_is_started_again(keeper: ProcessKeeper, tmp_path: Path) -> None:
    keeper.start(spec(tmp_path, SLEEPER))
    first = keeper.children["child"].process.pid
    os.kill(first, signal.SIGKILL)
    wait_for(lambda: keeper.restart_ended() == ["child"])
    assert keeper.children["child"].process.pid != first
    assert not keeper.has_ended("child")


def test_a_child_that_fails_again_and_again_is_started_with_growing_pauses(
    keeper: ProcessKeeper, tmp_path: Path
) -> None:
    """Without a pause a broken configuration would start a process every second, for ever."""
    keeper.start(spec(tmp_path, "raise SystemExit('broken')"))
    wait_for(lambda: keeper.restart_ended())
    wait_for(lambda: keeper.has_ended("child"))
    assert keeper.restart_ended() == []
    pause = (keeper.children["child"].restart_at or 0) - time.monotonic()
    assert pause > 1
    assert "broken" in keeper.last_words("child")


def test_the_end_reaches_what_a_child_has_started_itself(
    keeper: ProcessKeeper, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("leadflow_pipeline.runtime.processes.SECONDS_TO_END", 0.5)
    keeper.start(spec(tmp_path, STUBBORN_PARENT))
    wait_for(lambda: "up" in keeper.last_words("child"))
    family = psutil.Process(keeper.children["child"].process.pid)
    everybody = [family, *family.children(recursive=True)]
    assert len(everybody) == 2
    keeper.end_all()
    assert psutil.wait_procs(everybody, timeout=2)[1] == []


def test_what_a_killed_keeper_left_running_is_ended_at_the_next_start(tmp_path: Path) -> None:
    lost = ProcessKeeper(register=tmp_path / "processes.json")
    lost.start(spec(tmp_path, SLEEPER))
    left_over = lost.children["child"].process
    try:
        assert ProcessKeeper(register=tmp_path / "processes.json").end_left_overs() == ["child"]
        assert not psutil.pid_exists(left_over.pid)
    finally:
        left_over.kill()


def test_a_process_that_merely_has_a_left_overs_id_is_left_alone(tmp_path: Path) -> None:
    """Process ids are used again after a restart of the machine."""
    register = tmp_path / "processes.json"
    register.write_text(f'{{"child": [{os.getppid()}, 1.0]}}')
    assert ProcessKeeper(register=register).end_left_overs() == []
    assert psutil.pid_exists(os.getppid())


@pytest.mark.parametrize("log", ["full disk", "no file"])
def test_a_log_that_cannot_be_written_stops_nobody(keeper: ProcessKeeper, tmp_path: Path, log: str) -> None:
    """`/dev/full` says what a full disk says; as root no missing right would stop anybody."""
    child = spec(tmp_path, f"print('up', flush=True); open({str(tmp_path / 'alive')!r}, 'w').close(); {SLEEPER}")
    if log == "full disk":
        child.log_file.symlink_to("/dev/full")
    else:
        child.log_file.mkdir()
    keeper.start(child)
    wait_for((tmp_path / "alive").exists)
    assert not keeper.has_ended("child")


def test_a_register_that_cannot_be_written_stays_until_it_can(keeper: ProcessKeeper, tmp_path: Path) -> None:
    keeper.start(spec(tmp_path, SLEEPER))
    noted = keeper.register.read_text()
    keeper.register.with_suffix(".new").mkdir()
    keeper.kill("child")
    wait_for(lambda: keeper.restart_ended() == ["child"])
    assert keeper.register.read_text() == noted
    keeper.register.with_suffix(".new").rmdir()
    keeper.restart_ended()
    assert keeper.register.read_text() != noted
