"""Telephone numbers as leads write them; all numbers are from the ranges kept for fiction (555-01xx)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadflow_pipeline.domain.phones import Phone, normalize_phone

ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=80)
PIECES = """
    512 555 0142 5125550142 9999999999 + 1 44 x12 ext. 5 / , _or_ _ - ( ) . cell: fax 800-FLOWERS
    jane@example.com ;ext=3 # tel: &
"""  # _ is a space
PHONE_LIKE = st.lists(st.sampled_from(PIECES.split()), max_size=12).map(lambda parts: "".join(parts).replace("_", " "))

AUSTIN = "+15125550142"
OTHER = "+15125550199"

ONE_NUMBER = [
    ("(512) 555-0142", AUSTIN, None),
    ("512.555.0142", AUSTIN, None),
    ("512 555 0142", AUSTIN, None),
    ("5125550142", AUSTIN, None),
    ("512–555–0142", AUSTIN, None),
    ("512/555-0142", AUSTIN, None),
    ("(512 555-0142", AUSTIN, None),
    ("1-512-555-0142", AUSTIN, None),
    ("+1 (512) 555-0142", AUSTIN, None),
    ("+512-555-0142", AUSTIN, None),
    ("５１２５５５０１４２", AUSTIN, None),
    ("512-555-0142 x12", AUSTIN, "12"),
    ("512-555-0142 ext. 12", AUSTIN, "12"),
    ("512-555-0142, ext 5", AUSTIN, "5"),
    ("512-555-0142 extension 1234", AUSTIN, "1234"),
    ("512.555.0142#12", AUSTIN, "12"),
    ("512-555-0142 option 3", AUSTIN, "3"),
    ("tel:+1-512-555-0142;ext=12", AUSTIN, "12"),
    ("Phone: 512-555-0142", AUSTIN, None),
    ("call me at 512-555-0142", AUSTIN, None),
    ("512-555-0142 after 5pm", AUSTIN, None),
    ("512-555-0142 ask for Bob", AUSTIN, None),
    ("jane1234567@example.com 512-555-0142", AUSTIN, None),
    ("800-FLOWERS", "+18003569377", None),
    ("1-800-GET-HOME", "+18004384663", None),
    ("1-800-CONTACTS", "+18002668228", None),
    ("512-NEW-HOME", "+15126394663", None),
    ("+44 20 7946 0958", "+442079460958", None),
    ("011 44 20 7946 0958", "+442079460958", None),
    ("00442079460958", "+442079460958", None),
    ("44 20 7946 0958", "+442079460958", None),
    ("+52 55 1234 5678", "+525512345678", None),
    ("416-555-0142", "+14165550142", None),
]

SEVERAL_NUMBERS = [
    ("512-555-0142 or 512-555-0199", AUSTIN, (OTHER,)),
    ("512-555-0142 / 512-555-0199", AUSTIN, (OTHER,)),
    ("512-555-0142, 512-555-0199", AUSTIN, (OTHER,)),
    ("512-555-0142; 512-555-0199", AUSTIN, (OTHER,)),
    ("5125550142 5125550199", AUSTIN, (OTHER,)),
    ("(512)555-0142(512)555-0199", AUSTIN, (OTHER,)),
    ("(512) 555-0142, 555-0199", AUSTIN, (OTHER,)),
    ("512-555-0142 or 512-555-0142", AUSTIN, ()),
    ("Home: 512-555-0199 Cell: 512-555-0142", AUSTIN, (OTHER,)),
    ("home 512-555-0199 cell 512-555-0142", AUSTIN, (OTHER,)),
    ("512-555-0199 (fax), 512-555-0142", AUSTIN, (OTHER,)),
    ("1-800-555-0142 or 512-555-0142", AUSTIN, ("+18005550142",)),
    ("9999999999 or 512-555-0142", AUSTIN, ()),
    ("512-555-0142 / 512-555-0199 x7", AUSTIN, ("+15125550199 x7",)),
    ("+1 512-555-0142 / +44 20 7946 0958", AUSTIN, ("+442079460958",)),
]

NOT_A_NUMBER = [
    ("9999999999", "placeholder number"),
    ("5555555555", "placeholder number"),
    ("1234567890", "placeholder number"),
    ("0123456789", "placeholder number"),
    ("9876543210", "placeholder number"),
    ("0000000000", "placeholder number"),
    ("(111) 111-1111", "placeholder number"),
    ("+1 999-999-9999", "placeholder number"),
    ("512-555-5555", "placeholder number"),
    ("555-0142", "too few digits"),
    ("512-555-01421", "too many digits"),
    ("512-055-0142", "not a number in use"),
    ("512 anytime", "too few digits"),
    ("my number is private", "not a phone number"),
    ("n/a", "no number given"),
    ("", "no number given"),
]


@pytest.mark.parametrize(("written", "e164", "extension"), ONE_NUMBER)
def test_any_usual_writing_gives_one_number(written: str, e164: str, extension: str | None) -> None:
    phone = normalize_phone(written, region="US")
    assert (phone.e164, phone.extension, phone.valid, phone.problem) == (e164, extension, True, None)
    assert phone.others == ()


@pytest.mark.parametrize(("written", "best", "others"), SEVERAL_NUMBERS)
def test_the_best_of_several_numbers_comes_first_and_all_are_kept(
    written: str, best: str, others: tuple[str, ...]
) -> None:
    phone = normalize_phone(written, region="US")
    assert (phone.e164, phone.others) == (best, others)


@pytest.mark.parametrize(("written", "problem"), NOT_A_NUMBER)
def test_what_reaches_nobody_has_no_number_and_says_why(written: str, problem: str) -> None:
    """A stored placeholder would make strangers the same person."""
    phone = normalize_phone(written, region="US")
    assert (phone.e164, phone.valid, phone.problem) == (None, False, problem)


@pytest.mark.parametrize(
    ("written", "kind"),
    [
        ("512-555-0142", "fixed_or_mobile"),
        ("Cell: 512-555-0142", "mobile"),
        ("512-555-0142 (c)", "mobile"),
        ("text 512-555-0142 please", "mobile"),
        ("800-555-0142", "toll_free"),
        ("+44 20 7946 0958", "fixed"),
        ("9999999999", None),
    ],
)
def test_the_kind_comes_from_the_plan_or_the_label(written: str, kind: str | None) -> None:
    assert normalize_phone(written, region="US").kind == kind


def test_the_region_is_used_only_without_a_prefix() -> None:
    assert normalize_phone("020 7946 0958", region="GB").e164 == "+442079460958"
    assert normalize_phone("+1 512 555 0142", region="GB").e164 == AUSTIN


@pytest.mark.parametrize("region", ["", "XX", "us"])
def test_an_odd_region_is_no_error(region: str) -> None:
    assert normalize_phone("+1 512 555 0142", region=region).e164 == AUSTIN


def test_the_original_is_kept() -> None:
    assert normalize_phone(" (512) 555-0142 x5 ", region="US").original == "(512) 555-0142 x5"


@given(ANY_TEXT | PHONE_LIKE)
def test_normalizing_twice_is_the_same_as_once(written: str) -> None:
    once = normalize_phone(written, region="US")
    again = normalize_phone(_rewritten(once), region="US")
    if once.valid:
        assert (again.e164, again.extension) == (once.e164, once.extension)


@given(ANY_TEXT | PHONE_LIKE, st.sampled_from(["US", "DE", "", "??"]))
def test_every_output_can_be_stored(written: str, region: str) -> None:
    phone = normalize_phone(written, region=region)
    for text in (phone.original, phone.e164, phone.extension, phone.problem, *phone.others):
        assert "\0" not in (text or "").encode().decode()


@pytest.mark.parametrize("written", ["5" * 100_000, "512-555-0142, " * 10_000, "(" * 100_000, "a1" * 50_000])
def test_endless_input_is_no_error(written: str) -> None:
    assert len(normalize_phone(written, region="US").original) <= 200


def _rewritten(phone: Phone) -> str:
    return f"{phone.e164 or ''};ext={phone.extension}" if phone.extension else phone.e164 or ""
