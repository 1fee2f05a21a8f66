"""The process that runs are forked from: quick, never with code from before a change, and gone when we are gone."""

import importlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import psutil
import pytest

from leadflow_pipeline.runtime.warm_project import WarmProject, take_fingerprint

CODE = """
import os

WORD = "{word}"

def tell(path):
    with open(path, "x") as file:
        file.write(f"{{WORD}} {{os.getppid()}}")

def warm_up():
    {warm_up}
"""


@pytest.fixture
def write_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., ModuleType]:
    """Writes a small project; gives it as this process sees it."""
    (tmp_path / "project").mkdir()
    monkeypatch.syspath_prepend(str(tmp_path / "project"))

    def write(*, word: str, warm_up: str = "pass") -> ModuleType:
        (tmp_path / "project" / "small_project.py").write_text(CODE.format(word=word, warm_up=warm_up))
        importlib.invalidate_caches()
        return importlib.import_module("small_project")

    return write


@pytest.fixture
def warm(tmp_path: Path) -> Iterator[WarmProject]:
    """The warm copy of the small project."""
    project = WarmProject(project="small_project", folders=(tmp_path / "project",))
    yield project
    project.close()


def fork_in_time(warm: WarmProject, module: ModuleType, path: Path, seconds: float = 30) -> int:
    """Ask until there is something to fork from, as launch after launch would."""
    deadline = time.monotonic() + seconds
    while (pid := warm.fork(module.tell, str(path))) is None:
        assert time.monotonic() < deadline, "the project never got warm"
        time.sleep(0.05)
    return pid


def read_when_written(path: Path, seconds: float = 10) -> list[str]:
    deadline = time.monotonic() + seconds
    while not path.exists() or not path.read_text():
        assert time.monotonic() < deadline, "the forked process wrote nothing"
        time.sleep(0.02)
    return path.read_text().split()


def wait_for(condition: Callable[[], bool], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def test_a_process_is_forked_from_one_that_has_imported_the_project(
    warm: WarmProject, write_code: Callable[..., ModuleType], tmp_path: Path
) -> None:
    module = write_code(word="hello")
    assert warm.fork(module.tell, str(tmp_path / "too-early")) is None
    fork_in_time(warm, module, tmp_path / "first")
    fork_in_time(warm, module, tmp_path / "second")
    (word, parent), (_, same_parent) = read_when_written(tmp_path / "first"), read_when_written(tmp_path / "second")
    assert word == "hello"
    assert parent == same_parent != str(os.getpid())


def test_what_has_changed_is_never_run_as_it_was(
    warm: WarmProject, write_code: Callable[..., ModuleType], tmp_path: Path
) -> None:
    fork_in_time(warm, write_code(word="yesterday"), tmp_path / "before")
    module = write_code(word="today, which is longer")
    assert warm.fork(module.tell, str(tmp_path / "at-once")) is None
    fork_in_time(warm, module, tmp_path / "after")
    assert read_when_written(tmp_path / "before")[0] == "yesterday"
    assert read_when_written(tmp_path / "after")[0] == "today,"
    assert not (tmp_path / "at-once").exists()


def test_a_change_of_the_same_length_is_seen_too(write_code: Callable[..., ModuleType], tmp_path: Path) -> None:
    write_code(word="one")
    before = take_fingerprint((tmp_path / "project",))
    time.sleep(0.01)
    write_code(word="two")
    assert take_fingerprint((tmp_path / "project",)) != before


def test_one_that_was_killed_is_replaced(
    warm: WarmProject, write_code: Callable[..., ModuleType], tmp_path: Path
) -> None:
    module = write_code(word="hello")
    fork_in_time(warm, module, tmp_path / "first")
    parent = int(read_when_written(tmp_path / "first")[1])
    os.kill(parent, signal.SIGKILL)
    wait_for(lambda: not psutil.pid_exists(parent) or psutil.Process(parent).status() == psutil.STATUS_ZOMBIE)
    assert warm.fork(module.tell, str(tmp_path / "at-once")) is None
    fork_in_time(warm, module, tmp_path / "second")
    assert int(read_when_written(tmp_path / "second")[1]) != parent


def test_a_project_that_cannot_be_imported_is_tried_again_only_when_it_has_changed(
    warm: WarmProject, write_code: Callable[..., ModuleType], tmp_path: Path
) -> None:
    module = write_code(word="broken", warm_up="open(__file__ + '.tries', 'a').write('x'); raise ValueError")
    tries = tmp_path / "project" / "small_project.py.tries"
    assert warm.fork(module.tell, str(tmp_path / "never")) is None
    wait_for(tries.exists)
    tries.unlink()
    for _ in range(20):
        assert warm.fork(module.tell, str(tmp_path / "never")) is None
        time.sleep(0.05)
    assert len(tries.read_text() if tries.exists() else "") <= 1
    fork_in_time(warm, write_code(word="mended"), tmp_path / "mended")
    assert read_when_written(tmp_path / "mended")[0] == "mended"


def test_it_ends_with_whoever_asked(warm: WarmProject, write_code: Callable[..., ModuleType], tmp_path: Path) -> None:
    fork_in_time(warm, write_code(word="hello"), tmp_path / "first")
    parent = int(read_when_written(tmp_path / "first")[1])
    warm.close()
    wait_for(lambda: not psutil.pid_exists(parent) or psutil.Process(parent).status() == psutil.STATUS_ZOMBIE)


def test_a_hundred_processes_leave_nothing_behind(
    warm: WarmProject, write_code: Callable[..., ModuleType], tmp_path: Path
) -> None:
    module = write_code(word="hello")
    fork_in_time(warm, module, tmp_path / "first")
    parent = psutil.Process(int(read_when_written(tmp_path / "first")[1]))
    before = parent.memory_info().rss
    for number in range(100):
        fork_in_time(warm, module, tmp_path / f"told-{number}")
    for number in range(100):
        read_when_written(tmp_path / f"told-{number}")
    wait_for(lambda: not parent.children())
    assert parent.memory_info().rss - before < 2 * 2**20


ASK = """
import sys, time
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import small_project
from leadflow_pipeline.runtime.warm_project import WarmProject

if __name__ == "__main__":
    warm = WarmProject(project="small_project", folders=(Path(sys.argv[1]),))
    while warm.fork(small_project.tell, sys.argv[2]) is None:
        time.sleep(0.05)
    time.sleep(60)
"""


def test_it_ends_when_the_daemon_that_asked_is_killed(write_code: Callable[..., ModuleType], tmp_path: Path) -> None:
    """A run that is under way goes on; what it was forked from would otherwise stay for ever."""
    write_code(word="hello")
    script = tmp_path / "ask.py"
    script.write_text(ASK)
    daemon = subprocess.Popen([sys.executable, str(script), str(tmp_path / "project"), str(tmp_path / "told")])
    try:
        parent = int(read_when_written(tmp_path / "told", seconds=60)[1])
    finally:
        daemon.kill()
        daemon.wait()
    wait_for(lambda: not psutil.pid_exists(parent) or psutil.Process(parent).status() == psutil.STATUS_ZOMBIE)
