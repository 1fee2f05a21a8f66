"""What is true of any text before it is read as a name, a number or an address."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadflow_pipeline.domain.plain_text import clean_line, clean_paragraphs

SIGNS = st.characters(exclude_categories=()) | st.sampled_from("a é\u200d\u200c\u0301\u00a0\n\r\x00\x85\u2028\ud800")
ANY_TEXT = st.text(SIGNS, max_size=40)


@pytest.mark.parametrize(
    ("written", "cleaned"),
    [
        ("  Jane \t Doe\n", "Jane Doe"),
        ("Jane\u00a0Doe\u200b", "Jane Doe"),
        ("Jane\0Doe", "Jane Doe"),
        ("Jose\u0301", "José"),
        ("\u202eJane\u202c", "Jane"),
        ("Ja\u00adne", "Jane"),
        ("Ja\u200dne", "Jane"),
        ("Jane\ud800", "Jane"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("👩\u200d💻", "👩\u200d💻"),
    ],
)
def test_a_line_has_nothing_invisible_in_it(written: str, cleaned: str) -> None:
    assert clean_line(written, 100) == cleaned


def test_paragraphs_keep_their_lines() -> None:
    assert clean_paragraphs(" a \r\n b\r\n\r\n \r\n\r\nc\u2028d ", 100) == "a\nb\n\nc\nd"


@pytest.mark.timeout(5)
@pytest.mark.parametrize("run", ["\u200d", "\u0301", "\u0301\u0316", "a\u200d", "é\u200d", " \n", "\n", " "])
def test_endless_runs_are_no_burden(run: str) -> None:
    for text in (f"é{run * 80_000}é", run * 80_000):
        assert len(clean_paragraphs(text, 20_000)) <= 20_000


@given(ANY_TEXT, st.integers(1, 50))
def test_cleaning_twice_is_the_same_as_once(written: str, limit: int) -> None:
    for clean in (clean_line, clean_paragraphs):
        once = clean(written, limit)
        assert clean(once, limit) == once
        assert len(once) <= limit
        assert "\0" not in once.encode().decode()
