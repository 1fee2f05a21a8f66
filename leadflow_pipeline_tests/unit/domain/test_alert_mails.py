"""How an alert reads as a mail, and by what a mail program knows a repeat."""

from datetime import UTC, datetime, timedelta

from leadflow_pipeline.domain.alert_mails import AlertMail, build_alert_mail, describe_alert_mail
from leadflow_pipeline.domain.alerts import Alert

SEEN = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)
ALERT = Alert(
    kind="failed_tick",
    text="imap_inbox_sensor failed 3 times in a row",
    count=3,
    first_seen_at=SEEN,
    resolved_at=None,
    run_url="https://dagster.example/runs/11",
    runbook="docs/runbook/failed_tick.md",
)


def build(mail: AlertMail, key: str = "alert_mail:1:1") -> str:
    message = build_alert_mail(
        mail, sender="Tech <tech@brokerage.example>", to="on-call@brokerage.example", key=key, now=SEEN
    )
    return message.as_string()


def test_a_mail_says_what_since_when_and_what_to_do() -> None:
    mail = describe_alert_mail(ALERT)
    assert mail.subject == "leadflow alert: failed tick"
    assert mail.text.splitlines() == [
        "imap_inbox_sensor failed 3 times in a row",
        "",
        "Since 2026-03-01 12:30:00 UTC, and it lasts.",
        "Run: https://dagster.example/runs/11",
        "What to do: docs/runbook/failed_tick.md",
    ]


def test_the_end_of_an_alert_says_so() -> None:
    over = Alert(**{**vars(ALERT), "resolved_at": SEEN + timedelta(minutes=5), "run_url": None})
    mail = describe_alert_mail(over)
    assert mail.subject == "leadflow over: failed tick"
    assert "Since 2026-03-01 12:30:00 UTC, over at 2026-03-01 12:35:00 UTC." in mail.text


def test_no_inbox_answers_it_and_a_repeat_has_the_same_id() -> None:
    mail = describe_alert_mail(ALERT)
    assert "Auto-Submitted: auto-generated" in build(mail)
    assert build(mail) == build(mail)
    assert build(mail) != build(mail, key="alert_mail:1:2")


def test_a_text_of_several_lines_makes_no_further_headers() -> None:
    written = build(AlertMail(subject="odd\r\nBcc: all@brokerage.example", text="x"))
    assert "\nBcc:" not in written
