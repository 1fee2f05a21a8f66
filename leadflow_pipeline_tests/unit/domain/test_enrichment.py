"""What vendors are asked, in which order and for how long, and what becomes of the answers."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadflow_pipeline.domain.enrichment import plan_questions, seconds_for_vendors, tell_lead, urgency

LEAD: dict[str, Any] = {
    "lead_id": 1, "first_name": "Rosa", "last_name": "Quintero", "email": "Rosa@Company.example",
    "email_kind": "person", "phone_e164": "+15125550142", "phone_valid": True,
    "address": "101 Oak Street, Austin, TX 78704", "street": "101 Oak Street", "city": "Austin", "state": "TX",
    "zip": "78704", "property_address": None, "property_city": None, "property_state": None, "property_zip": None,
    "budget": None, "message": None,
}  # fmt: skip
NO_HOME = {"address": None, "street": None, "city": None, "state": None, "zip": None}
FACTS = {"company": "Harbor & Pine", "job_title": "Nurse", "social_profiles": {"linkedin": "x"}}


def plan(**changes: Any) -> Any:
    return plan_questions({**LEAD, **changes}, geocoder=True, enrichers=("clearbit", "pdl"))


def test_an_address_has_one_key_however_it_is_cased() -> None:
    first, second = plan().place, plan(address="101 OAK STREET, Austin, TX 78704").place
    assert first == second
    assert first.inputs == {"address": "101 Oak Street, Austin, TX 78704"}


def test_the_property_s_address_stands_in_for_the_lead_s_own() -> None:
    found = plan(**NO_HOME, property_address="7 Elm Court, Denver, CO", property_city="Denver").place
    assert found.key == "7 elm court, denver, co"


@pytest.mark.parametrize(
    "changes",
    [
        NO_HOME,
        {"address": "Austin, TX", "street": None},
        {"address": "Oak Street, Austin, TX", "street": "Oak Street"},
        {"address": "101 Oak Street", "city": None, "state": None, "zip": None},
    ],
)
def test_what_cannot_lead_to_a_house_is_not_asked(changes: dict[str, Any]) -> None:
    assert plan(**changes).place is None


@pytest.mark.parametrize("kind", ["relay", "role", "disposable", None])
def test_only_a_person_s_own_address_is_sent(kind: str | None) -> None:
    people = plan(email_kind=kind).people
    assert [question.vendor for question in people] == ["pdl"]
    assert "email" not in people[0].inputs
    assert people[0].key == "+15125550142"


def test_without_e_mail_and_phone_a_name_needs_a_place() -> None:
    bare = {"email": None, "phone_e164": None, "phone_valid": False}
    assert plan(**bare).people[0].key == "rosa quintero, austin, tx, 78704"
    assert plan(**bare, **NO_HOME).people == ()
    assert plan(**bare, first_name=None).people == ()


def test_who_is_asked_and_in_which_order_is_configured() -> None:
    assert [question.vendor for question in plan().people] == ["clearbit", "pdl"]
    asked = plan_questions(LEAD, geocoder=False, enrichers=("pdl", "clearbit"))
    assert asked.place is None
    assert [question.vendor for question in asked.people] == ["pdl", "clearbit"]
    assert plan_questions(LEAD, geocoder=False, enrichers=()).people == ()


def known(**answers: Any) -> dict[tuple[str, str], Any]:
    keys = {"google": plan().place.key, "clearbit": "rosa@company.example", "pdl": "rosa@company.example"}
    return {(vendor, keys[vendor]): facts for vendor, facts in answers.items()}


@pytest.mark.parametrize(
    ("answers", "waits_for", "enriched_by"),
    [
        ({}, ["google", "clearbit"], None),
        ({"google": None}, ["clearbit"], None),
        ({"google": None, "clearbit": FACTS}, [], "clearbit"),
        ({"google": None, "clearbit": None}, ["pdl"], None),
        ({"google": None, "clearbit": None, "pdl": FACTS}, [], "pdl"),
        ({"google": None, "clearbit": None, "pdl": None}, [], None),
        ({"clearbit": FACTS, "pdl": {"company": "Other"}}, ["google"], "clearbit"),
        ({"pdl": FACTS}, ["google", "clearbit"], None),
    ],
)
def test_a_lead_waits_for_what_is_not_answered_and_takes_the_first_that_knows_it(
    answers: dict[str, Any], waits_for: list[str], enriched_by: str | None
) -> None:
    told = tell_lead(plan(), known(**answers))
    assert (told["waits_for"], told["enriched_by"]) == (waits_for, enriched_by)
    assert told["company"] == ("Harbor & Pine" if enriched_by else None)
    assert told["is_geocoded"] == ("google" in answers)


def test_leads_that_look_hot_are_asked_about_first() -> None:
    said = [
        {"message": "We are pre-approved", "budget": 600_000, "phone_valid": True},
        {"message": "cash buyer here", "budget": None, "phone_valid": False},
        {"message": "hello", "budget": 900_000, "phone_valid": True},
        {"message": None, "budget": None, "phone_valid": True},
        {"message": "just looking", "budget": 499_999, "phone_valid": False},
    ]
    assert sorted(said, key=urgency, reverse=True) == said


@pytest.mark.parametrize(
    ("age", "behind", "seconds"),
    [(0, 0, 8), (10, 0, 8), (50, 0, 4), (85, 0, 0.5), (90, 0, 0), (1000, 0, 0), (0, 1, 4), (0, 7, 1)],
)
def test_a_batch_gives_vendors_a_share_of_what_its_oldest_lead_has_left(
    age: float, behind: int, seconds: float
) -> None:
    assert seconds_for_vendors(age, behind, most=8, share=0.1) == pytest.approx(seconds)


@given(st.floats(0, 90), st.integers(0, 40))
def test_batches_in_a_row_never_spend_more_than_their_share(age: float, behind: int) -> None:
    """Each batch of a spike waits for vendors, one after the other: together they leave most of the time."""
    spent = 0.0
    for still_behind in range(behind, -1, -1):
        spent += seconds_for_vendors(age + spent, still_behind, most=8, share=0.1)
    assert spent <= 0.5 * (90 - age) + 1e-9
