"""One staged lead brought into one spelling; all people are invented."""

from dataclasses import fields
from decimal import Decimal
from typing import Any, get_type_hints

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadflow_pipeline.domain.normalized_leads import NormalizedLead, normalize_lead
from leadflow_pipeline.domain.staged_leads import StagedLead

TELLING = """
    Jane Doe|O'NEIL, JANE|jane@gmial.com|x@convo.zillow.com|512-555-0142 x5|500-600k|1,500/mo|renter|MLS# 123|شقة|😀
    |123 MAIN ST, AUSTIN TX 78701|www.example.com/1|\0|\ud800
"""
ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=40) | st.sampled_from(TELLING.split("|"))
TEXT_FIELDS = [name for name, kind in get_type_hints(StagedLead).items() if kind == str | None]
FACTS = st.fixed_dictionaries({}, optional=dict.fromkeys(TEXT_FIELDS, ANY_TEXT))


def normalize(**facts: Any) -> NormalizedLead:
    return normalize_lead(StagedLead(**facts), region="US")


def test_a_full_lead_comes_out_clean() -> None:
    lead = normalize(
        name="O'NEIL-SMITH, JANE",
        email="Jane.Doe@EXAMPLE.com.",
        phone="(512) 555-0142 x5 or 512-555-0199",
        address="123 MAIN ST #B-204, AUSTIN TX 78701",
        property_address="45 oak ave, austin, tx 78704",
        property_mls_id="MLS ID # 1234567",
        property_price="$610,000",
        property_url="https://www.example.com/listing/1.",
        budget="500-600k",
        lead_type="Buyer",
        timeframe=" 0-3  months ",
        message="Hello,\r\n\r\n\r\nis it still available?\0",
    )
    assert lead == NormalizedLead(
        full_name="Jane O'Neil-Smith",
        first_name="Jane",
        last_name="O'Neil-Smith",
        email="Jane.Doe@example.com",
        email_kind="person",
        phone_e164="+15125550142",
        phone_extension="5",
        phone_valid=True,
        phone_kind="fixed_or_mobile",
        other_phones=("+15125550199",),
        address="123 Main St #B-204, Austin, TX 78701",
        street="123 Main St",
        unit="#B-204",
        city="Austin",
        state="TX",
        zip="78701",
        property_address="45 Oak Ave, Austin, TX 78704",
        property_city="Austin",
        property_state="TX",
        property_zip="78704",
        property_mls_id="1234567",
        property_price=Decimal(610_000),
        property_url="https://www.example.com/listing/1",
        budget_low=Decimal(500_000),
        budget_high=Decimal(600_000),
        budget=Decimal(600_000),
        lead_type="buyer",
        timeframe="0-3 months",
        message="Hello,\n\nis it still available?",
    )


def test_an_empty_lead_is_empty() -> None:
    """A missing phone is normal: no placeholder, and no problem either."""
    assert normalize() == NormalizedLead()


def test_a_relay_address_moves_to_its_own_field() -> None:
    lead = normalize(email="3f9abc@convo.zillow.com")
    assert (lead.email, lead.relay_email, lead.email_kind) == (None, "3f9abc@convo.zillow.com", "relay")


def test_a_relay_address_does_not_replace_another() -> None:
    lead = normalize(email="new@convo.zillow.com", relay_email="old@convo.zillow.com")
    assert (lead.email, lead.relay_email) == (None, "old@convo.zillow.com")


def test_a_real_address_stays_beside_a_relay() -> None:
    lead = normalize(email="jane@example.com", relay_email="3f9abc@convo.zillow.com")
    assert (lead.email, lead.relay_email, lead.email_kind) == ("jane@example.com", "3f9abc@convo.zillow.com", "person")


def test_a_forwarding_address_stays_the_persons_own() -> None:
    lead = normalize(email="x7q@privaterelay.appleid.com")
    assert (lead.email, lead.relay_email, lead.email_kind) == ("x7q@privaterelay.appleid.com", None, "relay")


def test_an_address_in_the_name_field_moves() -> None:
    lead = normalize(name="jane@example.com")
    assert (lead.full_name, lead.email) == (None, "jane@example.com")


def test_an_address_in_the_name_field_does_not_replace_the_given_one() -> None:
    lead = normalize(name="Jane Doe jane@old.example.com", email="jane@example.com")
    assert (lead.full_name, lead.email) == ("Jane Doe", "jane@example.com")


def test_an_address_in_the_name_field_stands_in_for_none() -> None:
    assert normalize(name="Jane Doe jane@example.com", email="n/a").email == "jane@example.com"


def test_a_phone_in_the_name_field_moves() -> None:
    lead = normalize(name="Jane Doe (512) 555-0142")
    assert (lead.full_name, lead.phone_e164, lead.phone_valid) == ("Jane Doe", "+15125550142", True)


def test_a_phone_in_the_name_field_is_kept_beside_the_given_one() -> None:
    lead = normalize(name="Jane Doe 512-555-0199", phone="512-555-0142")
    assert (lead.phone_e164, lead.other_phones) == ("+15125550142", ("+15125550199",))


def test_a_placeholder_phone_is_no_phone() -> None:
    lead = normalize(phone="9999999999")
    assert (lead.phone_e164, lead.phone_valid, lead.phone_problem) == (None, False, "placeholder number")


def test_an_address_decides_the_country_of_the_phone_before_the_settings() -> None:
    staged = StagedLead(phone="512-555-0142", address="123 Main St, Austin, TX 78701")
    assert normalize_lead(staged, region="DE").phone_e164 == "+15125550142"


@pytest.mark.parametrize(
    ("budget", "lead_type", "purchase", "rent"),
    [
        ("500-600k", None, 600_000, None),
        ("$1,800/mo", None, None, 1_800),
        ("$1,800/mo", "buyer", None, 1_800),
        ("1800", None, None, 1_800),
        ("1800", "renter", None, 1_800),
        ("12,000", "renter", None, 12_000),
        ("450k", "renter", 450_000, None),
        ("1800", "buyer", None, None),
        ("no idea", None, None, None),
    ],
)
def test_rent_is_kept_apart_from_purchase(
    budget: str, lead_type: str | None, purchase: int | None, rent: int | None
) -> None:
    lead = normalize_lead(StagedLead(budget=budget, lead_type=lead_type), region="US")
    assert (lead.budget, lead.rent_monthly) == (purchase, rent)


@pytest.mark.parametrize(
    ("written", "lead_type"),
    [
        ("Buyer", "buyer"),
        ("I want to buy", "buyer"),
        ("SELLER", "seller"),
        ("Home valuation", "seller"),
        ("Rental inquiry", "renter"),
        ("tenant", "renter"),
        ("property inquiry", None),
        ("", None),
    ],
)
def test_the_lead_type_is_one_of_three(written: str, lead_type: str | None) -> None:
    assert normalize(lead_type=written).lead_type == lead_type


@pytest.mark.parametrize(
    ("written", "url"),
    [
        ("https://www.example.com/1", "https://www.example.com/1"),
        ("see <https://www.example.com/1>.", "https://www.example.com/1"),
        ("www.example.com/1", "https://www.example.com/1"),
        ("javascript:alert(1)", None),
        ("example", None),
    ],
)
def test_only_web_addresses_become_links(written: str, url: str | None) -> None:
    assert normalize(property_url=written).property_url == url


def test_long_text_is_cut() -> None:
    lead = normalize(**dict.fromkeys(TEXT_FIELDS, "Long text, " * 10_000))
    assert len(lead.full_name or "") <= 200
    assert len(lead.address or "") <= 300
    assert 19_000 < len(lead.message or "") <= 20_000


@pytest.mark.parametrize("sign", ["\0", "\ud800", "😀", "\u202e", "é", "@", "9", "(", ",", "#", "\u200d", "ﷺ"])
def test_no_sign_is_an_error_however_often(sign: str) -> None:
    lead = normalize(**dict.fromkeys(TEXT_FIELDS, sign * 100_000))
    assert_storable(lead)


@given(FACTS)
@settings(deadline=None)
def test_whatever_comes_in_the_lead_can_be_stored(facts: dict[str, Any]) -> None:
    assert_storable(normalize(**facts))


@given(FACTS)
@settings(deadline=None)
def test_normalizing_twice_is_the_same_as_once(facts: dict[str, Any]) -> None:
    once = normalize(**facts)
    again = normalize_lead(_staged_again(once), region="US")
    lost = {"email_problem", "phone_problem", "address_problem", "phone_kind", "other_phones", "email_suggestion"}
    for each in fields(NormalizedLead):
        if each.name not in lost:
            assert getattr(again, each.name) == getattr(once, each.name), each.name


def _staged_again(lead: NormalizedLead) -> StagedLead:
    extension = f";ext={lead.phone_extension}" if lead.phone_extension else ""
    amounts = (lead.budget_low, lead.budget_high)
    budget = " - ".join(map(str, amounts))
    if None in amounts:
        budget = f"up to {lead.budget}" if lead.budget_low is None else f"at least {lead.budget}"
    return StagedLead(
        name=lead.full_name,
        first_name=lead.first_name,
        last_name=lead.last_name,
        email=lead.email,
        relay_email=lead.relay_email,
        phone=f"{lead.phone_e164}{extension}" if lead.phone_e164 else None,
        address=lead.address,
        property_address=lead.property_address,
        property_mls_id=lead.property_mls_id,
        property_price=str(lead.property_price) if lead.property_price else None,
        property_url=lead.property_url,
        budget=f"{lead.rent_monthly} per month" if lead.rent_monthly else budget if lead.budget else None,
        lead_type=lead.lead_type,
        timeframe=lead.timeframe,
        message=lead.message,
    )


def assert_storable(lead: NormalizedLead) -> None:
    """What PostgreSQL takes: UTF-8 without NUL, finite numbers."""
    for each in fields(lead):
        value = getattr(lead, each.name)
        for text in value if isinstance(value, tuple) else [value]:
            assert "\0" not in str(text).encode().decode(), each.name
        assert not isinstance(value, Decimal) or value.is_finite()
