"""How vendors' answers read: documented shapes, odd ones, and anything at all. Nothing raises."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadflow_pipeline.domain.geocodes import read_geocode
from leadflow_pipeline.domain.person_facts import read_clearbit, read_people_data_labs

RESULT: dict[str, Any] = {
    "formatted_address": "101 Oak St, Austin, TX 78704, USA",
    "place_id": "ChIJsandbox",
    "geometry": {"location": {"lat": 30.25, "lng": -97.75}, "location_type": "ROOFTOP"},
    "address_components": [
        {"long_name": "Travis County", "short_name": "Travis", "types": ["administrative_area_level_2", "political"]},
        {"long_name": "78704", "short_name": "78704", "types": ["postal_code"]},
    ],
}
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(
        ["geometry", "location", "lat", "lng", "types", "address_components", "person", "employment", "company", "name",
         "title", "linkedin", "handle", "data", "job_title_levels", "linkedin_url", "place_id", "partial_match"]
    ), inner),
)  # fmt: skip


@pytest.mark.parametrize(
    ("precision", "partial", "verified"),
    [
        ("ROOFTOP", False, True),
        ("RANGE_INTERPOLATED", False, True),
        ("GEOMETRIC_CENTER", False, False),
        ("APPROXIMATE", False, False),
        ("ROOFTOP", True, False),
        ("SOMETHING_NEW", False, False),
    ],
)
def test_verified_means_the_house_itself_without_a_partial_match(precision: str, partial: bool, verified: bool) -> None:
    geometry = {**RESULT["geometry"], "location_type": precision}
    found = read_geocode([{**RESULT, "geometry": geometry, "partial_match": partial}])
    assert found is not None
    assert found.address_verified is verified
    assert (found.county, found.zip, found.latitude, found.longitude) == ("Travis County", "78704", 30.25, -97.75)


def test_nothing_found_is_no_geocode() -> None:
    assert read_geocode([]) is None
    assert read_geocode(None) is None


def test_clearbit_s_person_and_company_become_typed_facts() -> None:
    found = read_clearbit(
        {
            "person": {
                "location": "Austin, TX, US",
                "employment": {"name": "Harbor & Pine", "title": "CFO", "seniority": "Executive"},
                "linkedin": {"handle": "in/rosa"},
                "twitter": {"handle": None},
            },
            "company": {"name": "Harbor & Pine Inc."},
        }
    )
    assert found is not None
    assert (found.company, found.job_title, found.seniority) == ("Harbor & Pine", "CFO", "executive")
    assert found.social_profiles == {"linkedin": "https://www.linkedin.com/in/rosa"}
    only_company = read_clearbit({"person": None, "company": {"name": "Harbor & Pine"}})
    assert only_company is not None
    assert only_company.company == "Harbor & Pine"
    assert read_clearbit({"person": None, "company": None}) is None


def test_people_data_labs_names_the_highest_level_of_a_job() -> None:
    found = read_people_data_labs(
        {"data": {"job_title": "vp sales", "job_title_levels": ["manager", "vp"], "job_company_name": "harbor & pine",
                  "location_name": "austin, texas", "linkedin_url": "linkedin.com/in/rosa"}}
    )  # fmt: skip
    assert found is not None
    assert (found.seniority, found.company, found.location) == ("vp", "harbor & pine", "austin, texas")
    assert found.social_profiles == {"linkedin": "https://linkedin.com/in/rosa"}


@given(ANYTHING)
def test_whatever_a_vendor_sends_is_no_error(body: Any) -> None:
    read_geocode(body)
    read_geocode([body])
    read_clearbit(body)
    read_clearbit({"person": body, "company": body})
    read_people_data_labs(body)
    read_people_data_labs({"data": body})


def test_long_text_is_cut_and_control_characters_go() -> None:
    found = read_people_data_labs({"data": {"job_title": "a\x00b" + "c" * 5_000}})
    assert found is not None
    assert found.job_title is not None
    assert len(found.job_title) <= 200
    assert "\x00" not in found.job_title
