"""The receiver against its own OpenAPI document: whatever it allows is taken, every answer is a described one.

What it does not allow may be taken all the same, as forms are read with patience. Only the website form is called
with authentic posts, as other vendors' posts are theirs to describe; their sources are called by strangers.
"""

from pathlib import Path

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import negative_data_rejection

from leadflow_pipeline.adapters.database import Database
from leadflow_pipeline.domain.webhook_sources.registry import SOURCES
from leadflow_pipeline.receiver.app import build_app
from leadflow_pipeline.settings import Settings
from leadflow_pipeline_tests.posts import SECRET


@pytest.fixture
def described(tmp_path: Path, database: Database) -> schemathesis.BaseSchema:
    """The document of a sandbox on which every source is open."""
    secrets = {f"webhook_{source}_secret": SECRET for source in SOURCES if source != "website"}
    app = build_app(Settings(_env_file=None, home=tmp_path, **secrets), database)
    return schemathesis.openapi.from_asgi("/openapi.json", app)


@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
def test_the_receiver_does_what_its_document_says(described: schemathesis.BaseSchema, mode: GenerationMode) -> None:
    for found in described.get_all_operations():
        operation = found.ok()
        if mode is GenerationMode.NEGATIVE and operation.method == "get":
            continue  # takes nothing that could be wrong

        @given(case=operation.as_strategy(generation_mode=mode))
        @settings(max_examples=15, deadline=None, database=None, suppress_health_check=list(HealthCheck))
        def call(case: schemathesis.Case) -> None:
            case.call_and_validate(excluded_checks=[negative_data_rejection])

        call()
