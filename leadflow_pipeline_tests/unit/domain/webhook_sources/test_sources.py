"""Every webhook source: what its recorded shapes come to, and what proves where a post comes from.

All people are invented; numbers are from the ranges kept for fiction (555-01xx).
"""

import base64
import json
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

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
    source = SOURCES[case.source]
    reading = source.read(case.raw, case.content_type)
    assert (reading.contact_id is not None) == (case.contact is not None)
    if case.contact is not None and source.read_contact is not None:
        assert (reading.problems, reading.vendor_id) == ((), reading.contact_id)
        reading = source.read_contact(case.raw, case.contact)
    expected = case.expected
    found = "ignored" if reading.ignored or reading.parts else "quarantined" if reading.problems else "lead"
    assert found == case.outcome
    if case.outcome != "lead":
        assert reading.parts or (reading.ignored or "; ".join(reading.problems)) == expected["reason"]
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
    assert "lead" in outcomes
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


def key_pair(seed: bytes = b"s" * 32, *, with_public: bool = False) -> tuple[str, str]:
    """A sender's private key and what the receiver is given of it."""
    private = Ed25519PrivateKey.from_private_bytes(seed)
    public = private.public_key().public_bytes_raw()
    return (
        "whsk_" + base64.b64encode(seed + (public if with_public else b"")).decode(),
        "whpk_" + base64.b64encode(public).decode(),
    )


def test_the_rfcs_own_ed25519_example_is_a_good_signature() -> None:
    """RFC 8032, section 7.1, TEST 1's key pair: what is signed with its secret half is verified with its public one."""
    seed = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
    private, public = key_pair(seed)
    assert base64.b64decode(public[5:]).hex() == "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
    authenticate("standard", send(SAMPLES["standard"], secret=private, now=NOW), secrets=(public,))


@pytest.mark.parametrize("with_public", [False, True], ids=["seed", "seed and public key"])
def test_a_post_signed_with_the_senders_private_key_is_authentic(with_public: bool) -> None:
    private, public = key_pair(with_public=with_public)
    request = send(SAMPLES["standard"], secret=private, now=NOW)
    assert request.headers["webhook-signature"].startswith("v1a,")
    authenticate("standard", request, secrets=(public,))
    for changed in (
        replace(request, raw=request.raw + b" "),
        replace(request, headers={**request.headers, "webhook-id": "msg_other"}),
        replace(request, headers={**request.headers, "webhook-timestamp": str(int(NOW.timestamp()) + 1)}),
    ):
        with pytest.raises(RefusedError):
            authenticate("standard", changed, secrets=(public,))


def test_a_public_key_is_no_secret_to_sign_with() -> None:
    """Everybody may know it: taken for the secret of a `v1` signature, it would let everybody in."""
    private, public = key_pair()
    for guess in (public, public.removeprefix("whpk_")):
        request = send(SAMPLES["standard"], secret=guess, now=NOW)
        assert request.headers["webhook-signature"].startswith("v1,")
        with pytest.raises(RefusedError):
            authenticate("standard", request, secrets=(public, private))


def test_either_side_may_change_its_key_while_the_other_still_uses_the_old_one() -> None:
    """A sender signs with the old and the new key, a receiver knows both; so does one that goes from v1 to v1a."""
    old, new = key_pair(b"o" * 32), key_pair(b"n" * 32)
    signatures = {
        name: send(SAMPLES["standard"], secret=secret, now=NOW).headers["webhook-signature"]
        for name, secret in (("old", old[0]), ("new", new[0]), ("shared", SECRET))
    }

    def is_taken(header: str, *secrets: str) -> bool:
        request = send(SAMPLES["standard"], now=NOW)
        try:
            authenticate(
                "standard",
                replace(request, headers={**request.headers, "webhook-signature": header}),
                secrets=secrets,
            )
        except RefusedError:
            return False
        return True

    both = f"{signatures['new']} {signatures['old']}"
    assert is_taken(both, old[1])
    assert is_taken(both, new[1])
    assert is_taken(signatures["old"], new[1], old[1])
    assert is_taken(f"{signatures['new']} {signatures['shared']}", SECRET)
    assert is_taken(f"{signatures['shared']} {signatures['new']}", new[1])
    assert not is_taken(signatures["old"], new[1])
    assert not is_taken(signatures["new"], SECRET)


@pytest.mark.parametrize("header", ["v1a,", "v1a", "v1a,AAAA", "v1a,???", "v1b," + "A" * 88, "v1," + "A" * 88, " , "])
def test_what_is_no_signature_of_the_key_is_refused(header: str) -> None:
    request = send(SAMPLES["standard"], now=NOW)
    with pytest.raises(RefusedError):
        authenticate(
            "standard",
            replace(request, headers={**request.headers, "webhook-signature": header}),
            secrets=(key_pair()[1], "whpk_", "whpk_AAAA", "whpk_???"),
        )


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


def test_each_lead_of_a_notice_is_a_notice_of_its_own_once() -> None:
    """Meta sends up to a thousand changes in one post, and says itself that it repeats some."""
    [notice] = [case for case in CASES if case.name == "several_leads"]
    reading = SOURCES["meta"].read(notice.raw, "application/json")
    ids = [SOURCES["meta"].read(part, "application/json").contact_id for part in reading.parts]
    assert ids == ["200000000000004", "200000000000005"]
    assert (reading.vendor_id, reading.contact_id) == (None, None)


@pytest.mark.parametrize("lead_id", ["../me", "1/accounts", "", "me", "9" * 41, "١٢", None, {"id": 1}, -1])
def test_an_id_that_is_no_number_is_never_asked_for(lead_id: object) -> None:
    """It would become the path of a call that carries our access token."""
    body = json.loads(SAMPLES["meta"].raw)
    body["entry"][0]["changes"][0]["value"]["leadgen_id"] = lead_id
    reading = SOURCES["meta"].read(json.dumps(body).encode(), "application/json")
    assert (reading.contact_id, len(reading.problems)) == (None, 1)


@pytest.mark.parametrize(
    "odd", [None, True, 7, "x", [], {}, [[1]], {"a": 1}, [{"name": {}, "values": {}}], [{"values": [[]]}]]
)
def test_any_answer_of_metas_is_read_or_refused_and_never_a_fault_of_ours(odd: object) -> None:
    read = SOURCES["meta"].read_contact
    assert read is not None
    for answer in (odd, {"field_data": odd}, {"field_data": [{"name": "email", "values": odd}]},
                   {"field_data": [], "custom_disclaimer_responses": odd}):  # fmt: skip
        try:
            reading = read(SAMPLES["meta"].raw, json.dumps(answer).encode())
        except UnreadablePostError:
            continue
        json.dumps(asdict(reading.lead), allow_nan=False, default=dict)


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
