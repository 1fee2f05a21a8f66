"""No personal data leaves with a question; what the intent is read from stays."""

import pytest

from leadflow_pipeline.domain.inquiries.masking import hash_text, mask_personal_data

NAMES = ["Rosa Quintero-Díaz", "Rosa", "Quintero-Díaz"]


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("Call Rosa at (512) 555-0142.", "Call [name] at [phone]."),
        ("+1 512 555 0142 or rosa.q@example.com", "[phone] or [email]"),
        ("ROSA QUINTERO-DÍAZ wants a tour", "[name] wants a tour"),
        ("rosa (at) example (dot) com", "[email]"),
        ("My name is Priya Raman and I buy", "My name is [name] and I buy"),
        ("Looking forward.\nRegards,\nPriya", "Looking forward.\nRegards,\n[name]"),
        ("see www.example.com/rosa", "see [link]"),
        ("budget 450,000, 3 beds at 1200 Pine St 78704", "budget 450,000, 3 beds at 1200 Pine St 78704"),
        ("$1,250,000 cash", "$1,250,000 cash"),
    ],
)
def test_personal_data_is_masked_and_the_rest_stays(text: str, masked: str) -> None:
    assert mask_personal_data(text, NAMES) == masked


def test_the_same_words_of_two_people_are_one_question() -> None:
    first = mask_personal_data("I'm Rosa, call 512-555-0142", ["Rosa"])
    second = mask_personal_data("I'm Ulf, call 737-555-0199", ["Ulf", None])
    assert hash_text(first) == hash_text(second)
