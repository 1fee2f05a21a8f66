"""Who is who: the same person by several ways, different people behind one number, and one inquiry told from two."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from leadflow_pipeline.domain.identity import (
    SHARED_BY_MANY,
    Contact,
    EarlierInquiry,
    Inquiry,
    is_same_name,
    person_keys,
    property_keys,
    recognise,
)
from leadflow_pipeline.domain.languages import guess_language

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
WINDOW = timedelta(minutes=10)
PHONE, MAIL = ("phone", "+15125550142"), ("email", "maria@example.com")
ALDER, OAK = ("address", "1208 alder"), ("address", "7 oak")


def inquiry(lead_id: int, *keys: tuple[str, str], minute: float = 0, **more: Any) -> Inquiry:
    fields: dict[str, Any] = {"bucket": "standard", "name": "Maria O'Neil", "properties": frozenset({ALDER}), **more}
    return Inquiry(lead_id=lead_id, received_at=NOON + timedelta(minutes=minute), keys=frozenset(keys), **fields)


def recognised(*inquiries: Inquiry, contacts: list[Contact] | None = None, **earlier: Any) -> dict[int, Any]:
    found = recognise(inquiries, contacts or [], earlier.get("earlier", {}), window=WINDOW)
    return {each.lead_id: (each.contact_id, each.same_as) for each in found}


@pytest.mark.parametrize(
    ("sentence", "second", "expected"),
    [
        ("the CRM's copy within a minute is the same inquiry", {"minute": 1}, (1, 1)),
        ("an hour later it is a new one of the same person", {"minute": 60}, (1, None)),
        ("another property is a new one", {"properties": frozenset({OAK})}, (1, None)),
        ("a copy that names no property is the same", {"properties": frozenset()}, (1, 1)),
        ("one known by its page only is the same", {"properties": frozenset({("url", "https://x.example/1")})}, (1, 1)),
        ("a copy without a name is the same", {"name": None}, (1, 1)),
        ("another name behind the same number is another person", {"name": "Bob Stone"}, (2, None)),
        ("a relative with the same surname too", {"name": "Liam O'Neil"}, (2, None)),
        ("a slip in the name is not", {"name": "Maria ONeill"}, (1, 1)),
        ("an initial will do", {"name": "M. O'Neil"}, (1, 1)),
    ],
)
def test_who_and_what_a_second_lead_is(sentence: str, second: dict[str, Any], expected: Any) -> None:
    assert recognised(inquiry(1, PHONE), inquiry(2, PHONE, **second))[2] == expected, sentence


def test_a_person_is_followed_from_mail_to_phone() -> None:
    """First the mail, then mail and phone, then the phone: one person."""
    found = recognised(inquiry(1, MAIL, minute=0), inquiry(2, MAIL, PHONE, minute=60), inquiry(3, PHONE, minute=120))
    assert {contact for contact, _ in found.values()} == {1}


def test_a_known_person_is_recognised_and_their_earlier_inquiry_too() -> None:
    known = Contact(contact_id=7, name="Maria O'Neil", keys=frozenset({MAIL}))
    earlier = {7: [EarlierInquiry(lead_id=9, received_at=NOON, properties=frozenset({ALDER}))]}
    assert recognised(inquiry(12, MAIL, minute=3), contacts=[known], earlier=earlier) == {12: (7, 9)}
    assert recognised(inquiry(12, MAIL, minute=-3), contacts=[known], earlier=earlier) == {12: (7, 9)}


def test_the_better_lead_stands_for_the_inquiry() -> None:
    """The push comes first without a budget and scores low, the mail is hot: the hot one is the lead."""
    found = recognised(inquiry(1, PHONE, bucket="low"), inquiry(2, PHONE, bucket="hot", minute=1))
    assert found == {2: (2, None), 1: (2, 2)}


def test_a_low_lead_never_swallows_another() -> None:
    """It is in the drip, where nobody would call."""
    assert recognised(inquiry(1, PHONE, bucket="low"), inquiry(2, PHONE, bucket="low", minute=1)) == {
        1: (1, None),
        2: (1, None),
    }


def test_without_a_key_nobody_is_recognised() -> None:
    assert recognised(inquiry(1), inquiry(2)) == {}


def test_a_nameless_lead_with_a_number_of_several_people_is_nobody_s() -> None:
    people = [
        Contact(contact_id=at, name=name, keys=frozenset({PHONE})) for at, name in ((1, "Ana Roe"), (2, "Bo Lee"))
    ]
    assert recognised(inquiry(5, PHONE, name=None), contacts=people) == {5: (5, None)}


def test_a_number_that_very_many_give_is_nobody_s() -> None:
    people = [
        Contact(contact_id=at, name=f"Maria O'Neil {at}", keys=frozenset({PHONE}))
        for at in range(1, SHARED_BY_MANY + 1)
    ]
    assert recognised(inquiry(99, PHONE, name=None), inquiry(100, PHONE), contacts=people)[100] == (100, None)


@pytest.mark.parametrize(
    ("given", "keys"),
    [
        ({"email": "Ana@Example.com", "email_kind": "person"}, {("email", "ana@example.com")}),
        ({"email": "info@example.com", "email_kind": "role", "name": "Ana"}, {("role email", "info@example.com")}),
        ({"email": "info@example.com", "email_kind": "role"}, set()),
        ({"email": "agent@brokerage.example", "email_kind": "person"}, set()),
        ({"phone": "+15125550142"}, {PHONE}),
        ({"phone": "+15125550199"}, set()),
        ({"email_kind": "relay"}, set()),
    ],
)
def test_what_reaches_one_person_alone(given: dict[str, str], keys: set[tuple[str, str]]) -> None:
    fields = {"email": None, "email_kind": None, "phone": None, "name": None, **given}
    assert person_keys(**fields, ours={"agent@brokerage.example", "+15125550199"}) == keys


def test_a_property_is_known_by_number_house_and_page() -> None:
    assert property_keys(
        mls_id="MLS-123 4", address="1208 E Alder Creek Dr Apt 4, Austin, TX", url="https://X.example/a/?utm=1#top"
    ) == {("mls", "mls1234"), ("address", "1208 alder"), ("url", "https://x.example/a")}
    assert property_keys(mls_id=None, address="Downtown", url=None) == frozenset()


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("José García", "Jose Garcia", True),
        ("Ana Ruiz", "Eva Ruiz", False),
        ("Person 1", "Person 2", False),
        ("Person 100", "Person 1000", False),
        ("Cher", "Cher Bono", True),
        ("", "Ana", True),
        ("李 雷", "李 雷", True),
    ],
)
def test_names_that_can_be_one_person_s(one: str, other: str, same: bool) -> None:
    assert is_same_name(one, other) is same
    assert is_same_name(other, one) is same


@pytest.mark.parametrize(
    ("message", "language"),
    [
        ("Hola, estoy interesado en la casa de Alder Creek. Gracias", "es"),
        ("I am looking for a house in Austin, please call me", "en"),
        ("Casa Linda", None),
        ("", None),
        (None, None),
        ("1208 Alder Creek Dr", None),
    ],
)
def test_a_message_s_language(message: str | None, language: str | None) -> None:
    assert guess_language(message) == language
