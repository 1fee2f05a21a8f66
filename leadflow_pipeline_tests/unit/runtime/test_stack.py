"""A stack that looks after its database: one that is slow to come back must not end everything else."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from leadflow_pipeline.domain.errors import TransientError
from leadflow_pipeline.runtime import stack as stack_module
from leadflow_pipeline.runtime.postgres import data_folder, find_embedded
from leadflow_pipeline.runtime.stack import Stack
from leadflow_pipeline.settings import Settings


def test_a_database_that_recovers_slowly_is_looked_for_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    stack = Stack(Settings(home=tmp_path), told.append)
    tries: list[Path] = []

    def start_slowly(home: Path) -> None:
        tries.append(home)
        raise TransientError("The embedded PostgreSQL did not start: timed out.")

    monkeypatch.setattr(stack_module, "start_embedded", start_slowly)
    stack._server = SimpleNamespace()  # type: ignore[assignment]
    stack._look_at_daemon_at = float("inf")
    stack.look_after()
    stack.look_after()
    stack._server = None
    stack.end()
    assert tries == [tmp_path, tmp_path]
    assert "looked for again" in told[1]


@pytest.mark.parametrize("lines", ["", "4242\n", "4242\n/data\n1712346200\nfifth\n/tmp\n\n8826964\nready\n"])
def test_a_half_written_note_of_the_server_is_no_server(tmp_path: Path, lines: str) -> None:
    data_folder(tmp_path).mkdir()
    (data_folder(tmp_path) / "postmaster.pid").write_text(lines)
    assert find_embedded(tmp_path) is None
