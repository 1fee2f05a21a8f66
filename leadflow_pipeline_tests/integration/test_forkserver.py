"""What the process that runs are forked from holds: every library, no thread, and nothing of what leadflow does."""

import importlib
import json
import subprocess
import sys

import pytest

from leadflow_pipeline.runtime.forkserver import LIBRARIES

LOOK = """
import importlib, json, sys, threading
for name in sys.argv[1:]:
    importlib.import_module(name)
print(json.dumps({"modules": sorted(sys.modules), "threads": threading.active_count()}))
"""


@pytest.mark.parametrize("name", LIBRARIES)
def test_every_preloaded_library_can_be_imported(name: str) -> None:
    """The forkserver passes over one that cannot, and every run pays for it without a word."""
    assert importlib.import_module(name)


def test_the_forkserver_holds_libraries_only_and_no_thread() -> None:
    """A preloaded module of the project is stale after a reload; a thread may hold a lock that a child waits for."""
    done = subprocess.run([sys.executable, "-c", LOOK, *LIBRARIES], capture_output=True, text=True, check=True)
    seen = json.loads(done.stdout)
    ours = {name for name in seen["modules"] if name.startswith("leadflow_pipeline")}
    assert ours == {"leadflow_pipeline", "leadflow_pipeline.runtime", "leadflow_pipeline.runtime.warm_libraries"}
    assert seen["threads"] == 1
