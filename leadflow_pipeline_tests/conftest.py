"""What tests of every kind share: keeping the caller's own settings out."""

import os

import pytest


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No LEADFLOW_ or DAGSTER_ variable of the caller's reaches a test."""
    for name in os.environ:
        if name.startswith(("LEADFLOW_", "DAGSTER_")):
            monkeypatch.delenv(name)
