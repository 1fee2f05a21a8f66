"""Budgets, prices and rents as leads write them."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadflow_pipeline.domain.money import Money, parse_money

ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=60)
PIECES = """
    500 600 1.2 450.000 1,500 k M _million $ € _-_ _to_ /mo under_ + half_a_ _mil ½ 1/2 _ . , ' 0
    99999999999999999999 mid_ 400s ٣ ²
"""  # _ is a space
MONEY_LIKE = st.lists(st.sampled_from(PIECES.split()), max_size=9).map(lambda parts: "".join(parts).replace("_", " "))

K = 1_000

ONE_AMOUNT = [
    ("$450,000", 450 * K),
    ("$450,000.00", 450 * K),
    ("$ 450,000", 450 * K),
    ("450000", 450 * K),
    ("500 000", 500 * K),
    ("750k", 750 * K),
    ("750 K", 750 * K),
    ("~750k", 750 * K),
    ("around 750k-ish", 750 * K),
    ("$1.2M", 1_200 * K),
    ("$1,2M", 1_200 * K),
    ("1.5MM", 1_500 * K),
    ("$.5M", 500 * K),
    ("1.2 mil", 1_200 * K),
    ("1.5 million dollars", 1_500 * K),
    ("1 1/2 million", 1_500 * K),
    ("1½ million", 1_500 * K),
    ("half a million", 500 * K),
    ("a quarter million", 250 * K),
    ("a million", 1_000 * K),
    ("one and a half million", 1_500 * K),
    ("a million and a half", 1_500 * K),
    ("two hundred thousand", 200 * K),
    ("six hundred and fifty thousand", 650 * K),
    ("5 hundred thousand", 500 * K),
    ("450k, 20% down", 450 * K),
    ("450k with 20k down", 450 * K),
    ("3 bed 2 bath 450k", 450 * K),
    ("3/2 450k", 450 * K),
    ("1500 sq ft 400k", 400 * K),
    ("-500k", 500 * K),
    ("450.000", 450 * K),
    ("450.000 €", 450 * K),
    ("€450.000,00", 450 * K),
    ("1.250.000", 1_250 * K),
    ("1'200'000", 1_200 * K),
    ("500 mil", 500 * K),
    ("medio millón", 500 * K),
    ("1,5 millones", 1_500 * K),
]

RANGES = [
    ("500-600k", 500 * K, 600 * K),
    ("500k-600k", 500 * K, 600 * K),
    ("500K - 600K", 500 * K, 600 * K),
    ("$500k–$600k", 500 * K, 600 * K),
    ("500..600k", 500 * K, 600 * K),
    ("$500,000 - $750,000", 500 * K, 750 * K),
    ("500,000 USD - 600,000 USD", 500 * K, 600 * K),
    ("between 500k and 600k", 500 * K, 600 * K),
    ("from 500k to 600k", 500 * K, 600 * K),
    ("600k to 500k", 500 * K, 600 * K),
    ("$1-1.5M", 1_000 * K, 1_500 * K),
    ("900k-1.2M", 900 * K, 1_200 * K),
    ("900-1.2M", 900 * K, 1_200 * K),
    ("450.000 - 500.000 €", 450 * K, 500 * K),
    ("mid 400s", 430 * K, 470 * K),
    ("low to mid $500's", 500 * K, 570 * K),
    ("400s", 400 * K, 500 * K),
    ("under 600,000", None, 600 * K),
    ("up to $600k", None, 600 * K),
    ("$800k max", None, 800 * K),
    ("no more than 650k", None, 650 * K),
    ("$350,000 or less", None, 350 * K),
    ("hasta 300.000", None, 300 * K),
    ("500k+", 500 * K, None),
    ("over 500k", 500 * K, None),
    ("at least 500k", 500 * K, None),
    ("300k or more", 300 * K, None),
]

RENTS = [
    ("1,500/mo", "1500"),
    ("$2,000 per month", "2000"),
    ("$2000 a month", "2000"),
    ("2,000 monthly", "2000"),
    ("1800 pcm", "1800"),
    ("1500-2000/mo", "2000"),
    ("$1,500 - $1,800 /month", "1800"),
    ("2 bedroom under $2,500 a month", "2500"),
    ("1.800 € al mes", "1800"),
    ("$24,000/yr", "2000"),
    ("$500/week", "2166.67"),
]

NO_MONEY = [
    ("", "no amount in it"),
    ("n/a", "no amount in it"),
    ("cash", "no amount in it"),
    ("no limit", "no amount in it"),
    ("20%", "no amount in it"),
    ("512-555-0142", "no amount in it"),
    ("0", "too small for a price"),
    ("1.5", "too small for a price"),
    ("99999999999999", "too large for a price"),
]


@pytest.mark.parametrize(("written", "amount"), ONE_AMOUNT)
def test_one_amount_is_both_ends(written: str, amount: int) -> None:
    money = parse_money(written)
    assert [money.low, money.high, money.amount] == [Decimal(amount)] * 3
    assert not money.per_month


@pytest.mark.parametrize(("written", "low", "high"), RANGES)
def test_a_range_has_two_ends_and_counts_as_its_upper_one(written: str, low: int | None, high: int | None) -> None:
    money = parse_money(written)
    assert (money.low, money.high) == (low, high)
    assert money.amount == (high or low)


@pytest.mark.parametrize(("written", "monthly"), RENTS)
def test_a_rent_is_marked_and_counted_per_month(written: str, monthly: str) -> None:
    money = parse_money(written)
    assert (money.amount, money.per_month) == (Decimal(monthly), True)


@pytest.mark.parametrize(("written", "problem"), NO_MONEY)
def test_what_is_no_price_says_why(written: str, problem: str) -> None:
    money = parse_money(written)
    assert (money.amount, money.problem) == (None, problem)


@pytest.mark.parametrize(
    ("written", "currency"),
    [("$450k", "USD"), ("450.000 €", "EUR"), ("£450,000", "GBP"), ("450k CAD", "CAD"), ("450k", None)],
)
def test_the_currency_is_named_only_where_it_is_written(written: str, currency: str | None) -> None:
    assert parse_money(written).currency == currency


@given(ANY_TEXT | MONEY_LIKE)
def test_normalizing_twice_is_the_same_as_once(written: str) -> None:
    once = parse_money(written)
    again = parse_money(_rewritten(once))
    assert (again.low, again.high, again.per_month) == (once.low, once.high, once.per_month and once.amount is not None)


@given(ANY_TEXT | MONEY_LIKE)
def test_every_output_can_be_stored(written: str) -> None:
    money = parse_money(written)
    assert "\0" not in f"{money.original}{money.problem}".encode().decode()
    for amount in (money.low, money.high):
        assert amount is None or (amount.is_finite() and 0 <= amount < 10**11)


@pytest.mark.parametrize(
    "written", ["9" * 100_000, "1," * 50_000, "$" * 100_000, "a hundred " * 10_000, "1/2" * 30_000]
)
def test_endless_input_is_no_error(written: str) -> None:
    assert len(parse_money(written).original) <= 200


def _rewritten(money: Money) -> str:
    period = " per month" if money.per_month else ""
    if money.low is None or money.high is None:
        word = "up to" if money.low is None else "at least"
        return f"{word} {money.amount}{period}" if money.amount is not None else ""
    return f"{money.low} - {money.high}{period}"
