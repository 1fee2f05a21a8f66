"""The drip over its weeks: the right people, the right rounds, an end when it has to end, nothing to the suppressed.

Time travels: each round is told the day on which it comes.
"""

import smtplib
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
import requests
from aiosmtpd.smtp import AuthResult

from leadflow_pipeline.adapters.database import Database
from leadflow_pipeline.adapters.mail_server import MailboxRefusedError, SmtpServer
from leadflow_pipeline.adapters.mail_templates import MailTemplates
from leadflow_pipeline.bench.stand_ins import serve_vendors
from leadflow_pipeline.domain.errors import PermanentError, TransientError
from leadflow_pipeline.sandbox.vendor_control import Behaviour, Control
from leadflow_pipeline.sandbox.vendors.smtp import KeptMail, SmtpStandIn, as_vendor
from leadflow_pipeline.settings import Settings
from leadflow_pipeline.stages.deliveries import deliver_effects
from leadflow_pipeline.stages.drip_mails import DripCounts, run_drip_round, unsubscribe_lead
from leadflow_pipeline.stages.drip_sender import DripSender
from leadflow_pipeline_tests.integration.test_crm_and_texts import assign
from leadflow_pipeline_tests.integration.test_pipeline import Query

ZONE = "America/New_York"
HELLO = "Lakeside Homes <hello@lakeside.example>"
FIRST_TUESDAY = datetime(2026, 12, 1, 15, 0, tzinfo=UTC)  # 10 in New York, 9 in Texas
INQUIRED = FIRST_TUESDAY - timedelta(days=5)


class Outgoing:
    """A mail server that keeps what it takes."""

    def __init__(self, raising: Exception | None = None) -> None:
        self.mails: list[EmailMessage] = []
        self.raising = raising

    def send_mail(self, message: EmailMessage) -> None:
        if self.raising is not None:
            raise self.raising
        self.mails.append(message)


@pytest.fixture
def mailbox() -> Outgoing:
    return Outgoing()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(_env_file=None, home=tmp_path, crm="none")


@pytest.fixture
def week(database: Database, mailbox: Outgoing, query: Query) -> Callable[[int], DripCounts]:
    """Lets the round of this week (from 1) come, and delivers what it queued."""

    def run(number: int, *, dry_run: bool = False) -> DripCounts:
        now = FIRST_TUESDAY + timedelta(weeks=number - 1)
        counts = run_drip_round(database, now=now, time_zone=ZONE, dry_run=dry_run)
        query("update delivery.outbox set due_at = now() - interval '1 s' where status = 'pending'")
        deliver_effects(database, {"drip_mail": build_sender(database, mailbox, now)}, seconds=20)
        return counts

    return run


def build_sender(database: Database, server: Any, now: datetime) -> DripSender:
    return DripSender(
        store=database,
        server=server,
        templates=MailTemplates(),
        refused=MailboxRefusedError,
        sender=HELLO,
        postal_address="100 Example Street, Austin, TX 78701",
        public_url="https://leads.example",
        time_zone=ZONE,
        now=lambda: now,
    )


def enrol(database: Database, settings: Settings, query: Query, **fields: object) -> None:
    """A low lead that inquired some days before the first round."""
    known = {row[0] for row in query("select lead_id from delivery.drip_sequences")}
    assign(database, settings, **{"message": "just looking", **fields})
    for (lead_id,) in query("select lead_id from delivery.drip_sequences"):
        if lead_id not in known:
            query("update delivery.drip_sequences set next_on = %s where lead_id = %s", INQUIRED.date(), lead_id)


def recipients(mailbox: Outgoing) -> list[str]:
    return [message["To"].addresses[0].addr_spec for message in mailbox.mails]


def test_a_low_lead_gets_four_mails_in_the_weeks_meant_for_them_and_then_no_more(
    database: Database, settings: Settings, query: Query, mailbox: Outgoing, week: Callable[[int], DripCounts]
) -> None:
    enrol(database, settings, query, email="rosa@example.com")
    sent_in = []
    for number in range(1, 13):
        before = len(mailbox.mails)
        week(number)
        if len(mailbox.mails) > before:
            sent_in.append(number)
    assert sent_in == [1, 2, 4, 8]
    assert recipients(mailbox) == ["rosa@example.com"] * 4
    assert len({message["Subject"] for message in mailbox.mails}) == 4
    assert query("select end_reason from delivery.drip_sequences") == [("over",)]


def test_a_round_done_twice_sends_nothing_twice(
    database: Database, settings: Settings, query: Query, mailbox: Outgoing, week: Callable[[int], DripCounts]
) -> None:
    enrol(database, settings, query)
    week(1)
    week(1)
    assert len(mailbox.mails) == 1


def test_a_mail_says_whose_it_is_and_how_to_end_it(
    database: Database, settings: Settings, query: Query, mailbox: Outgoing, week: Callable[[int], DripCounts]
) -> None:
    enrol(database, settings, query, address="")
    week(1)
    [message] = mailbox.mails
    assert message["From"] == HELLO
    assert message["List-Unsubscribe"].startswith("<https://leads.example/unsubscribe/1-")
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert (message["Auto-Submitted"], message["Precedence"]) == ("auto-generated", "bulk")
    for kind in ("plain", "html"):
        body = message.get_body((kind,)).get_content()  # type: ignore[union-attr]
        assert "100 Example Street" in body
        assert message["List-Unsubscribe"].strip("<>") in body
    [(consent,)] = query("select consent from delivery.drip_sequences")
    assert {"basis", "source", "event_id", "received_at"} <= consent.keys()


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"email": "abcdef@convo.zillow.com"}, "a portal's relay"),
        ({"email": "info@example.com"}, "nobody's own address"),
        ({"email": ""}, "no address"),
        ({"message": "I am an investor"}, "an agent has this one"),
    ],
)
def test_who_must_not_be_written_to_is_not_enrolled(
    database: Database, settings: Settings, query: Query, fields: dict[str, str], why: str
) -> None:
    enrol(database, settings, query, **fields)
    assert query("select count(*) from delivery.drip_sequences") == [(0,)], why


def test_a_person_with_two_inquiries_gets_one_sequence(
    database: Database, settings: Settings, query: Query, mailbox: Outgoing, week: Callable[[int], DripCounts]
) -> None:
    enrol(database, settings, query, email="rosa@example.com", message="just looking")
    enrol(database, settings, query, email="Rosa@example.com", message="still just looking")
    week(1)
    assert len(mailbox.mails) == 1


def answer(query: Query, raw: str, mailbox: Outgoing) -> None:
    """A mail about the first mail that was sent comes to the inbox."""
    text = raw.replace("MESSAGE-ID", str(mailbox.mails[0]["Message-ID"]))
    query(
        "insert into landing.events (channel, source, external_id, received_at, content_type, raw, content_hash)"
        " values ('email', 'inbox', %s, %s, 'message/rfc822', %s, %s)",
        str(hash(text)), FIRST_TUESDAY, text.replace("\n", "\r\n").encode(), str(hash(text)),
    )  # fmt: skip


REPORT = """From: MAILER-DAEMON@example.com
Content-Type: multipart/report; report-type=delivery-status; boundary=b

--b
Content-Type: text/plain

Your message could not be delivered.
--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.com

Final-Recipient: rfc822; person1@example.com
Action: ACTION
Status: STATUS

--b
Content-Type: text/rfc822-headers

Message-ID: MESSAGE-ID

--b--
"""
COMPLAINT = """From: fbl@example.com
Content-Type: multipart/report; report-type=feedback-report; boundary=b

--b
Content-Type: message/feedback-report

Feedback-Type: abuse

--b
Content-Type: text/rfc822-headers

Message-ID: MESSAGE-ID

--b--
"""
REPLY = "From: person1@example.com\nSubject: Re: hello\nIn-Reply-To: MESSAGE-ID\n\nPlease call me.\n"
ABSENT = "From: person1@example.com\nAuto-Submitted: auto-replied\nIn-Reply-To: MESSAGE-ID\n\nI am away.\n"


@pytest.mark.parametrize(
    ("raw", "end_reason", "suppressed"),
    [
        pytest.param(REPLY, "replied", 0, id="a reply"),
        pytest.param(REPORT.replace("ACTION", "failed").replace("STATUS", "5.1.1"), "bounced", 1, id="a bounce"),
        pytest.param(REPORT.replace("ACTION", "delayed").replace("STATUS", "4.2.2"), None, 0, id="a delay"),
        pytest.param(COMPLAINT, "unsubscribed", 1, id="a complaint"),
        pytest.param(ABSENT, None, 0, id="an answering machine"),
        pytest.param(REPLY.replace("MESSAGE-ID", "<leadflow-drip.1-AAAAAAAAAAAA.0@x>"), None, 0, id="a forgery"),
    ],
)
def test_what_comes_back_to_the_inbox_ends_the_mails_where_it_has_to(
    database: Database,
    settings: Settings,
    query: Query,
    mailbox: Outgoing,
    week: Callable[[int], DripCounts],
    raw: str,
    end_reason: str | None,
    suppressed: int,
) -> None:
    enrol(database, settings, query)
    week(1)
    answer(query, raw, mailbox)
    week(2)
    assert query("select end_reason from delivery.drip_sequences") == [(end_reason,)]
    assert query("select count(*) from delivery.suppressions") == [(suppressed,)]
    assert len(mailbox.mails) == (1 if end_reason else 2)


def test_whoever_becomes_a_lead_again_gets_no_more_mails(
    database: Database, settings: Settings, query: Query, mailbox: Outgoing, week: Callable[[int], DripCounts]
) -> None:
    enrol(database, settings, query, email="rosa@example.com")
    week(1)
    enrol(database, settings, query, email="rosa@example.com", message="now I am a cash buyer")
    week(2)
    assert len(mailbox.mails) == 1
    assert query("select end_reason from delivery.drip_sequences") == [("lead_again",)]


def test_nobody_who_unsubscribed_gets_a_mail_not_even_one_that_is_queued(
    database: Database, settings: Settings, query: Query, mailbox: Outgoing
) -> None:
    enrol(database, settings, query)
    run_drip_round(database, now=FIRST_TUESDAY, time_zone=ZONE, dry_run=False)
    unsubscribe_lead(database, 1)
    unsubscribe_lead(database, 1)
    query("update delivery.outbox set due_at = now()")
    deliver_effects(database, {"drip_mail": build_sender(database, mailbox, FIRST_TUESDAY)}, seconds=20)
    assert mailbox.mails == []
    references = query("select vendor_reference from delivery.outbox where kind = 'drip_mail'")
    assert references == [("not sent: the person is on the suppression list",)]
    enrol(database, settings, query, message="looking again")
    assert query("select count(*) from delivery.drip_sequences") == [(1,)]


def test_a_mailbox_that_refuses_for_good_is_left_alone(
    database: Database, settings: Settings, query: Query, mailbox: Outgoing, week: Callable[[int], DripCounts]
) -> None:
    enrol(database, settings, query)
    mailbox.raising = MailboxRefusedError("The mailbox takes no mail (SMTP 550).")
    week(1)
    assert query("select address, reason from delivery.suppressions") == [("person1@example.com", "bounced")]
    assert query("select end_reason from delivery.drip_sequences") == [("bounced",)]


def test_a_mail_whose_answer_got_lost_is_not_sent_again(
    database: Database, settings: Settings, query: Query, mailbox: Outgoing, week: Callable[[int], DripCounts]
) -> None:
    enrol(database, settings, query)
    mailbox.raising = TransientError("no answer", may_have_acted=True)
    week(1)
    mailbox.raising = None
    query("update delivery.outbox set due_at = now(), lease_until = now() - interval '1 s' where status = 'pending'")
    deliver_effects(database, {"drip_mail": build_sender(database, mailbox, FIRST_TUESDAY)}, seconds=20)
    assert mailbox.mails == []
    [(reference,)] = query("select vendor_reference from delivery.outbox where kind = 'drip_mail'")
    assert "not repeated" in reference


def test_a_dry_run_queues_nothing_and_loses_nothing(
    database: Database, settings: Settings, query: Query, mailbox: Outgoing, week: Callable[..., DripCounts]
) -> None:
    enrol(database, settings, query)
    assert week(1, dry_run=True).would_queue == 1
    assert mailbox.mails == []
    week(2)
    assert len(mailbox.mails) == 1


def test_an_old_inquiry_is_no_reason_to_write(
    database: Database, settings: Settings, query: Query, mailbox: Outgoing, week: Callable[[int], DripCounts]
) -> None:
    """A drip that is switched on after months must not write to everybody of those months."""
    enrol(database, settings, query)
    week(8)
    assert mailbox.mails == []
    assert query("select end_reason from delivery.drip_sequences") == [("stale",)]


def test_a_mail_waits_for_the_morning_where_the_lead_lives(
    database: Database, settings: Settings, query: Query
) -> None:
    """10 in New York is 5 in Honolulu."""
    enrol(database, settings, query, phone="(808) 555-0142")
    run_drip_round(database, now=FIRST_TUESDAY, time_zone=ZONE, dry_run=False)
    [(due_at,)] = query("select due_at from delivery.outbox where kind = 'drip_mail'")
    assert due_at == datetime(2026, 12, 1, 18, 0, tzinfo=UTC)  # 8 in Honolulu
    mailbox = Outgoing()
    query("update delivery.outbox set due_at = now()")
    counts = deliver_effects(database, {"drip_mail": build_sender(database, mailbox, FIRST_TUESDAY)}, seconds=20)
    assert (counts.put_off, mailbox.mails) == (1, [])


@contextmanager
def serve(account: SmtpStandIn, port: int, behaviour: Behaviour | None = None, **options: Any) -> Iterator[Control]:
    control = Control(behaviour or Behaviour())
    with account.beside(port, **options)(control):
        yield control


def a_mail(to: str = "rosa@example.com") -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = HELLO, to, "Hello"
    message.set_content("text")
    return message


@pytest.mark.parametrize(
    ("behaviour", "to", "error", "status"),
    [
        pytest.param({}, "rosa@example.com", None, 250, id="taken"),
        pytest.param({"down": True}, "rosa@example.com", TransientError, 421, id="down"),
        pytest.param({"failure_rate": 1}, "rosa@example.com", TransientError, 451, id="a temporary failure"),
        pytest.param({}, "rosa@bounce.test", MailboxRefusedError, None, id="no such mailbox"),
    ],
)
def test_what_the_mail_server_answers_is_read_as_smtp_means_it(
    free_port: int, behaviour: dict[str, Any], to: str, error: type[Exception] | None, status: int | None
) -> None:
    account = SmtpStandIn()
    with serve(account, free_port, Behaviour(**behaviour)) as control:
        server = SmtpServer(host="127.0.0.1", port=free_port, security="none")
        if error is None:
            server.send_mail(a_mail(to))
        else:
            with pytest.raises(error):
                server.send_mail(a_mail(to))
        assert [call.status for call in control.calls] == ([status] if status else [])
    assert [mail.recipients for mail in account.mails] == ([] if error else [(to,)])


def test_starttls_comes_before_the_log_in_and_an_unknown_certificate_is_refused(free_port: int, tmp_path: Path) -> None:
    certificate = make_certificate(tmp_path)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    seen: list[bool] = []

    def log_in(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:  # noqa: ARG001
        seen.append(session.ssl is not None)
        return AuthResult(success=data.password == b"secret", handled=False)

    account = SmtpStandIn()
    with serve(account, free_port, tls_context=context, require_starttls=True, authenticator=log_in):
        values: dict[str, Any] = {"host": "localhost", "port": free_port, "user": "leadflow"}
        SmtpServer(**values, password="secret", ca_file=str(certificate)).send_mail(a_mail())
        with pytest.raises(TransientError, match="log-in"):
            SmtpServer(**values, password="wrong", ca_file=str(certificate)).send_mail(a_mail())
        with pytest.raises(TransientError, match="SSLCertVerificationError"):
            SmtpServer(**values, password="secret").send_mail(a_mail())
    assert seen
    assert all(seen)
    assert isinstance(account.mails[0], KeptMail)


def make_certificate(folder: Path) -> Path:
    """A certificate of its own making for localhost, with its key."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = folder / "certificate.pem"
    file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    return file


def test_a_server_that_is_not_there_can_be_tried_again(free_port: int) -> None:
    with pytest.raises(TransientError) as caught:
        SmtpServer(host="127.0.0.1", port=free_port, security="none").send_mail(a_mail())
    assert not caught.value.may_have_acted


def test_a_mail_refused_for_its_content_is_no_bounce(free_port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise smtplib.SMTPDataError(554, b"5.6.0 no")

    with serve(SmtpStandIn(), free_port):
        monkeypatch.setattr(smtplib.SMTP, "send_message", refuse)
        with pytest.raises(PermanentError) as caught:
            SmtpServer(host="127.0.0.1", port=free_port, security="none").send_mail(a_mail())
    assert not isinstance(caught.value, MailboxRefusedError)


def test_the_sandbox_s_mail_server_runs_beside_the_vendors_and_its_calls_and_mails_can_be_seen(free_port: int) -> None:
    with serve_vendors([as_vendor(SmtpStandIn(), free_port)]) as url:
        server = SmtpServer(host="127.0.0.1", port=free_port, security="none")
        server.send_mail(a_mail())
        requests.post(f"{url}/_control/smtp", json={"down": True}, timeout=10).raise_for_status()
        with pytest.raises(TransientError, match="421"):
            server.send_mail(a_mail())
        calls = requests.get(f"{url}/_calls/smtp", timeout=10).json()
        assert [(call["method"], call["status"], call["body"]["to"]) for call in calls] == [
            ("DATA", 250, ["rosa@example.com"]),
            ("DATA", 421, ["rosa@example.com"]),
        ]
        assert "Hello" in requests.get(f"{url}/_page/smtp/", timeout=10).text
        assert requests.get(f"{url}/_page/smtp/7", timeout=10).status_code == 404
