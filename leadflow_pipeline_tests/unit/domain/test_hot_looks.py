"""A glance at raw bytes: what gets a head start in the queue."""

import pytest

from leadflow_pipeline.domain.hot_looks import GLANCE_BYTES, looks_hot


@pytest.mark.parametrize(
    ("raw", "is_hot"),
    [
        (b"I am a cash buyer", True),
        (b"Message: We are PRE-APPROVED.", True),
        (b"preapproved, and ready", True),
        (b'{"message": "Soy inversionista"}', True),
        (b"Is it still available?", False),
        (b"reinvestors", False),
        (b"", False),
        (b"\x00\xff\xfe", False),
        (b"x" * GLANCE_BYTES + b" cash buyer", False),
    ],
)
def test_what_hot_leads_name_is_seen(raw: bytes, is_hot: bool) -> None:
    assert looks_hot(raw) == is_hot
