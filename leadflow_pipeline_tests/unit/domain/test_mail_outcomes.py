"""From raw bytes to a decision: the fixture mails, the mail corpus, and hostile bytes."""

import json
import os
import random
import time
from dataclasses import fields
from email.message import EmailMessage
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadflow_pipeline.adapters.rule_files import load_rules
from leadflow_pipeline.adapters.watched_process import WatchedProcess
from leadflow_pipeline.domain.errors import StoppedError
from leadflow_pipeline.domain.mail_outcomes import MailOutcome, judge_mail
from leadflow_pipeline.domain.mail_rules import FACTS
from leadflow_pipeline.domain.staged_leads import StagedLead

TOP = Path(__file__).resolve().parents[3]
MAILS = sorted((TOP / "leadflow_pipeline_tests" / "fixtures" / "mails").rglob("*.eml"))
CORPUS = Path(os.environ.get("LEADFLOW_MAIL_CORPUS") or TOP.parent / "shared" / "mail-corpus")
RULES = load_rules()


def mail(body: str, *, sender: str = "Ada Example <ada@example.net>", subject: str = "Hello", **headers: str) -> bytes:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = sender, "leads@brokerage.test", subject
    for name, value in headers.items():
        message[name.replace("_", "-")] = value
    message.set_content(body)
    return message.as_bytes()


def judged(body: str, **keywords: str) -> MailOutcome:
    return judge_mail(mail(body, **keywords), RULES)


def read(body: str, **keywords: str) -> StagedLead:
    outcome = judged(body, **keywords)
    assert outcome.outcome == "lead", outcome.reason
    assert outcome.lead is not None
    return outcome.lead


SITE = "Sample Site <noreply@site.test>"


@pytest.mark.parametrize("path", MAILS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_fixture_mail_is_read_as_the_file_beside_it_says(path: Path) -> None:
    """The layouts of lead-sources 1.5 and 1.6, with invented people. Facts not named must be absent."""
    expected = json.loads(path.with_suffix(".json").read_text())
    outcome = judge_mail(path.read_bytes(), RULES)
    assert (outcome.outcome, outcome.reason) == (expected["outcome"], expected.get("reason"))
    assert outcome.source == expected.get("source")
    if outcome.lead is not None:
        found = {fact: getattr(outcome.lead, fact) for fact in FACTS}
        assert {fact: text for fact, text in found.items() if text is not None} == expected["lead"]
        assert set(outcome.lead.origins) == set(expected["lead"])
        assert outcome.lead.extra | expected.get("extra", {}) == outcome.lead.extra


def test_every_file_of_the_corpus_ends_in_an_outcome_and_no_bounce_becomes_a_lead() -> None:
    """Real awkward mail of other projects: broken MIME, charsets, reports. It is read in place, never copied."""
    files = [path for path in CORPUS.rglob("*") if path.is_file()] if CORPUS.is_dir() else []
    if not files:
        pytest.skip(f"no mail corpus in {CORPUS}; name another folder in LEADFLOW_MAIL_CORPUS")
    for path in files:
        outcome = judge_mail(path.read_bytes(), RULES)
        repr(outcome).encode()
        if "report" in path.parent.name or "bounce" in path.name:
            assert outcome.outcome == "ignored", path


@given(st.binary(max_size=600))
@settings(max_examples=300, deadline=None)
def test_arbitrary_bytes_end_in_an_outcome(raw: bytes) -> None:
    """One malformed mail stopped whole mailboxes elsewhere: freescout#1999, zammad#2754."""
    outcome = judge_mail(raw, RULES)
    assert outcome.outcome in ("lead", "ignored", "quarantined")
    repr(outcome).encode()


@given(st.sampled_from(MAILS), st.integers(0, 2**32), st.integers(0, 30), st.floats(0.1, 1))
@settings(max_examples=200, deadline=None)
def test_a_damaged_fixture_mail_ends_in_an_outcome(path: Path, seed: int, flips: int, kept: float) -> None:
    """Bytes flipped and the end cut off, as a broken relay would."""
    raw = bytearray(path.read_bytes())
    raw = raw[: max(1, int(len(raw) * kept))]
    dice = random.Random(seed)
    for _ in range(flips):
        raw[dice.randrange(len(raw))] = dice.randrange(256)
    outcome = judge_mail(bytes(raw), RULES)
    assert outcome.lead is None or outcome.lead.has_contact
    repr(outcome).encode()


HEAD = b"From: Ada Example <ada@example.net>\r\nTo: leads@brokerage.test\r\nSubject: x\r\n"
PLAIN = b"Content-Type: text/plain; charset=utf-8\r\n\r\n"
HTML = b"Content-Type: text/html; charset=utf-8\r\n\r\n"
BILLION_LAUGHS = (
    b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY a0 "aaaaaaaaaa">'
    + b"".join(b'<!ENTITY a%d "%s">' % (n, b"&a%d;" % (n - 1) * 10) for n in range(1, 10))
    + b"]><adf>&a9;</adf>"
)
HOSTILE = {
    "empty": b"",
    "only line ends": b"\r\n\r\n\r\n",
    "two megabytes of lines": HEAD + PLAIN + b"lorem ipsum dolor 123\r\n" * 90_000,
    "two megabytes on one line": HEAD + PLAIN + b"a" * 2_000_000,
    "at signs": HEAD + PLAIN + b"a@" * 500_000,
    "a name of 100,000 characters": HEAD + PLAIN + b"Name: " + b"A" * 100_000 + b"\nPhone: 512-555-0142\n",
    "100,000 labels on a line": HEAD + PLAIN + b"Name: " * 100_000,
    "deep HTML": HEAD + HTML + b"<div>" * 200_000 + b"Name: Ada",
    "deep tables": HEAD + HTML + b"<table><tr><td>" * 30_000,
    "unclosed comment": HEAD + HTML + b"<!--" * 100_000,
    "deep MIME": HEAD
    + b"".join(b'Content-Type: multipart/mixed; boundary="b%d"\r\n\r\n--b%d\r\n' % (n, n) for n in range(3000)),
    "many parts": HEAD + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\nx\r\n" * 20_000,
    "a slow codec": HEAD
    + b"Content-Type: text/plain; charset=punycode\r\n\r\n"
    + b"a" * 90_000
    + b"-"
    + b"z9" * 90_000,
    "encoded words without end": b"Subject: " + b"=?utf-8?q?a?= " * 60_000 + b"\r\n" + HEAD + PLAIN + b"x",
    "a header of parameters": b"Content-Type: text/plain; " + b"a=b; " * 50_000 + b"\r\n" + HEAD + b"\r\nx",
    "recipients without end": b"To: " + b'"a" <a@b.test>, ' * 60_000 + b"\r\n" + HEAD + PLAIN + b"x",
    "forwards in forwards": HEAD.replace(b"x\r\n", b"Fwd: x\r\n")
    + PLAIN
    + b"---------- Forwarded message ---------\nFrom: a@b.test\nTo: c@d.test\nSubject: x\n\n" * 1500,
    "marks on a letter of a page": HEAD + HTML + b"<p>e" + b"&#769;&#790;" * 100_000,
    "marks on a letter of the subject": b"Subject: e" + "\u0301\u0316".encode() * 4_000 + b"\r\n" + PLAIN,
    "ten megabytes of line ends": HEAD + PLAIN + b"\n" * 10_000_000,
    "tags in tags": HEAD + HTML + b"<div>" * 200_000,
    "mails in mails": HEAD + b"Content-Type: message/rfc822\r\n\r\n" * 20_000,
    "parts that never end": HEAD
    + b"".join(b"Content-Type: multipart/mixed; boundary=%d\r\n\r\n--%d\r\n" % (n, n) for n in range(3000)),
    "entities in entities": HEAD + b"Content-Type: application/xml\r\n\r\n" + BILLION_LAUGHS,
    "no headers": b"just text",
    "NULs": HEAD + PLAIN.replace(b"\r\n\r\n", b"\r\n\x00\r\n\r\n") + b"Na\x00me: Ada\r\n\x00" * 100,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_bytes_end_in_an_outcome_within_the_time_a_mail_is_given(name: str) -> None:
    """Parsers are quadratic in header length and nesting; such a mail took 180 s before it was bounded."""
    [outcome] = WatchedProcess(wall_seconds=600)(lambda raw: judge_mail(raw, RULES), [HOSTILE[name]])
    assert not isinstance(outcome, StoppedError), outcome
    assert outcome.reason is not None or outcome.lead is not None
    repr(outcome).encode()


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(HEAD + PLAIN + ("e" + "\u0301\u0316" * 200_000).encode(), id="marks on one letter"),
        pytest.param(
            HEAD + HTML + b"<a " + b" ".join(b"a%d=1" % n for n in range(50_000)) + b">x</a>", id="attributes"
        ),
    ],
)
def test_what_a_library_cannot_read_in_time_is_stopped(raw: bytes) -> None:
    """mail-parser composes letters and lexbor compares attributes, both in C and in quadratic time."""
    [outcome] = WatchedProcess(cpu_seconds=1, wall_seconds=600)(lambda raw: judge_mail(raw, RULES), [raw])
    assert str(outcome) == "took longer than 1 s of CPU time"


@pytest.mark.parametrize("sender", ["leads@email.realtor.com", "r@zillowrentals.com", "support@avail.co"])
@pytest.mark.parametrize("filling", ["\n" * 100_000, "." * 300_000, "-\n" * 50_000, '"' * 200_000, " \n" * 50_000])
def test_signs_without_end_do_not_slow_a_rules_patterns(sender: str, filling: str) -> None:
    """Patterns such as `\\W*$` are quadratic in a run of signs; a mail of dashes took 7 s before runs were cut."""
    started = time.process_time()
    judge_mail(mail(f"New contact\nAda says:\n{filling}\n", sender=sender), RULES)
    assert time.process_time() - started < 2


def test_a_mail_without_from_date_and_message_id_is_read() -> None:
    """chatwoot#9069: mail without a Message-ID was never parsed."""
    outcome = judge_mail(b"Subject: New lead\r\n\r\nName: Ada Example\r\nPhone: 512-555-0142\r\n", RULES)
    assert outcome.lead is not None
    assert outcome.lead.phone == "512-555-0142"


@pytest.mark.parametrize("line_end", [b"\r\n", b"\n", b"\r"])
def test_every_kind_of_line_end_is_read(line_end: bytes) -> None:
    """Old mail programs end lines with CR alone."""
    raw = b"From: noreply@site.test\r\nSubject: x\r\n\r\nName: Ada Example\r\nPhone: 512-555-0142\r\n"
    outcome = judge_mail(raw.replace(b"\r\n", line_end), RULES)
    assert outcome.lead is not None
    assert outcome.lead.name == "Ada Example"


def test_name_never_matches_inside_first_name() -> None:
    """Trap 1, a real bug of 2026: `Name:` matched inside `First Name:` and swallowed the next line."""
    lead = read("Company Name: Acme\nFirst Name: Ada\nPhone: 512-555-0142\n", sender=SITE)
    assert (lead.first_name, lead.name) == ("Ada", "Ada")


def test_the_portals_own_address_is_never_the_leads() -> None:
    """Trap 2: the first address of a Realtor.com page is the portal's."""
    body = (
        "Write to leads@email.realtor.com\nFirst Name: Ada\nEmail Address: help@realtor.com\nPhone Number: 512-555-0142"
    )
    lead = read(body, sender="leads@email.realtor.com")
    assert (lead.email, lead.phone) == (None, "512-555-0142")


def test_digits_of_a_relay_address_are_no_phone_number() -> None:
    """Trap 3: relay tokens are full of digits."""
    lead = read("Is the house still available? 5125550142@reply.avail.co", sender="Ada <5125550142@convo.zillow.com>")
    assert (lead.phone, lead.email, lead.relay_email) == (None, None, "5125550142@convo.zillow.com")


def test_the_full_stop_after_an_address_is_not_part_of_it() -> None:
    """Trap 4: the address in a Realtor agent-app subject ends with a full stop."""
    lead = read("See the subject", sender=SITE, subject="New inquiry: Ada Example 512-555-0142 ada@example.net.")
    assert (lead.name, lead.phone, lead.email) == ("Ada Example", "512-555-0142", "ada@example.net")


def test_a_domain_that_only_resembles_a_portals_is_not_the_portal() -> None:
    """Trap 5: `Homes.com` matched `Homespotter.com`."""
    outcome = judged("First Name: Ada\nPhone: 512-555-0142", sender="leads@email.realtor.com.evil.test")
    assert outcome.source == "generic"


def test_a_price_in_the_subject_is_not_part_of_the_name() -> None:
    """Trap 6."""
    subject = "New realtor.com lead - Ada Example - $450,000"
    lead = read("Email Address: ada@example.net", sender="leads@email.realtor.com", subject=subject)
    assert lead.name == "Ada Example"


def test_invisible_characters_do_not_hide_a_label() -> None:
    """Trap 8: zero-width characters, non-breaking spaces, quoted-printable left-overs."""
    lead = read("Na\u200bme:\u00a0Ada\u00a0Example=20\nPho\ufeffne:\u00a0512-555-0142=20\n", sender=SITE)
    assert (lead.name, lead.phone) == ("Ada Example", "512-555-0142")


def test_a_missing_phone_stays_missing() -> None:
    """Trap 11: a project stored 9999999999 instead, which then made strangers the same person."""
    assert read("Name: Ada\nEmail: ada@example.net\nPhone: Not provided\n", sender=SITE).phone is None


@pytest.mark.parametrize(
    "body",
    [
        "*Name :* Ada Example\n*Phone :*\n512-555-0142\n*Email :* ada@example.net",
        "Name - Ada Example\nPhone - 512-555-0142\nEmail - ada@example.net",
        "Name: Ada Example | Phone: 512-555-0142 | Email: ada@example.net",
        "> Name: Ada Example\n> Phone: 512-555-0142\n> Email: ada@example.net",
        "• Full Name: Ada Example\n• Cell Phone: 512-555-0142\n• E-Mail Address: ada@example.net",
        "NAME\nAda Example\n\nPHONE\n512-555-0142\n\nEMAIL\nada@example.net",
        "Name (required): Ada Example\nPhone (optional): 512-555-0142\nYour email*: ada@example.net",
        "Nombre: Ada Example\nTeléfono: 512-555-0142\nCorreo electrónico: ada@example.net",
    ],
)
def test_labels_are_read_however_a_form_writes_them(body: str) -> None:
    """Bold marks, quotes, lists, label above value, several labels on a line."""
    lead = read(body, sender=SITE)
    assert (lead.name, lead.phone, lead.email) == ("Ada Example", "512-555-0142", "ada@example.net")


def test_the_person_is_the_reply_address_when_the_form_gives_none() -> None:
    """Forms put the visitor into Reply-To and the site into From."""
    lead = read(
        "Name: Ada Example\nMessage: Is it available?\nPhone: 512-555-0142", sender=SITE, Reply_To="ada@example.net"
    )
    assert lead.email == "ada@example.net"


def test_a_colleagues_signature_above_a_forwarded_mail_is_not_the_lead() -> None:
    """Trap 9: forwarded by hand, the forwarder's own number stands first."""
    body = (
        "Please handle.\nBob Agent\n512-555-0199\n\n-----Original Message-----\nFrom: Ada Example <ada@example.net>\n"
        "Sent: Monday\nTo: Bob\nSubject: House\n\nIs the house on 12 Oak St still available? 512-555-0142\n"
    )
    lead = read(body, sender="Bob Agent <bob@brokerage.test>", subject="FW: House")
    assert (lead.name, lead.email, lead.phone) == ("Ada Example", "ada@example.net", "512-555-0142")


def test_a_mail_forwarded_as_attachment_is_read() -> None:
    """Trap 9: some agents forward as attachment; the inner mail has the person."""
    inner = EmailMessage()
    inner["From"], inner["Subject"] = "Ada Example <ada@example.net>", "House"
    inner.set_content("Is the house still available?")
    outer = EmailMessage()
    outer["From"], outer["To"], outer["Subject"] = "bob@brokerage.test", "leads@brokerage.test", "Fwd: House"
    outer.set_content("see attached")
    outer.add_attachment(inner)
    outcome = judge_mail(outer.as_bytes(), RULES)
    assert outcome.lead is not None
    assert outcome.lead.email == "ada@example.net"


def test_a_shared_inbox_that_is_a_group_still_takes_inquiries() -> None:
    """A Google group rewrites From and adds list headers to every mail; X-Original-From has the person."""
    lead = read(
        "Is the house still available?",
        sender="'Ada Example' via Leads <leads@brokerage.test>",
        X_Original_From="Ada Example <ada@example.net>",
        List_ID="<leads.brokerage.test>",
        Precedence="list",
    )
    assert (lead.name, lead.email) == ("Ada Example", "ada@example.net")


def test_the_address_a_person_writes_from_goes_before_others_in_the_text() -> None:
    """`I wrote to bob@…` names somebody else; `my e-mail is …` names oneself."""
    other = read("I wrote to bob@otheragency.test. Is 12 Oak St still available?")
    stated = read("Is 12 Oak St still available? My email is ada.work@example.org")
    assert (other.email, stated.email) == ("ada@example.net", "ada.work@example.org")


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("Is the house for sale at 12 Oak St, Austin. My phone is 512-555-0142", "12 Oak St, Austin"),
        ("Is 12 Oak St, St. Paul, MN 55101 still available?", "12 Oak St, St. Paul, MN 55101"),
        ("Is 12 Oak St, Fort Worth still available?", "12 Oak St, Fort Worth"),
    ],
)
def test_an_address_in_prose_ends_with_its_sentence(text: str, address: str) -> None:
    assert read(text).property_address == address


def test_a_reason_never_holds_text_of_the_mail() -> None:
    """Reasons are counted and logged; lead text is neither."""
    secret = "Zyxwvut"
    for body in (secret, f"Name: {secret}", f"Phone: {secret} n/a"):
        for sender in (SITE, "leads@email.realtor.com", f"{secret} <{secret}@example.net>"):
            assert secret not in (judged(body, sender=sender, subject=secret).reason or "")


def test_the_facts_of_rules_are_the_fields_of_staged_leads() -> None:
    """A new field of the lead is at once a fact that a rule may find."""
    assert {*FACTS, "origins", "extra"} == {each.name for each in fields(StagedLead)}
