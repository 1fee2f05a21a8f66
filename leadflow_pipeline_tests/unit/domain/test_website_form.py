"""The plain website form: what a post says, and what is said back about a post that is no form.

All people are invented; numbers are from the ranges kept for fiction (555-01xx).
"""

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from leadflow_pipeline.domain.webhook_sources.payloads import (
    FORM_TYPE,
    JSON_TYPE,
    LINE_LIMIT,
    MESSAGE_LIMIT,
    NO_CONTACT,
    media_type,
)
from leadflow_pipeline.domain.webhook_sources.source import UnreadablePostError
from leadflow_pipeline.domain.website_form import KNOWN_FIELDS, WebsiteForm, read_website_form

ANA = {
    "name": "Ana Ruiz",
    "email": "ana.ruiz@example.com",
    "phone": "(512) 555-0142",
    "message": "Pre-approved.\nCan we see it on Friday?",
    "address": "12 Oak St, Austin, TX 78701",
    "budget": "$650,000",
}

# (what is posted as `name`, what is read)
NAMES = [
    ("Ana Ruiz", "Ana Ruiz"),
    ("  Ana \t\r\n Ruiz ", "Ana Ruiz"),
    ("Ana\u0000Ruiz", "Ana Ruiz"),
    ("Ana \ud83d Ruiz", "Ana Ruiz"),
    ("Ana\u200b Ruiz\ufeff", "Ana Ruiz"),
    ("Jose\u0301 Peña", "José Peña"),
    ("{{ config }} '; drop table", "{{ config }} '; drop table"),
    ("=HYPERLINK(0)", "=HYPERLINK(0)"),
    ("李小龍", "李小龍"),
    (42, "42"),
    (0, "0"),
    (1.5, "1.5"),
    (None, None),
    ("", None),
    (" \u0000\u200b ", None),
]

# (why it cannot be read, bytes)
UNREADABLE_JSON = [
    ("empty body", b""),
    ("blanks only", b" \r\n"),
    ("prose", b"my name is Ana"),
    ("cut off", b'{"name": "Ana"'),
    ("two objects", b"{}{}"),
    ("a list", b'[{"name": "Ana"}]'),
    ("a string", b'"Ana"'),
    ("a number", b"7"),
    ("null", b"null"),
    ("UTF-16", '{"name": "Ana"}'.encode("utf-16")),
    ("Latin-1", '{"name": "José"}'.encode("latin-1")),
    ("a raw NUL", b'{"name": "A\x00na"}'),
    ("single quotes", b"{'name': 'Ana'}"),
    ("a form", b"name=Ana&email=ana@example.com"),
    ("a number of 5,000 digits", b'{"phone": ' + b"5" * 5000 + b"}"),
    ("a list 100,000 deep", b"[" * 100_000 + b"]" * 100_000),
]


def read_json(**fields: object) -> WebsiteForm:
    return read_website_form(json.dumps(fields).encode(), JSON_TYPE)


def all_text(value: Any) -> Iterator[str]:
    """Every string in a value, keys included."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from all_text(key)
            yield from all_text(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from all_text(inner)


def assert_can_be_stored(form: WebsiteForm) -> None:
    lead = form.lead
    facts = [getattr(lead, name) for name in KNOWN_FIELDS]
    for text in all_text([*facts, dict(lead.extra), dict(lead.origins), form.problems]):
        text.encode("utf-8")
        assert "\x00" not in text
    stored = json.loads(json.dumps(dict(lead.extra), allow_nan=False))
    assert stored == lead.extra


def test_all_six_fields_are_read_as_they_were_written() -> None:
    form = read_json(**ANA)
    assert form.problems == ()
    assert {name: getattr(form.lead, name) for name in KNOWN_FIELDS} == ANA
    assert form.lead.extra == {}
    assert form.lead.origins == {name: f"field {name}" for name in KNOWN_FIELDS}


def test_a_url_encoded_form_gives_the_same_lead_as_json() -> None:
    raw = (
        b"name=Ana+Ruiz&email=ana.ruiz%40example.com&phone=%28512%29+555-0142"
        b"&message=Pre-approved.%0D%0ACan+we+see+it+on+Friday%3F&address=12+Oak+St%2C+Austin%2C+TX+78701"
        b"&budget=%24650%2C000"
    )
    assert read_website_form(raw, FORM_TYPE) == read_json(**ANA)


@pytest.mark.parametrize(("posted", "read"), NAMES)
def test_a_name_is_cleaned_of_what_cannot_be_stored_and_otherwise_left_alone(posted: object, read: str | None) -> None:
    form = read_json(name=posted, email="ana@example.com")
    assert form.lead.name == read
    assert form.problems == ()
    assert ("name" in form.lead.origins) == (read is not None)


@pytest.mark.parametrize(("why", "raw"), UNREADABLE_JSON, ids=[why for why, _ in UNREADABLE_JSON])
def test_what_is_no_json_object_is_refused_with_what_was_expected(why: str, raw: bytes) -> None:
    with pytest.raises(UnreadablePostError, match="JSON") as refused:
        read_website_form(raw, JSON_TYPE)
    assert "Ana" not in str(refused.value), why


def test_the_place_of_a_json_error_is_named() -> None:
    with pytest.raises(UnreadablePostError, match="line 2, column 9"):
        read_website_form(b'{"name":\n "Ana", }', JSON_TYPE)


@pytest.mark.parametrize("raw", [b"", b" ", b"&", b"&&", b"just words", b"name=Jos\xe9", b'{"name": "Ana"}'])
def test_what_is_no_url_encoded_form_is_refused(raw: bytes) -> None:
    """An empty body says nothing: stored as a post, every empty one after it would count as its repeat."""
    with pytest.raises(UnreadablePostError, match="url-encoded"):
        read_website_form(raw, FORM_TYPE)


@pytest.mark.parametrize(
    "raw", [b"email=ana%40example.com&", b"&email=ana%40example.com", b"subscribe&email=ana%40example.com"]
)
def test_a_stray_ampersand_or_a_bare_name_loses_no_form(raw: bytes) -> None:
    """URL Standard, 5.1: empty sequences are skipped, a name without `=` has an empty value; plug-ins send both."""
    assert read_website_form(raw, FORM_TYPE).lead.email == "ana@example.com"


def test_broken_percent_escapes_do_not_stop_a_form() -> None:
    form = read_website_form(b"name=100%&email=ana%40example.com&message=caf%E9%00%ZZ", FORM_TYPE)
    assert form.lead.email == "ana@example.com"
    assert form.lead.name == "100%"
    assert_can_be_stored(form)


@pytest.mark.parametrize("name", KNOWN_FIELDS)
@pytest.mark.parametrize("value", [{"first": "Ana"}, ["Ana"], True, False, {}, []])
def test_a_nested_value_in_a_known_field_is_named(name: str, value: object) -> None:
    form = read_json(**{"email": "ana@example.com", "phone": "512-555-0142", name: value})
    assert form.problems == (f"{name}: must be text or a number",)
    assert getattr(form.lead, name) is None


def test_every_wrong_field_is_listed_at_once() -> None:
    """A sender that is told of one fault per try gives up before the last."""
    form = read_json(name=["Ana"], email={"a": 1}, phone=True)
    assert form.problems == (
        "name: must be text or a number",
        "email: must be text or a number",
        "phone: must be text or a number",
        NO_CONTACT,
    )


@pytest.mark.parametrize(
    "fields",
    [{}, {"name": "Ana"}, {"email": "", "phone": ""}, {"email": None}, {"phone": "\u0000"}, {"Email": "a@example.com"}],
)
def test_a_form_without_a_way_to_reach_the_person_says_so(fields: dict[str, object]) -> None:
    assert read_json(**fields).problems == (NO_CONTACT,)


def test_a_phone_as_a_number_is_a_phone() -> None:
    form = read_json(phone=5125550142)
    assert form.lead.phone == "5125550142"
    assert form.problems == ()


def test_a_name_of_a_hundred_thousand_characters_is_cut() -> None:
    form = read_json(name="x" * 100_000, email="ana@example.com")
    assert form.lead.name == "x" * LINE_LIMIT
    assert form.problems == ()


def test_a_long_message_is_cut_and_keeps_its_lines() -> None:
    form = read_json(message="one\n\n\n\ntwo\r\n" + "x" * 100_000, email="ana@example.com")
    assert form.lead.message is not None
    assert form.lead.message.startswith("one\n\ntwo\nxxx")
    assert len(form.lead.message) == MESSAGE_LIMIT


@pytest.mark.parametrize(
    "text",
    [
        "é" + "\u200c" * 79_000 + "é",
        "a" + "\u0301\u0316" * 39_000,
        "a" + "\u0345" * 39_000 + "\u0316" * 39_000,
        "\n " * 39_000,
        " " * 79_000 + "x",
        "\u00a0\u200b" * 39_000,
    ],
    ids=["joiners", "alternating marks", "marks in the wrong order", "empty lines", "spaces", "odd spaces"],
)
@pytest.mark.timeout(10)
def test_no_text_holds_the_receiver_up(text: str) -> None:
    """The form is read on the receiver's only thread: a post that takes seconds stops every other one.

    Joiners between letters are a quadratic search for a regular expression, combining marks a quadratic sort.
    """
    started_at = time.process_time()
    read_json(name=text, message=text, email="ana@example.com", note=text)
    assert time.process_time() - started_at < 1


def test_the_last_of_two_equal_keys_counts() -> None:
    raw = b'{"email": "first@example.com", "email": "second@example.com"}'
    assert read_website_form(raw, JSON_TYPE).lead.email == "second@example.com"
    raw = b"email=first%40example.com&email=second%40example.com"
    assert read_website_form(raw, FORM_TYPE).lead.email == "second@example.com"


def test_unknown_fields_are_kept_as_they_came() -> None:
    extra = {
        "utm_source": "spring mailing",
        "rooms": 3,
        "newsletter": True,
        "agent": None,
        "property": {"mls": "AUS-1", "tags": ["pool", "garage"]},
    }
    form = read_json(email="ana@example.com", **extra)
    assert form.lead.extra == extra
    assert form.problems == ()


def test_unknown_fields_of_a_url_encoded_form_are_kept() -> None:
    raw = b"email=ana%40example.com&utm_source=spring+mailing&empty="
    assert read_website_form(raw, FORM_TYPE).lead.extra == {"utm_source": "spring mailing", "empty": ""}


def test_a_payload_sets_no_score_owner_or_status() -> None:
    """OWASP API3: what the sender may not decide is an unknown field like any other."""
    wanted = {
        "score": 100,
        "agent_id": "agent-1",
        "status": "staged",
        "bucket": "hot",
        "lead_id": 1,
        "received_at": "2020-01-01",
        "source": "zillow",
        "relay_email": "x@example.com",
        "lead_type": "buyer",
        "property_url": "http://127.0.0.1/",
        "origins": {"name": "forged"},
        "extra": {"name": "forged"},
    }
    form = read_json(email="ana@example.com", **wanted)
    assert form.lead.extra == wanted
    plain = read_json(email="ana@example.com").lead
    for name in ("relay_email", "lead_type", "property_url", "origins"):
        assert getattr(form.lead, name) == getattr(plain, name)


def test_a_relay_address_in_an_unknown_field_is_no_contact() -> None:
    assert read_json(relay_email="x@example.com").problems == (NO_CONTACT,)


def test_deep_nesting_is_cut_and_never_raises() -> None:
    raw = b'{"email": "ana@example.com", "deep": ' + b'{"a": [' * 300 + b"1" + b"]}" * 300 + b"}"
    form = read_website_form(raw, JSON_TYPE)
    assert form.lead.email == "ana@example.com"
    assert_can_be_stored(form)


@pytest.mark.parametrize("depth", [900, 1000, 5000, 100_000])
def test_nesting_beyond_the_parser_is_refused_or_read_but_never_raises(depth: int) -> None:
    raw = b'{"email": "ana@example.com", "deep": ' + b"[" * depth + b"]" * depth + b"}"
    try:
        form = read_website_form(raw, JSON_TYPE)
    except UnreadablePostError:
        return
    assert_can_be_stored(form)


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_numbers_that_no_database_keeps_do_no_harm(value: str) -> None:
    """Python's parser takes them though JSON has none; jsonb refuses them, and with them the whole batch."""
    assert_can_be_stored(read_website_form(b'{"email": "ana@example.com", "odd": %b}' % value.encode(), JSON_TYPE))


def test_hostile_keys_of_unknown_fields_can_be_stored() -> None:
    form = read_json(
        **{"a\u0000b": 1, "\ud800": {"\u0000": "\udfff"}, "": "", "k" * 10_000: "v"}, email="a@example.com"
    )
    assert_can_be_stored(form)
    assert max(len(key) for key in form.lead.extra) <= LINE_LIMIT


@pytest.mark.parametrize(
    ("header", "bare"),
    [
        ("application/json", "application/json"),
        ("Application/JSON; charset=utf-8", "application/json"),
        (" application/json ;", "application/json"),
        ("application/jsonp", "application/jsonp"),
        ("", ""),
        (";charset=utf-8", ""),
    ],
)
def test_the_media_type_is_bare_and_in_small_letters(header: str, bare: str) -> None:
    assert media_type(header) == bare


ANY_TEXT = st.text(st.integers(0, 0x10FFFF).map(chr), max_size=20)  # lone surrogates too
ANY_VALUE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | ANY_TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)
ANY_KEY = st.sampled_from(KNOWN_FIELDS) | ANY_TEXT


@given(raw=st.binary(max_size=200), content_type=st.sampled_from([JSON_TYPE, FORM_TYPE]))
@example(raw=b"\xef\xbb\xbf{}", content_type=JSON_TYPE)
@example(raw=b"%00=%00&a=%ff", content_type=FORM_TYPE)
def test_any_bytes_are_a_form_or_refused(raw: bytes, content_type: str) -> None:
    try:
        form = read_website_form(raw, content_type)
    except UnreadablePostError:
        return
    assert_can_be_stored(form)


@given(fields=st.dictionaries(ANY_KEY, ANY_VALUE, max_size=8))
@settings(max_examples=80)
def test_any_json_object_is_a_form_that_can_be_stored(fields: dict[str, object]) -> None:
    form = read_website_form(json.dumps(fields).encode(), JSON_TYPE)
    assert_can_be_stored(form)
    assert bool(form.problems) or form.lead.has_contact


@given(body=st.text(st.sampled_from("ab=&%+;0é\x00\u200c\n") | st.characters(exclude_categories=("Cs",)), max_size=60))
def test_any_url_encoded_text_is_a_form_or_refused(body: str) -> None:
    try:
        form = read_website_form(body.encode(), FORM_TYPE)
    except UnreadablePostError:
        return
    assert_can_be_stored(form)
