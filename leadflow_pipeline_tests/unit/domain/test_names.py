"""Names as leads write them; all people are invented."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadflow_pipeline.domain.names import normalize_name

ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=60)
WORDS = """
    jane JANE Doe DOE O'NEIL-SMITH mcdonald MACDONALD de la cruz VAN der jr Jr. III Dr. mrs and & , , . - ( ) J. JD
    x@example.com 512-555-0142 $450,000 王小明 Иван José ÑÚÑEZ ß ǆ ŉ İ ' " phd family the
"""
NAME_LIKE = st.lists(st.sampled_from(WORDS.split()), max_size=7).map(" ".join)

FULL_FIRST_LAST = [
    ("jane doe", "Jane Doe", "Jane", "Doe"),
    ("JANE DOE", "Jane Doe", "Jane", "Doe"),
    ("jane Doe", "Jane Doe", "Jane", "Doe"),
    ("John SMITH", "John Smith", "John", "Smith"),
    ("  jane   doe ", "Jane Doe", "Jane", "Doe"),
    ("Jane\u200b Doe\u00a0", "Jane Doe", "Jane", "Doe"),
    ("Jane", "Jane", "Jane", None),
    ("DeShawn LaToya McKay", "DeShawn LaToya McKay", "DeShawn", "McKay"),
    ("O'NEIL-SMITH, JANE", "Jane O'Neil-Smith", "Jane", "O'Neil-Smith"),
    ("SEAN O’BRIEN", "Sean O’Brien", "Sean", "O’Brien"),
    ("MARIE-CLAIRE D'ARCY", "Marie-Claire D'Arcy", "Marie-Claire", "D'Arcy"),
    ("ronald mcdonald", "Ronald McDonald", "Ronald", "McDonald"),
    ("SARAH MACDONALD", "Sarah MacDonald", "Sarah", "MacDonald"),
    ("SARAH MACK", "Sarah Mack", "Sarah", "Mack"),
    ("LUIS MACHADO", "Luis Machado", "Luis", "Machado"),
    ("de la cruz", "de la Cruz", None, "de la Cruz"),
    ("JUAN DE LA CRUZ", "Juan de la Cruz", "Juan", "de la Cruz"),
    ("maria DE LOS ANGELES", "Maria de los Angeles", "Maria", "de los Angeles"),
    ("VINCENT VAN GOGH", "Vincent van Gogh", "Vincent", "van Gogh"),
    ("Ludwig von der Leyen", "Ludwig von der Leyen", "Ludwig", "von der Leyen"),
    ("VAN NGUYEN", "Van Nguyen", "Van", "Nguyen"),
    ("LE, ANNA", "Anna Le", "Anna", "Le"),
    ("john do", "John Do", "John", "Do"),
    ("MARY ST. CLAIR", "Mary St. Clair", "Mary", "St. Clair"),
    ("Smith, Jane A.", "Jane A. Smith", "Jane", "Smith"),
    ("Smith,Jane", "Jane Smith", "Jane", "Smith"),
    ("De Leon, Jose", "Jose De Leon", "Jose", "De Leon"),
    ("J. R. R. Baker", "J. R. R. Baker", "J.", "Baker"),
    ("j.r. smith", "J.R. Smith", "J.R.", "Smith"),
    ("JOHN E SMITH", "John E Smith", "John", "Smith"),
    ("JOHN Y SMITH", "John Y Smith", "John", "Smith"),
    ("John Guest", "John Guest", "John", "Guest"),
    ("José Ortega y Gasset", "José Ortega y Gasset", "José", "Ortega y Gasset"),
    ("JD SMITH", "JD Smith", "JD", "Smith"),
    ("Jane D.", "Jane D.", "Jane", "D."),
    ('Robert "Bob" Lee', 'Robert "Bob" Lee', "Robert", "Lee"),
    ("JOSÉ NÚÑEZ", "José Núñez", "José", "Núñez"),
    ("Name: Jane Doe", "Jane Doe", "Jane", "Doe"),
    ("Jane Doe - $450,000", "Jane Doe", "Jane", "Doe"),
    ("The Lee Family", "The Lee Family", None, "Lee"),
    ("иван петров", "иван петров", "иван", "петров"),
    ("محمد علي", "محمد علي", "محمد", "علي"),
    ("王小明", "王小明", None, None),
    ("山田 太郎", "山田 太郎", None, None),
    ("김민수", "김민수", None, None),
]

TITLES_AND_SUFFIXES = [
    ("Dr. Jane Smith", "Dr. Jane Smith", "Dr.", None),
    ("dr jane smith", "Dr. Jane Smith", "Dr.", None),
    ("MRS. LEE", "Mrs. Lee", "Mrs.", None),
    ("Mr. & Mrs. John Smith", "Mr. & Mrs. John Smith", "Mr. & Mrs.", None),
    ("MR AND MRS JOHN SMITH", "Mr. and Mrs. John Smith", "Mr. and Mrs.", None),
    ("John Smith jr", "John Smith Jr.", None, "Jr."),
    ("JOHN SMITH III", "John Smith III", None, "III"),
    ("john smith iii", "John Smith III", None, "III"),
    ("Smith, John A., Jr.", "John A. Smith Jr.", None, "Jr."),
    ("Smith Jr., John", "John Smith Jr.", None, "Jr."),
    ("JANE DOE MD", "Jane Doe MD", None, "MD"),
    ("Jane Doe, PhD", "Jane Doe PhD", None, "PhD"),
    ("VI NGUYEN", "Vi Nguyen", None, None),
]

COUPLES = [
    ("Ann and Bob Lee", "Ann and Bob Lee", "Ann", "Lee", "Bob"),
    ("ANN AND BOB LEE", "Ann and Bob Lee", "Ann", "Lee", "Bob"),
    ("Ann & Bob", "Ann & Bob", "Ann", None, "Bob"),
    ("Ann Lee and Bob", "Ann Lee and Bob", "Ann", "Lee", "Bob"),
    ("Juan y Maria Lopez", "Juan y Maria Lopez", "Juan", "Lopez", "Maria"),
    ("Bob Lee and Ann Kim", "Bob Lee and Ann Kim", "Bob", "Lee", "Ann Kim"),
    ("Smith, John & Mary", "John & Mary Smith", "John", "Smith", "Mary"),
]

NO_NAME = [
    ("jane@example.com", "jane@example.com", None, "an e-mail address instead of a name"),
    ("512-555-0142", None, "512-555-0142", "a phone number instead of a name"),
    ("n/a", None, None, "no name given"),
    ("unknown", None, None, "no name given"),
    ("", None, None, "no name given"),
    ("???", None, None, "not a name"),
]


@pytest.mark.parametrize(("written", "full", "first", "last"), FULL_FIRST_LAST)
def test_a_name_is_spelled_as_its_bearer_would(written: str, full: str, first: str | None, last: str | None) -> None:
    name = normalize_name(written)
    assert (name.full, name.first, name.last) == (full, first, last)


@pytest.mark.parametrize(("written", "full", "title", "suffix"), TITLES_AND_SUFFIXES)
def test_titles_and_suffixes_are_told_from_names(
    written: str, full: str, title: str | None, suffix: str | None
) -> None:
    name = normalize_name(written)
    assert (name.full, name.title, name.suffix) == (full, title, suffix)


@pytest.mark.parametrize(("written", "full", "first", "last", "partner"), COUPLES)
def test_of_a_couple_the_first_named_is_addressed(
    written: str, full: str, first: str, last: str | None, partner: str
) -> None:
    name = normalize_name(written)
    assert (name.full, name.first, name.last, name.partner) == (full, first, last, partner)


@pytest.mark.parametrize(("written", "email", "phone", "problem"), NO_NAME)
def test_what_is_no_name_is_named_for_what_it_is(
    written: str, email: str | None, phone: str | None, problem: str
) -> None:
    name = normalize_name(written)
    assert (name.full, name.email, name.phone, name.problem) == (None, email, phone, problem)


@pytest.mark.parametrize(
    "written", ["Jane Doe <jane@example.com>", "jane@example.com Jane Doe", "JANE DOE (jane@example.com)"]
)
def test_an_address_beside_the_name_is_taken_out(written: str) -> None:
    name = normalize_name(written)
    assert (name.full, name.email) == ("Jane Doe", "jane@example.com")


def test_parts_given_apart_are_believed() -> None:
    """`Mary Ann` is one given name when the form says so."""
    name = normalize_name(None, first="MARY ANN", last="van der berg")
    assert (name.full, name.first, name.last) == ("Mary Ann van der Berg", "Mary Ann", "van der Berg")


@given(ANY_TEXT | NAME_LIKE)
def test_normalizing_twice_is_the_same_as_once(written: str) -> None:
    once = normalize_name(written)
    again = normalize_name(once.full)
    assert (again.full, again.first, again.last) == (once.full, once.first, once.last)


@given(NAME_LIKE, NAME_LIKE | st.none(), NAME_LIKE | st.none())
def test_parts_too_are_the_same_the_second_time(written: str, first: str | None, last: str | None) -> None:
    once = normalize_name(written, first=first, last=last)
    again = normalize_name(once.full, first=once.first, last=once.last)
    assert (again.full, again.first, again.last) == (once.full, once.first, once.last)


@given(ANY_TEXT | NAME_LIKE)
def test_every_output_can_be_stored(written: str) -> None:
    name = normalize_name(written, first=written, last=written)
    for text in (name.original, name.full, name.first, name.last, name.suffix, name.title, name.email, name.phone):
        assert "\0" not in (text or "").encode().decode()


@pytest.mark.parametrize("written", ["x" * 100_000, "Jane " * 20_000, "a," * 50_000, "(" * 100_000, "@" * 100_000])
def test_endless_input_is_cut(written: str) -> None:
    assert len(normalize_name(written).full or "") <= 200
