"""Mails that are no leads, told by headers before words."""

import pytest

from leadflow_pipeline.domain.mail_filters import filter_mail, is_spam
from leadflow_pipeline.domain.mail_message import read_mail


def reason(headers: str, body: str = "hello") -> tuple[str, bool] | None:
    found = filter_mail(read_mail(f"{headers.strip()}\n\n{body}".encode()))
    return None if found is None else (found.reason, found.certain)


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ("Auto-Submitted: auto-replied", "auto-reply (Auto-Submitted)"),
        ("Auto-Submitted: auto-replied (vacation)", "auto-reply (Auto-Submitted)"),
        ("X-Autoreply: yes", "auto-reply (X-Autoreply)"),
        ("Precedence: auto_reply", "auto-reply (Precedence)"),
        ("From: MAILER-DAEMON@mail.test", "delivery report (sent by a mailer daemon)"),
        ("From: MAILER-DAEMON", "delivery report (sent by a mailer daemon)"),
        ("From: Mail Delivery System <x@mail.test>", "delivery report (sent by a mailer daemon)"),
        ("X-Failed-Recipients: ada@example.net", "delivery report (X-Failed-Recipients)"),
        ("Content-Type: multipart/report; boundary=b", "delivery report (Content-Type multipart/report)"),
        ("Subject: Undeliverable: House\nReturn-Path: <>", "delivery report (subject and text)"),
    ],
)
def test_a_machines_answer_is_certainly_no_lead(headers: str, expected: str) -> None:
    """RFC 3834 and RFC 3464; loops and bounces became tickets in frappe-helpdesk#3628 and alga-psa#2772."""
    assert reason(headers) == (expected, True)


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ("Return-Path: <>", "machine mail (null return path)"),
        ("Auto-Submitted: auto-generated", "machine mail (Auto-Submitted)"),
        ("Precedence: bulk", "list mail (Precedence)"),
        ("List-Id: <news.test>", "list mail (List headers)"),
        ("List-Unsubscribe: <https://news.test>", "list mail (List headers)"),
        ("Content-Type: text/calendar; method=REQUEST", "calendar invitation"),
        ("Subject: Your security code", "security code or account notice"),
        ("Subject: Automatic reply: House", "auto-reply (subject)"),
        ("Subject: Respuesta automatica: Casa", "auto-reply (subject)"),
        ("Subject: Out of office", "auto-reply (subject)"),
        ("From: news@portal.test\nSubject: Weekly digest", "digest or account notice (subject)"),
    ],
)
def test_marks_that_lead_mails_carry_too_are_only_likely(headers: str, expected: str) -> None:
    """Portals add List-Unsubscribe, form plug-ins `auto-generated`: a rule that reads a lead wins over these."""
    assert reason(headers) == (expected, False)


@pytest.mark.parametrize(
    "headers",
    [
        "From: Ada <ada@example.net>\nSubject: House",
        "Auto-Submitted: no",
        "X-Autoreply: no",
        "X-Auto-Response-Suppress: All",
        "Subject: Returned my call",
        "Subject: Office space for rent",
        "Subject: On vacation and looking for a house",
        "List-Id: <leads.brokerage.test>\nX-Google-Group-Id: 1\nPrecedence: list",
        "Return-Path: <ada@example.net>",
        "From: Ada <ada@example.net>\nSubject: Market report for my house, please",
        "",
    ],
)
def test_a_mail_of_a_person_is_not_filtered(headers: str) -> None:
    """A lost lead costs more than a mail looked at in vain."""
    assert reason(headers) is None


def test_a_code_in_the_text_is_a_security_mail() -> None:
    """StreetEasy's lead sender mails security codes too (lead-sources 1.3)."""
    assert reason("Subject: StreetEasy", "Your verification code is 123456.") is not None


def test_headers_come_before_words() -> None:
    """The reason names the strongest sign, as reasons are counted."""
    assert reason("Auto-Submitted: auto-replied\nSubject: Out of office\nPrecedence: bulk") == (
        "auto-reply (Auto-Submitted)",
        True,
    )


@pytest.mark.parametrize(
    "raw",
    [
        "X-Spam-Flag: YES\n\nhello",
        "X-Spam-Status: Yes, score=9\n\nhello",
        "Subject: Your lottery fund\n\nSend the delivery fee by Western Union.",
        "Subject: x\n\nI am a barrister and the next of kin of your late client asks you.",
    ],
)
def test_spam_is_told_by_a_filters_mark_or_by_two_signs_of_its_story(raw: str) -> None:
    """One sign is not enough: somebody may have inherited and buy with it."""
    assert is_spam(read_mail(raw.encode()))


@pytest.mark.parametrize(
    "text",
    [
        "I inherited $2 million and want to buy a house with a bank draft.",
        "I am the next of kin and want to sell the house of my late father.",
        "We move from overseas; can we pay by wire transfer?",
    ],
)
def test_a_person_with_money_is_no_spam(text: str) -> None:
    """A false alarm here is a lost buyer."""
    assert not is_spam(read_mail(f"Subject: House\n\n{text}".encode()))
