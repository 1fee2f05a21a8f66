"""Labels that drift: which are taken for a known one, and which never."""

import pytest

from leadflow_pipeline.adapters.rule_files import load_rules
from leadflow_pipeline.domain.mail_healing import HealingLabels
from leadflow_pipeline.domain.mail_labels import normalize_label
from leadflow_pipeline.domain.mail_outcomes import judge_mail

RULES = load_rules()
LABELS = HealingLabels(
    (fact, normalize_label(label))
    for fact, label in [
        ("name", "Name"),
        ("first_name", "First Name"),
        ("last_name", "Last Name"),
        ("email", "Email Address"),
        ("phone", "Phone"),
        ("message", "Message"),
        ("property_mls_id", "MLS Number"),
        ("property_address", "Listing"),
        ("property_mls_id", "Listing Number"),
    ]
)


@pytest.mark.parametrize(
    ("label", "meant"),
    [
        ("Phone Number", "phone"),
        ("Primary Phone No.", "phone"),
        ("Phones", "phone"),
        ("Customer Name", "name"),
        ("Frist Name", "first_name"),
        ("Mesage", "message"),
        ("MLS No.", "property_mls_id"),
        ("E-mail Adress", "email"),
    ],
)
def test_a_label_that_can_only_mean_one_fact_is_healed(label: str, meant: str) -> None:
    """`Phone:` became `Phone Number:`; a word of no meaning, or a slip, changes nothing."""
    found = LABELS.meant_by(normalize_label(label))
    assert found is not None
    assert found[0] == meant


@pytest.mark.parametrize(
    "label",
    ["Agent Name", "Company Name", "Agent Phone", "Office Phone", "Phone Type", "Email Target", "Message ID", "Fax",
     "Middle Name", "Source", "Photo", "Game", "Listings No", "Listing Agent"],
)  # fmt: skip
def test_a_label_with_a_word_of_its_own_is_never_healed(label: str) -> None:
    """Trap 1 in other clothes: `Agent Name:` is never `Name:`."""
    assert LABELS.meant_by(normalize_label(label)) is None


def test_a_first_name_never_becomes_the_name() -> None:
    """Where a rule knows `Name` alone, `First Name` stays what it is."""
    assert HealingLabels([("name", "name")]).meant_by("first name") is None


@pytest.mark.parametrize(
    ("label", "known"), [("Cell", "phone number"), ("Tel.", "phone number"), ("Pone Number", "phone number")]
)
def test_a_healed_label_is_recorded(label: str, known: str) -> None:
    """Healing must be visible, or nobody ever mends the rule."""
    raw = f"From: leads@email.realtor.com\nSubject: x\n\nFirst Name: Ada\n{label}: 512-555-0142\n"
    lead = judge_mail(raw.encode(), RULES).lead
    assert lead is not None
    assert lead.phone == "512-555-0142"
    assert f"label {label}" in lead.origins["phone"] or f"label {label.rstrip('.')}" in lead.origins["phone"]
    assert lead.origins["phone"].endswith(f"(healed from {known})")
