"""What a lead wrote arrives as plain text at every place that we write to: nothing in it formats, runs or links.

One table of words, one of places. The name goes everywhere; it is the field that every place shows.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest
import requests
from starlette.testclient import TestClient

from leadflow_pipeline.adapters.database import Database
from leadflow_pipeline.adapters.mail_templates import MailTemplates
from leadflow_pipeline.bench.stand_ins import StandIns, run_stand_ins
from leadflow_pipeline.defs.senders import build_senders
from leadflow_pipeline.domain.drip_messages import build_message
from leadflow_pipeline.domain.signed_links import sign_link
from leadflow_pipeline.domain.slack_cards import closed_card, contact_message, open_card, opening_line
from leadflow_pipeline.receiver.app import build_app
from leadflow_pipeline.sandbox.vendors.followupboss import UNREACHABLE_SECONDS
from leadflow_pipeline.settings import Settings
from leadflow_pipeline.stages.deliveries import deliver_effects
from leadflow_pipeline.stages.text_sender import LEAD_PAGE
from leadflow_pipeline_tests.integration.test_crm_and_texts import WITHOUT_SLACK, assign
from leadflow_pipeline_tests.integration.test_pipeline import Query
from leadflow_pipeline_tests.unit.domain.test_slack_cards import FACTS

WORDS = {
    "mrkdwn": "*Rosa* _Q_ ~x~ `y` <!channel> <https://evil.test|home>",
    "HTML": "<script>alert(1)</script><b>Rosa</b> & <img src=x onerror=alert(1)>",
    "line breaks": "Rosa\r\nBcc: everybody@evil.test\r\n\r\nQ",
    "a formula": '=HYPERLINK("http://evil.test","Rosa")',
    "Jinja": "Rosa {{ 1234567*7 }} {% for x in ().__class__.__mro__ %}{{ x }}{% endfor %}",
    "emoji": "Rosa 🏡👩‍👩‍👧 Quintero",
    "control characters": "Rosa\x00\x1b[2J\u202eQ",
}


@pytest.fixture(scope="module")
def server() -> Iterator[StandIns]:
    with run_stand_ins(limits=False) as stand_ins:
        yield stand_ins


def check_line(shown: str) -> None:
    """What must never be in a line that holds a lead's name."""
    assert "\r" not in shown
    assert "\x00" not in shown
    assert "\x1b" not in shown
    assert "\u202e" not in shown
    assert "8641969" not in shown  # the product, had it been a template
    assert "<class" not in shown


@pytest.mark.parametrize("kind", WORDS)
@pytest.mark.parametrize("crm", ["followupboss", "hubspot"])
def test_hostile_words_are_plain_text_in_the_crm_and_on_the_phone(
    database: Database, settings: Settings, server: StandIns, query: Query, kind: str, crm: str
) -> None:
    for account in (server.followupboss.people, server.hubspot.contacts, server.twilio.messages):
        account.clear()  # type: ignore[attr-defined]
    urls = {f"{vendor}_url": f"{server.url}/{vendor}" for vendor in ("followupboss", "hubspot", "twilio")}
    sandbox = settings.model_copy(update={**urls, **WITHOUT_SLACK, "crm": crm})
    assign(database, sandbox, name="Rosa Q", message=f"investor {WORDS[kind]}", email=f"{kind[:2]}{crm}@example.com")
    # As a source that is not cleaned would give it; the last line of defence is at each place.
    query("update leads.normalized_leads set full_name = %s, first_name = %s", *[WORDS[kind].replace("\x00", "")] * 2)
    for _ in range(2):
        deliver_effects(database, build_senders(sandbox, database), seconds=20)
        query("update delivery.outbox set due_at = now() where status = 'pending'")
        time.sleep(UNREACHABLE_SECONDS)
    assert query("select count(*) from delivery.outbox where status <> 'sent'") == [(0,)]
    [[text]] = server.twilio.messages.values()
    first, *rest = text["body"].splitlines()
    check_line(text["body"])
    assert first.startswith("New lead 60: ")
    assert rest[0] == "+1 512-555-0142"
    assert text["body"].count("://") == 1
    assert "evil.test" not in text["body"]
    if crm == "followupboss":
        [person] = server.followupboss.people.values()
        check_line(person["name"])
        task, note = server.followupboss.tasks[-1]["name"], server.followupboss.notes[-1]
        assert note["isHtml"] is False
    else:
        [contact] = server.hubspot.contacts.values()
        check_line(contact["properties"]["firstname"])
        task = list(server.hubspot.related["tasks"].values())[-1]["properties"]["hs_task_subject"]
        body = list(server.hubspot.related["notes"].values())[-1]["properties"]["hs_note_body"]
        assert "<" not in body.replace("<br>", "")
    check_line(task)
    for page in (crm, "twilio", "twilio/15125550190"):
        shown = get(f"{server.url}/_page/{page}")
        assert "<script" not in shown
        assert "<img" not in shown


@pytest.mark.parametrize("kind", WORDS)
@pytest.mark.parametrize("place", ["text", "html", "subject", "headers"])
def test_hostile_words_are_plain_text_in_a_drip_mail(kind: str, place: str) -> None:
    mail = write_mail(WORDS[kind])
    headers = "".join(f"{name}: {value}\n" for name, value in mail.items())
    shown: Mapping[str, Callable[[], str]] = {
        "text": lambda: read_part(mail, "plain"),
        "html": lambda: read_part(mail, "html"),
        "subject": lambda: str(mail["Subject"]),
        "headers": lambda: headers,
    }
    found = shown[place]()
    check_line(found.replace("\r\n", "\n"))
    assert "Bcc" not in mail
    if place == "html":
        assert "<script" not in found
        assert "<img" not in found
        assert "<b>" not in found
    if place == "subject":
        assert "\n" not in found


@pytest.mark.parametrize("kind", WORDS)
def test_hostile_words_are_plain_text_on_the_lead_s_page(
    database: Database, settings: Settings, query: Query, kind: str
) -> None:
    assign(database, settings, name="Rosa Q", message=f"investor {WORDS[kind]}")
    query("update leads.normalized_leads set full_name = %s", WORDS[kind].replace("\x00", ""))
    key = bytes(query("select key from delivery.link_keys")[0][0])  # type: ignore[arg-type]
    with TestClient(build_app(settings, database)) as client:
        page = client.get(f"/l/{sign_link(LEAD_PAGE, 1, key)}").text
    for tag in ("<script", "<img", "<b>", "<class"):
        assert tag not in page
    assert page.count("tel:") == 1


@pytest.mark.parametrize("kind", WORDS)
def test_hostile_words_are_plain_text_in_slack(kind: str) -> None:
    """In a card and in a direct message nothing of a lead stands where Slack reads mark-up."""
    names = ("full_name", "property_address", "city", "timeframe", "message", "email", "source", "agent_name")
    facts = {**FACTS, **dict.fromkeys(names, WORDS[kind])}
    for blocks in (
        open_card(facts, closes_at=datetime(2026, 11, 24, tzinfo=UTC), hides_contact=False),
        closed_card(facts, hides_contact=False),
        contact_message(facts, opening=opening_line(facts)),
    ):
        texts = [
            text
            for block in blocks
            for text in (*block.get("fields", []), *block.get("elements", []), block.get("text") or {})
        ]
        assert sum(WORDS[kind][:20] in text.get("text", "") for text in texts if text.get("type") == "plain_text") >= 5
        for text in texts:
            if text.get("type") == "mrkdwn":
                assert WORDS[kind][:5] not in text["text"]


def write_mail(words: str) -> EmailMessage:
    facts = {
        "first_name": words, "city": words, "property_city": words, "property_address": words,
        "sender": "Lakeside Homes <hello@lakeside.example>", "unsubscribe": "https://x.test/u",
        "postal_address": "1 A Street",
    }  # fmt: skip
    message = build_message(
        MailTemplates().render("buyer", 0, facts),
        sender="Lakeside Homes <hello@lakeside.example>",
        to="rosa@example.com",
        to_name=words,
        message_id="<1@lakeside.example>",
        unsubscribe="https://x.test/u",
        now=datetime(2026, 11, 24, tzinfo=UTC),
    )
    read = message_from_bytes(message.as_bytes(), policy=policy.default)
    assert isinstance(read, EmailMessage)
    return read


def read_part(mail: EmailMessage, kind: str) -> str:
    part = mail.get_body((kind,))
    assert part is not None
    return str(part.get_content())


def get(url: str) -> str:
    answer = requests.get(url, timeout=10)
    assert answer.status_code == 200
    return answer.text
