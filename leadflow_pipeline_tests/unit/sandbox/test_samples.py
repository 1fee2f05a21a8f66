"""The samples are what they say: whole mails, invented people, and the facts they claim to hold."""

import csv
import re
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from html import unescape
from pathlib import Path

import pytest

import leadflow_pipeline.sandbox
from leadflow_pipeline.domain.money import parse_money
from leadflow_pipeline.sandbox.samples import SampleMail, SamplePost, sample_leads, sample_mails, sample_posts

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
KEYWORDS = ("pre-approved", "investor", "cash buyer")
MANY = 300


def read_mail(sample: SampleMail) -> EmailMessage:
    mail = message_from_bytes(sample.raw, policy=default)
    assert isinstance(mail, EmailMessage)
    return mail


def read_bodies(sample: SampleMail) -> Iterator[str]:
    """Each readable part, HTML as text without tags."""
    for part in read_mail(sample).walk():
        if part.get_content_type() == "text/html":
            yield unescape(re.sub(r"<[^>]+>", "", part.get_content()))
        elif part.get_content_type() == "text/plain":
            yield part.get_content()


def score_facts(message: str, phone: str | None, budget: str | None) -> int:
    """The formula without the address."""
    amount = parse_money(budget).amount if budget else None
    points = 10 if phone else 0
    points += 25 if amount is not None and amount > Decimal(500_000) else 0
    return points + (50 if any(keyword in message.lower() for keyword in KEYWORDS) else 0)


def name_bucket(score: int) -> str:
    return "low" if score < 20 else "hot" if score > 75 else "standard"


def leads_among(mails: list[SampleMail]) -> list[SampleMail]:
    return [mail for mail in mails if mail.expected_outcome == "lead"]


def test_the_same_seed_gives_the_same_samples() -> None:
    assert sample_leads(40, seed=3, now=NOW) == sample_leads(40, seed=3, now=NOW)


def test_different_seeds_give_different_message_ids() -> None:
    """Else a second demo would look like the first one arriving twice."""
    ids = [read_mail(sample)["Message-ID"] for seed in range(5) for sample in sample_mails(40, seed=seed, now=NOW)]
    assert len(set(ids)) == len(ids) == 200


@pytest.mark.parametrize("count", [0, 1, 11, 12, 50])
def test_as_many_samples_come_as_were_asked_for(count: int) -> None:
    assert len(sample_mails(count, seed=1, now=NOW)) == count
    assert len(sample_posts(count, seed=1)) == count
    assert len(sample_leads(count, seed=1, now=NOW)) == count


def test_every_sample_is_another_person() -> None:
    samples = sample_leads(MANY, seed=1, now=NOW)
    for field in ("email", "phone"):
        values = [sample.expected[field] for sample in samples if field in sample.expected]
        digits = [re.sub(r"\D", "", value.split("ext")[0])[-10:] for value in values]
        distinct = set(digits) if field == "phone" else set(values)
        assert len(distinct) == len(values)
    names = [sample.expected["name"].lower() for sample in samples if "name" in sample.expected]
    assert len(set(names)) == len(names)


def test_nobody_real_is_called_or_written_to() -> None:
    for sample in sample_leads(MANY, seed=2, now=NOW):
        if "phone" in sample.expected:
            digits = re.sub(r"\D", "", sample.expected["phone"].split("ext")[0])
            assert re.fullmatch(r"1?\d{3}55501[0-8]\d", digits)
        if "email" in sample.expected:
            assert re.fullmatch(r"[a-z]+\.[a-z]+\d+@example\.(com|org|net)", sample.expected["email"])


def test_mails_are_complete_and_their_lines_end_in_crlf() -> None:
    for sample in sample_mails(60, seed=1, now=NOW):
        mail = read_mail(sample)
        assert not mail.defects
        assert mail["Message-ID"].startswith("<")
        assert NOW - timedelta(minutes=1) < mail["Date"].datetime <= NOW
        assert mail["To"] == "leads@sandbox.test"
        assert sample.raw.count(b"\n") == sample.raw.count(b"\r\n")
        assert max(len(line) for line in sample.raw.split(b"\r\n")) <= 998


def test_every_claimed_fact_stands_in_each_part_of_the_mail() -> None:
    """The street of Realtor.com's text part stands in two lines."""
    for sample in leads_among(sample_mails(MANY, seed=4, now=NOW)):
        facts = {field: text for field, text in sample.expected.items() if field != "property_address"}
        if "first_name" in facts:
            del facts["name"]
        for body in read_bodies(sample):
            missing = [field for field, text in facts.items() if text not in body]
            assert not missing, (sample.layout, missing)


def test_the_bucket_is_what_the_formula_says_with_and_without_an_address() -> None:
    for mail in leads_among(sample_mails(MANY, seed=5, now=NOW)):
        score = score_facts(next(read_bodies(mail)), mail.expected.get("phone"), mail.expected.get("budget"))
        assert mail.bucket == name_bucket(score) == name_bucket(score + 15)
    for post in sample_posts(MANY, seed=5):
        score = score_facts(post.body["message"], post.body["phone"], post.body["budget"])
        assert post.bucket == name_bucket(score) == name_bucket(score + 15)


def test_the_mix_is_mostly_standard_with_some_low_and_some_hot() -> None:
    buckets = Counter(sample.bucket for sample in sample_leads(20, seed=1, now=NOW))
    assert buckets["low"] >= 2
    assert buckets["hot"] >= 2
    assert buckets["standard"] > buckets["low"] + buckets["hot"]


def test_posts_are_about_a_third_and_never_wait_for_the_end() -> None:
    samples = sample_leads(20, seed=1, now=NOW)
    kinds = ["post" if isinstance(sample, SamplePost) else "mail" for sample in samples]
    assert kinds.count("post") == 6
    assert kinds[:10].count("post") == 3


@pytest.mark.parametrize("count", [12, 200])
def test_two_mails_are_no_leads_when_there_are_at_least_twelve_samples(count: int) -> None:
    for mails in (
        sample_mails(count, seed=1, now=NOW),
        [sample for sample in sample_leads(count, seed=1, now=NOW) if isinstance(sample, SampleMail)],
    ):
        awkward = {mail.expected_outcome: mail for mail in mails if mail.expected_outcome != "lead"}
        assert sorted(awkward) == ["ignored", "quarantined"]
        newsletter = read_mail(awkward["ignored"])
        assert newsletter["Precedence"] == "bulk"
        assert newsletter["List-Id"]
        assert not any("@" in body or re.search(r"\d{4}", body) for body in read_bodies(awkward["quarantined"]))


def test_few_samples_are_all_leads() -> None:
    assert len(leads_among(sample_mails(11, seed=1, now=NOW))) == 11


def test_mails_come_in_every_layout_shape_and_encoding() -> None:
    mails = sample_mails(60, seed=1, now=NOW)
    layouts = {mail.layout for mail in leads_among(mails)}
    assert layouts == {"realtor_com", "labelled", "prose_english", "contact_form_7", "prose_spanish"}
    assert {read_mail(mail).get_content_type() for mail in mails} == {
        "text/plain",
        "text/html",
        "multipart/alternative",
    }
    encodings = {part["Content-Transfer-Encoding"] for mail in mails for part in read_mail(mail).walk()}
    assert {"8bit", "quoted-printable", "base64"} <= encodings


def test_realtor_com_mails_can_be_recognised() -> None:
    for sample in leads_among(sample_mails(50, seed=1, now=NOW)):
        if sample.layout == "realtor_com":
            mail = read_mail(sample)
            assert mail["From"].addresses[0].addr_spec == "leads@email.realtor.com"
            assert mail["Subject"] == f"New realtor.com lead - {sample.expected['name']}"


def test_names_that_are_hard_to_write_are_among_the_people() -> None:
    names = " ".join(sample.expected.get("name", "").lower() for sample in sample_leads(1000, seed=1, now=NOW))
    for hard in ("o'neil-smith", "de la cruz", "mcdonald", "jr.", "muñoz"):
        assert hard in names


def test_there_are_seven_sample_agents_all_active() -> None:
    file = Path(leadflow_pipeline.sandbox.__file__).with_name("sample_agents.csv")
    with file.open(encoding="utf-8", newline="") as lines:
        agents = list(csv.DictReader(lines))
    assert len({agent["agent_id"] for agent in agents}) == 7
    assert all(re.fullmatch(r"[a-z]+(-[a-z]+)+", agent["agent_id"]) for agent in agents)
    assert all(agent["active"] == "true" for agent in agents)
    assert all(re.fullmatch(r"\(512\) 555-019\d", agent["phone"]) for agent in agents)
