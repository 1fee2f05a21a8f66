"""Whatever stands in a field is kept beside what was made of it."""

from hypothesis import given
from hypothesis import strategies as st

from leadflow_pipeline.domain.addresses import normalize_address
from leadflow_pipeline.domain.emails import normalize_email
from leadflow_pipeline.domain.money import parse_money
from leadflow_pipeline.domain.names import normalize_name
from leadflow_pipeline.domain.phones import normalize_phone
from leadflow_pipeline.domain.plain_text import clean_line

# Printable, in one spelling and shorter than any field's limit: then nothing but spaces may differ.
WRITTEN = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=150)


@given(WRITTEN)
def test_every_original_is_kept_as_it_was_written(written: str) -> None:
    expected = " ".join(written.split())
    assert normalize_phone(written, region="US").original == expected
    assert normalize_name(written).original == expected
    assert normalize_email(written).original == expected
    assert normalize_address(written).original == expected
    assert parse_money(written).original == expected


@given(st.text(max_size=2_000))
def test_an_original_differs_from_what_was_written_only_by_what_cannot_be_printed(written: str) -> None:
    assert normalize_phone(written, region="US").original == clean_line(written, 200)
    assert normalize_address(written).original == clean_line(written, 300)
