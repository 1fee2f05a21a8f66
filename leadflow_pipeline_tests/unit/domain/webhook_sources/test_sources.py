"""Every webhook source: what its recorded shapes come to, and what proves where a post comes from.

All people are invented; numbers are from the ranges kept for fiction (555-01xx).
"""

import json
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from leadflow_pipeline.domain.webhook_sources import standard
from leadflow_pipeline.domain.webhook_sources.meta import answer_challenge
from leadflow_pipeline.domain.webhook_sources.registry import SOURCES
from leadflow_pipeline.domain.webhook_sources.sns import is_amazons
from leadflow_pipeline.domain.webhook_sources.source import Post, RefusedError, Trust, UnreadablePostError
from leadflow_pipeline_tests.posts import (
    CASES,
    SAMPLES,
    SECRET,
    Case,
    Request,
    local_certificate,
    send,
    sign_as_webflow,
    sign_envelope,
)

NOW = datetime(2026, 11, 23, 14, 5, tzinfo=UTC)
AMAZON = "https://sns.us-west-2.amazonaws.com"


def authenticate(
    source: str,
    request: Request,
    *,
    secrets: tuple[str, ...] = (SECRET,),
    now: datetime = NOW,
    certificate: bytes = b"",
) -> None:
    trust = Trust(secrets=secrets, now=now, fetch_certificate=lambda _: certificate or local_certificate())
    post = Post(
        raw=request.raw,
        content_type=request.headers["content-type"],
        headers=request.headers,
        path_secret="/".join(request.path.split("/")[3:]),
    )
    SOURCES[source].authenticate(post, trust)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_recorded_shape_comes_to_what_stands_beside_it(case: Case) -> None:
    reading = SOURCES[case.source].read(case.raw, case.content_type)
    expected = case.expected
    found = "ignored" if reading.ignored else "held" if reading.held else "quarantined" if reading.problems else "lead"
    assert found == case.outcome
    if case.outcome != "lead":
        assert (reading.ignored or reading.held or "; ".join(reading.problems)) == expected["reason"]
        return
    facts = {
        name: value
        for name, value in asdict(reading.lead).items()
        if value is not None and name not in ("origins", "extra")
    }
    assert facts == expected["lead"]
    assert set(reading.lead.origins) == set(facts)
    assert {key: reading.lead.extra.get(key) for key in expected["extra"]} == expected["extra"]
    assert (reading.vendor_id, reading.replaces) == (expected.get("vendor_id"), expected.get("replaces", False))


@pytest.mark.parametrize("source", SOURCES)
def test_every_source_has_recorded_shapes_of_a_lead_and_of_a_faulty_post(source: str) -> None:
    outcomes = {case.outcome for case in CASES if case.source == source}
    assert outcomes & {"lead", "held"}
    assert "quarantined" in outcomes


@pytest.mark.parametrize("source", SOURCES)
def test_either_of_two_secrets_opens_and_a_third_does_not(source: str) -> None:
    request = send(SAMPLES[source], now=NOW)
    authenticate(source, request, secrets=("older", SECRET))
    authenticate(source, request, secrets=(SECRET, "newer"))
    with pytest.raises(RefusedError):
        authenticate(source, request, secrets=("older", "newer"))


@pytest.mark.parametrize("source", [name for name in SOURCES if name != "website"])
def test_without_any_secret_nothing_opens(source: str) -> None:
    with pytest.raises(RefusedError):
        authenticate(source, send(SAMPLES[source], secret="", now=NOW), secrets=())


@pytest.mark.parametrize("source", ["standard", "meta", "typeform", "webflow", "zillow"])
def test_a_signature_is_over_the_very_bytes(source: str) -> None:
    """JSON written anew is the same to a person and another text to a signature."""
    request = send(SAMPLES[source], now=NOW)
    if source == "webflow":
        request = sign_as_webflow(request, secret=SECRET, now=NOW)
    authenticate(source, request)
    changed = request.raw.replace(b"example", b"exbmple") if source == "zillow" else request.raw + b" "
    with pytest.raises(RefusedError):
        authenticate(source, replace(request, raw=changed))


@pytest.mark.parametrize("source", ["standard", "webflow"])
@pytest.mark.parametrize("minutes", [-6, 6])
def test_a_signed_post_is_good_for_five_minutes(source: str, minutes: int) -> None:
    request = send(SAMPLES[source], now=NOW)
    if source == "webflow":
        request = sign_as_webflow(request, secret=SECRET, now=NOW)
    authenticate(source, request, now=NOW + timedelta(minutes=4))
    with pytest.raises(RefusedError, match="5 minutes"):
        authenticate(source, request, now=NOW + timedelta(minutes=minutes))


@pytest.mark.parametrize("timestamp", ["", "soon", "99999999999999999999", "-1", "1e9", "٣"])
def test_a_timestamp_that_is_none_is_refused_even_when_it_is_signed(timestamp: str) -> None:
    request = send(SAMPLES["webflow"], now=NOW)
    request = sign_as_webflow(request, secret=SECRET, now=NOW)
    import hashlib
    import hmac

    digest = hmac.new(SECRET.encode(), f"{timestamp}:".encode() + request.raw, hashlib.sha256).hexdigest()
    headers = {**request.headers, "x-webflow-timestamp": timestamp, "x-webflow-signature": digest}
    with pytest.raises(RefusedError):
        authenticate("webflow", replace(request, headers=headers))


def test_a_wrong_signature_is_not_saved_by_the_right_path() -> None:
    request = send(SAMPLES["webflow"], now=NOW)
    headers = {**request.headers, "x-webflow-signature": "0" * 64, "x-webflow-timestamp": "1"}
    with pytest.raises(RefusedError):
        authenticate("webflow", replace(request, headers=headers))


# Standard Webhooks


def test_the_specifications_own_example_is_signed_as_it_says() -> None:
    signature = standard.sign(
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        message_id="msg_p5jXN8AQM9LWM0D4loKWxJek",
        timestamp=1614265330,
        raw=b'{"test": 2432232314}',
    )
    assert signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_one_good_signature_among_several_is_enough() -> None:
    request = send(SAMPLES["standard"], now=NOW)
    several = f"v1a,AAAA v1,AAAA {request.headers['webhook-signature']}"
    authenticate("standard", replace(request, headers={**request.headers, "webhook-signature": several}))


@pytest.mark.parametrize(
    "secret", ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "pass word"]
)
def test_a_secret_may_be_base64_with_or_without_its_prefix_or_plain(secret: str) -> None:
    authenticate("standard", send(SAMPLES["standard"], secret=secret, now=NOW), secrets=(secret,))


# Zillow and Amazon SNS


@pytest.mark.parametrize(
    ("url", "is_it"),
    [
        (f"{AMAZON}/x.pem", True),
        ("https://sns.us-gov-west-1.amazonaws.com/x.pem", True),
        ("https://sns.cn-north-1.amazonaws.com.cn/x.pem", True),
        ("https://sns.us-west-2.amazonaws.com:443/x.pem", True),
        ("http://sns.us-west-2.amazonaws.com/x.pem", False),
        ("https://sns.us-west-2.amazonaws.com:8443/x.pem", False),
        ("https://s3.amazonaws.com/bucket/x.pem", False),
        ("https://sns.bucket.s3.amazonaws.com/x.pem", False),
        ("https://sns.us-west-2.amazonaws.com.example.com/x.pem", False),
        ("https://sns.us-west-2.amazonaws.com@example.com/x.pem", False),
        ("https://example.com/sns.us-west-2.amazonaws.com/x.pem", False),
        ("https://example.com#sns.us-west-2.amazonaws.com", False),
        ("https://example.com\\.sns.us-west-2.amazonaws.com/", False),
        ("https://sns.us-west-2.amazonaws.com\n.example.com/", False),
        ("https://127.0.0.1/x.pem", False),
        ("https://[::1]/x.pem", False),
        ("https://[/x.pem", False),
        ("file:///etc/passwd", False),
        ("", False),
        (None, False),
    ],
)
def test_only_addresses_of_amazon_sns_are_amazons(url: object, is_it: bool) -> None:
    assert is_amazons(url) is is_it


@pytest.mark.parametrize("version", ["1", "2"])
def test_both_signature_versions_of_amazon_are_checked(version: str) -> None:
    raw = sign_envelope(SAMPLES["zillow"].raw, SignatureVersion=version, Subject="Lead")
    request = replace(send(SAMPLES["zillow"]), raw=raw)
    authenticate("zillow", request)
    forged = json.dumps({**json.loads(raw), "Message": "{}"}).encode()
    with pytest.raises(RefusedError):
        authenticate("zillow", replace(request, raw=forged))


@pytest.mark.parametrize(
    "changes",
    [
        {"SigningCertURL": "https://example.com/x.pem"},
        {"SigningCertURL": f"{AMAZON}/x.html"},
        {"SignatureVersion": "3"},
        {"Signature": "not base64"},
        {"Signature": None},
        {"Type": "Other"},
        {"Type": ["Notification"]},
    ],
)
def test_an_envelope_that_names_its_own_judge_is_refused_before_any_call(changes: dict[str, Any]) -> None:
    """The certificate's address comes with the post: asked for blindly, anybody could sign for Amazon."""

    def fetch(_: str) -> bytes:
        pytest.fail("a certificate was asked for")

    request = send(SAMPLES["zillow"])
    raw = json.dumps({**json.loads(request.raw), **changes}).encode()
    post = Post(raw=raw, content_type="text/plain", headers={}, path_secret=SECRET)
    with pytest.raises(RefusedError):
        SOURCES["zillow"].authenticate(post, Trust(secrets=(SECRET,), now=NOW, fetch_certificate=fetch))


def test_a_certificate_out_of_date_or_not_one_proves_nothing() -> None:
    request = send(SAMPLES["zillow"])
    for certificate in (local_certificate(valid_days=-30), b"no certificate"):
        with pytest.raises(RefusedError):
            authenticate("zillow", request, certificate=certificate)


def test_a_subscription_is_confirmed_at_amazons_address_only() -> None:
    def envelope(url: str) -> bytes:
        return sign_envelope(SAMPLES["zillow"].raw, Type="SubscriptionConfirmation", Token="t", SubscribeURL=url)

    zillow = SOURCES["zillow"]
    assert zillow.find_confirmation is not None
    good, bad = f"{AMAZON}/?Action=ConfirmSubscription&Token=t", "https://example.com/?Action=ConfirmSubscription"
    assert zillow.find_confirmation(envelope(good)) == good
    assert zillow.find_confirmation(envelope(bad)) is None
    assert zillow.find_confirmation(SAMPLES["zillow"].raw) is None
    with pytest.raises(RefusedError, match="SubscribeURL"):
        authenticate("zillow", replace(send(SAMPLES["zillow"]), raw=envelope(bad)))


# The others


def test_the_key_of_google_stands_in_nothing_but_the_raw_bytes() -> None:
    request = send(SAMPLES["google_ads"])
    assert SECRET.encode() in request.raw
    reading = SOURCES["google_ads"].read(request.raw, "application/json")
    assert SECRET not in repr(reading)
    assert "google_key" not in reading.lead.extra


def test_metas_question_is_answered_to_meta_alone() -> None:
    query = {"hub.mode": "subscribe", "hub.verify_token": "word", "hub.challenge": "1158201444"}
    assert answer_challenge(query, "word") == "1158201444"
    for wrong in (
        {"hub.verify_token": "wörd"},
        {"hub.mode": "x"},
        {"hub.challenge": "<script>"},
        {"hub.challenge": ""},
    ):
        with pytest.raises(RefusedError):
            answer_challenge({**query, **wrong}, "word")


def test_a_notice_of_meta_with_several_leads_has_no_single_id() -> None:
    body = json.loads(SAMPLES["meta"].raw)
    body["entry"].append(body["entry"][0])
    assert SOURCES["meta"].read(json.dumps(body).encode(), "application/json").vendor_id is None


@pytest.mark.parametrize(
    "head",
    [
        '<!DOCTYPE adf [<!ENTITY a "x">]>',
        '<!DOCTYPE adf [<!ENTITY a SYSTEM "file:///etc/passwd">]>',
        '<!DOCTYPE adf SYSTEM "http://127.0.0.1/adf.dtd">',
        "<!DOCTYPE adf>",
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_xml_with_a_document_type_is_not_read(head: str, encoding: str) -> None:
    """Nine short entities are enough to fill any memory; one is enough to read a file."""
    text = f"<?xml version='1.0' encoding='{encoding}'?>{head}<adf><prospect>a</prospect></adf>"
    with pytest.raises(UnreadablePostError):
        SOURCES["adf"].read(text.encode(encoding), "application/xml")


def test_deep_xml_is_no_lead_and_no_crash() -> None:
    raw = b"<adf><prospect>" + b"<a>" * 50_000 + b"</a>" * 50_000 + b"</prospect></adf>"
    assert SOURCES["adf"].read(raw, "application/xml").problems


ODD = [None, True, 7, 1.5, 1e308, float("nan"), "x", "\ud800\u0000", [], {}, [[1]], {"a": {"b": [1]}}]


@pytest.mark.parametrize(
    "source", [name for name, source in SOURCES.items() if "application/json" in source.content_types]
)
def test_any_value_in_any_place_is_read_or_refused_and_never_a_fault_of_ours(source: str) -> None:
    """Vendors change shapes without a word: what is odd is a problem of the post or nothing, and can be stored."""

    def swap(value: Any, odd: Any) -> list[Any]:
        if isinstance(value, dict):
            inner = [{**value, key: changed} for key in value for changed in swap(value[key], odd)]
            return [odd, *inner]
        if isinstance(value, list):
            return [odd, *([changed, *value[1:]] for changed in (swap(value[0], odd) if value else []))]
        return [odd]

    for case in (
        case for case in CASES if case.source == source and case.content_type != "application/x-www-form-urlencoded"
    ):
        for odd in ODD:
            for changed in swap(json.loads(case.raw), odd):
                raw = json.dumps(changed).encode()
                post = Post(raw=raw, content_type="application/json", headers={"x-webflow-signature": "é"})
                trust = Trust(secrets=(SECRET,), now=NOW, fetch_certificate=lambda _: b"")
                try:
                    with pytest.raises(RefusedError):
                        SOURCES[source].authenticate(post, trust)
                    reading = SOURCES[source].read(raw, "application/json")
                except UnreadablePostError:
                    continue
                stored = json.dumps(asdict(reading.lead), allow_nan=False, default=dict, ensure_ascii=False)
                assert "\\u0000" not in stored
                stored.encode()
