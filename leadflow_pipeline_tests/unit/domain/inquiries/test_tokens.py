"""How far a negation reaches, and how different spellings become one."""

import pytest

from leadflow_pipeline.domain.inquiries.tokens import TEXT_LIMIT, read_tokens


@pytest.mark.parametrize(
    ("text", "negated"),
    [
        ("We are not pre-approved yet", ["pre", "approved", "yet"]),
        ("We aren't pre-approved, but want a tour", ["pre", "approved"]),
        ("tired of investors calling", ["investors", "calling"]),
        ("Not only pre-approved, cash too", []),
        ("No quiero vender mi casa", ["quiero", "vender", "mi", "casa"]),
        ("no quiero comprar sino vender", ["quiero", "comprar"]),
        ("I can't buy now. Rent it is.", ["buy", "now"]),
        ("stop by at noon", []),
        ("stop calling me", ["calling", "me"]),
        ("harta de los inversionistas", ["los", "inversionistas"]),  # "de" opens nothing by itself
        ("pre-approved", []),
    ],
)
def test_a_negation_reaches_to_the_end_of_its_clause(text: str, negated: list[str]) -> None:
    found = [token.word for token in read_tokens(text) if token.negated]
    assert [word for word in found if word not in ("of", "de")] == negated


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("$410,000", ["<money>"]),
        ("410k", ["<money>"]),
        ("280 mil", ["<money>"]),
        ("at 10:30 am", ["at", "<clock>"]),
        ("in 2028", ["in", "<year>"]),
        ("3 beds", ["<number>", "bedroom"]),
        ("plz see https://a.example/x?y=1", ["please", "see", "<link>"]),
        ("préstamo ¿cuándo?", ["prestamo", "cuando"]),
        ("wanna buy", ["want to", "buy"]),
    ],
)
def test_spellings_become_one(text: str, words: list[str]) -> None:
    assert [token.word for token in read_tokens(text)] == [part for word in words for part in word.split()]


def test_only_the_beginning_of_a_huge_text_is_read() -> None:
    assert read_tokens("word " * 1_000_000) == read_tokens("word " * (TEXT_LIMIT // 5))
