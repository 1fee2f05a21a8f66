"""Postal addresses as leads write them; all are invented."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadflow_pipeline.domain.addresses import normalize_address
from leadflow_pipeline.domain.us_states import STATE_NAMES, STATES_BY_ZIP_PREFIX

ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=60)
WORDS = """
    123 12-34 1/2 N NW Main MAIN Oak St. Ave Street Apt 4B # #5 Unit Ste 100 PO Box Austin AUSTIN New York TX texas
    Calif. 78701 78701-1234 2134 , , and & 5th USA APO The Grand Bldg Calle
"""
ADDRESS_LIKE = st.lists(st.sampled_from(WORDS.split()), max_size=11).map(" ".join)

PARTS = [
    ("123 Main St, Austin, TX 78701", "123 Main St", None, "Austin", "TX", "78701"),
    ("123 MAIN ST, AUSTIN TX 78701", "123 Main St", None, "Austin", "TX", "78701"),
    ("123 main st apt 4 austin texas 78701", "123 Main St", "Apt 4", "Austin", "TX", "78701"),
    ("123 MAIN ST #B-204, AUSTIN TX 78701", "123 Main St", "#B-204", "Austin", "TX", "78701"),
    ("123 Main St Apt 4, Austin, Texas 78701-1234", "123 Main St", "Apt 4", "Austin", "TX", "78701"),
    ("Apt 4, 123 Main St, Austin, TX 78701", "123 Main St", "Apt 4", "Austin", "TX", "78701"),
    ("123 Main St Bldg 2 Ste 100 Austin TX 78701", "123 Main St", "Bldg 2 Ste 100", "Austin", "TX", "78701"),
    ("PO Box 12, Austin, TX 78701", "PO Box 12", None, "Austin", "TX", "78701"),
    ("5th and Main, Austin TX", "5th and Main", None, "Austin", "TX", None),
    ("1234 NW 5TH AVE, PORTLAND OR 97209", "1234 NW 5th Ave", None, "Portland", "OR", "97209"),
    ("1600 Example Ave NW, Washington, D.C. 20500", "1600 Example Ave NW", None, "Washington", "DC", "20500"),
    ("12 Oak Ln, New York, New York 10001", "12 Oak Ln", None, "New York", "NY", "10001"),
    ("45 Elm Street, Springfield, Mass. 01103", "45 Elm Street", None, "Springfield", "MA", "01103"),
    ("45 Elm Street, Boston, MA 2134", "45 Elm Street", None, "Boston", "MA", "02134"),
    ("123-45 67th Ave Queens NY 11375", "123-45 67th Ave", None, "Queens", "NY", "11375"),
    ("456 N Rock Rd , Wichita , KS , 67206", "456 N Rock Rd", None, "Wichita", "KS", "67206"),
    ("Calle 5 #10, San Juan, PR 00901", "Calle 5 #10", None, "San Juan", "PR", "00901"),
    ("1 Fishers Way, Fishers Island, NY 06390", "1 Fishers Way", None, "Fishers Island", "NY", "06390"),
    ("123 Main St, Austin 78701", "123 Main St", None, "Austin", "TX", "78701"),
    ("Austin, TX", None, None, "Austin", "TX", None),
    ("Round Rock Texas", None, None, "Round Rock", "TX", None),
    ("78701", None, None, None, "TX", "78701"),
]

ONE_LINE = [
    ("123 MAIN ST #B-204,\nAUSTIN TX 78701", "123 Main St #B-204, Austin, TX 78701"),
    ("123 Main St, Austin, TX 78701, USA", "123 Main St, Austin, TX 78701"),
    ("Address: 123 Main St, Austin, TX 78701", "123 Main St, Austin, TX 78701"),
    ("123 Main St, Austin 78701", "123 Main St, Austin, TX 78701"),
    ("742 evergreen terrace, springfield, il 62701", "742 Evergreen Terrace, Springfield, IL 62701"),
    ("12 CAMINO DE LA COSTA, LA JOLLA CA 92037", "12 Camino De La Costa, La Jolla, CA 92037"),
    ("The Grand, 123 Main St Unit 5, Provo, UT 84601", "The Grand, 123 Main St Unit 5, Provo, UT 84601"),
    ("10 Example Rd, London SW1A 2AA", "10 Example Rd, London SW1A 2AA"),
    ("n/a", None),
    ("!!!", None),
]

PROBLEMS = [
    ("123 Main St, Austin, TX 78701", None),
    ("123 Main St, Austin, CA 78701", "ZIP code 78701 is in TX, not in CA"),
    ("123 Main St, Austin, TX 00000", "no such ZIP code: 00000"),
    ("123 Main St, Austin, ZZ 78701", "no such state: ZZ"),
    ("123 Main St", "neither a state of the US nor a ZIP code"),
    ("10 Example Rd, London SW1A 2AA", "neither a state of the US nor a ZIP code"),
    ("n/a", "no address given"),
    ("", "no address given"),
]


@pytest.mark.parametrize(("written", "street", "unit", "city", "state", "zip_code"), PARTS)
def test_an_address_falls_into_its_parts(
    written: str, street: str | None, unit: str | None, city: str | None, state: str, zip_code: str | None
) -> None:
    address = normalize_address(written)
    assert (address.street, address.unit, address.city) == (street, unit, city)
    assert (address.state, address.zip, address.problem) == (state, zip_code, None)


@pytest.mark.parametrize(("written", "one_line"), ONE_LINE)
def test_the_one_line_form_loses_no_word(written: str, one_line: str | None) -> None:
    assert normalize_address(written).one_line == one_line


@pytest.mark.parametrize(("written", "problem"), PROBLEMS)
def test_state_and_zip_code_have_to_agree(written: str, problem: str | None) -> None:
    assert normalize_address(written).problem == problem


def test_every_state_owns_zip_codes_and_every_zip_code_belongs_to_a_state() -> None:
    assert {state for states in STATES_BY_ZIP_PREFIX.values() for state in states} == STATE_NAMES.keys()


def test_two_addresses_in_one_field_give_the_first() -> None:
    """usaddress raises on repeated labels."""
    address = normalize_address("123 Main St Austin TX 78701 45 Oak Ave Dallas TX 75201")
    assert (address.street, address.zip) == ("123 Main St", "78701")
    assert address.one_line == "123 Main St Austin TX 78701 45 Oak Ave Dallas TX 75201"


@given(ANY_TEXT | ADDRESS_LIKE)
@settings(deadline=None)
def test_normalizing_twice_is_the_same_as_once(written: str) -> None:
    once = normalize_address(written)
    again = normalize_address(once.one_line or "")
    assert again.one_line == once.one_line
    assert (again.street, again.unit, again.city) == (once.street, once.unit, once.city)
    assert (again.state, again.zip) == (once.state, once.zip)


@given(ANY_TEXT | ADDRESS_LIKE)
@settings(deadline=None)
def test_every_output_can_be_stored(written: str) -> None:
    address = normalize_address(written)
    for text in (address.original, address.one_line, address.street, address.unit, address.city, address.problem):
        assert "\0" not in (text or "").encode().decode()


@pytest.mark.parametrize("written", ["x" * 100_000, "123 Main St " * 9_000, "#" * 100_000, "1," * 50_000])
def test_endless_input_is_cut(written: str) -> None:
    assert len(normalize_address(written).one_line or "") <= 300
