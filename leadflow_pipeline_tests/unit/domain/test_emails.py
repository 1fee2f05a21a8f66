"""E-mail addresses as leads write them; all are invented."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadflow_pipeline.domain.emails import normalize_email

ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=60)
PIECES = """
    jane Jane.Doe @ @ gmail gmial.com EXAMPLE.com bücher.de . , _ < > mailto: _at_ _dot_ ?subject=x ; " 用户
    convo.zillow.com ( )
"""  # _ is a space
EMAIL_LIKE = st.lists(st.sampled_from(PIECES.split()), max_size=9).map(lambda parts: "".join(parts).replace("_", " "))

ADDRESSES = [
    ("jane@example.com", "jane@example.com"),
    ("Jane.Doe@EXAMPLE.COM", "Jane.Doe@example.com"),
    ("mailto:jane@example.com", "jane@example.com"),
    ("mailto:jane@example.com?subject=Hi", "jane@example.com"),
    ("<jane@example.com>", "jane@example.com"),
    ("Jane Doe <jane@example.com>", "jane@example.com"),
    ('"jane@example.com",', "jane@example.com"),
    ("jane@example.com.", "jane@example.com"),
    ("jane@example.com (work)", "jane@example.com"),
    ("jane@example.com\u200b", "jane@example.com"),
    ("jane+zillow@gmail.com", "jane+zillow@gmail.com"),
    ("o'neil@example.com", "o'neil@example.com"),
    ("jane@sandbox.test", "jane@sandbox.test"),
    ("a@bücher.de", "a@xn--bcher-kva.de"),
    ("用户@例子.广告", "用户@例子.广告"),
]

SUGGESTIONS = [
    ("jane@gmial.com", "jane@gmail.com"),
    ("jane@gmail.con", "jane@gmail.com"),
    ("jane@gnail.com", "jane@gmail.com"),
    ("jane@gamil.com", "jane@gmail.com"),
    ("jane@hotmial.com", "jane@hotmail.com"),
    ("jane@yaho.com", "jane@yahoo.com"),
    ("jane@yahoo.co", "jane@yahoo.com"),
    ("jane@outlok.com", "jane@outlook.com"),
    ("jane@icloud.co", "jane@icloud.com"),
    ("jane@aol.con", "jane@aol.com"),
    ("jane@comcast.ner", "jane@comcast.net"),
    ("jane@yahoo.ca", None),
    ("jane@mail.com", None),
    ("jane@ymail.com", None),
    ("jane@comcast.com", None),
    ("jane@me.com", None),
]

REPAIRS = [
    ("jane@gmail,com", "jane@gmail.com"),
    ("jane @gmail.com", "jane@gmail.com"),
    ("jane at gmail dot com", "jane@gmail.com"),
    ("jane(at)gmail.com", "jane@gmail.com"),
    ("jane@@gmail.com", "jane@gmail.com"),
    ("jane@gmail..com", "jane@gmail.com"),
    ("jane.@gmail.com", "jane@gmail.com"),
    ("jane@gmail", "jane@gmail.com"),
    ("jane@gmailcom", "jane@gmail.com"),
    ("jane", None),
    ("jane@", None),
    ("@example.com", None),
    ("jane@localhost", None),
    ("jane@[10.0.0.1]", None),
    ("www.example.com", None),
    ("n/a", None),
    ("", None),
]

KINDS = [
    ("jane@example.com", "person"),
    ("admiral@example.com", "person"),
    ("info@example.com", "role"),
    ("sales.team@example.com", "role"),
    ("no-reply@example.com", "role"),
    ("leads2@example.com", "role"),
    ("jane@mailinator.com", "disposable"),
    ("jane@inbox.mailinator.com", "disposable"),
    ("3f9abc@convo.zillow.com", "relay"),
    ("reply+0a1b2c@messaging.yelp.com", "relay"),
    ("4711@reply.avail.co", "relay"),
    ("x7q@privaterelay.appleid.com", "relay"),
    ("jane@notconvo.zillow.com.example.org", "person"),
]


@pytest.mark.parametrize(("written", "address"), ADDRESSES)
def test_the_address_is_found_whatever_stands_around_it(written: str, address: str) -> None:
    email = normalize_email(written)
    assert (email.address, email.problem) == (address, None)


@pytest.mark.parametrize(("written", "suggestion"), SUGGESTIONS)
def test_a_likely_typo_is_suggested_and_never_changed(written: str, suggestion: str | None) -> None:
    email = normalize_email(written)
    assert (email.address, email.suggestion) == (written, suggestion)


@pytest.mark.parametrize(("written", "suggestion"), REPAIRS)
def test_what_is_no_address_says_why_and_what_was_meant(written: str, suggestion: str | None) -> None:
    email = normalize_email(written)
    assert (email.address, email.kind, email.suggestion) == (None, None, suggestion)
    assert email.problem


@pytest.mark.parametrize(("written", "kind"), KINDS)
def test_the_kind_is_told_from_the_address(written: str, kind: str) -> None:
    assert normalize_email(written).kind == kind


def test_only_a_portals_relay_belongs_to_the_portal() -> None:
    """Apple's relay forwards to one person for good; Zillow's belongs to one conversation."""
    assert normalize_email("3f9abc@convo.zillow.com").portal
    assert not normalize_email("x7q@privaterelay.appleid.com").portal


def test_further_addresses_are_kept() -> None:
    email = normalize_email("jane@example.com; bob@example.com / jane@example.com")
    assert (email.address, email.others) == ("jane@example.com", ("bob@example.com",))


def test_a_broken_address_does_not_hide_a_whole_one() -> None:
    assert normalize_email("jane@, bob@example.com").address == "bob@example.com"


@given(ANY_TEXT | EMAIL_LIKE)
def test_normalizing_twice_is_the_same_as_once(written: str) -> None:
    once = normalize_email(written)
    if once.address:
        again = normalize_email(once.address)
        assert (again.address, again.kind, again.suggestion) == (once.address, once.kind, once.suggestion)


@given(ANY_TEXT | EMAIL_LIKE)
def test_every_output_can_be_stored(written: str) -> None:
    email = normalize_email(written)
    for text in (email.original, email.address, email.suggestion, email.problem, *email.others):
        assert "\0" not in (text or "").encode().decode()


@pytest.mark.parametrize("written", ["a@" * 50_000, "x" * 100_000 + "@example.com", "<" * 100_000, "@" * 100_000])
def test_endless_input_is_no_address(written: str) -> None:
    assert normalize_email(written).address is None
