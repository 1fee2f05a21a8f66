"""Dovecot and the sandbox's server: what happens to mails when the server, the network or a mail fails. All invented.

Dovecot runs without privileges on loopback, from a folder of its own; Debian's package is dovecot-imapd. Where it is
not installed its tests are skipped.
"""

import grp
import json
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import parse_qs, urlsplit

import pytest
from imapclient import IMAPClient

from leadflow_pipeline.adapters.database import Database
from leadflow_pipeline.adapters.imap_accounts import list_accounts
from leadflow_pipeline.adapters.imap_mailbox import REFUSALS_OF_A_BAD_MAIL, ImapAccount, ImapMailbox
from leadflow_pipeline.adapters.oauth2_tokens import OAuth2Grant
from leadflow_pipeline.domain.errors import PermanentError, TransientError
from leadflow_pipeline.sandbox.mailbox import INBOX, SANDBOX_HOST, SANDBOX_PASSWORD, SANDBOX_USER
from leadflow_pipeline.settings import Settings
from leadflow_pipeline.stages.mail_intake import WatchTimes, land_new_mails, watch_mailboxes
from leadflow_pipeline_tests.integration.test_sandbox_mailbox import (
    end_server,
    find_free_port,
    start_server,
    wait_until_open,
)

Query = Callable[..., list[tuple[Any, ...]]]

DOVECOT = shutil.which("dovecot", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")

DOVECOT_SETTINGS = """
protocols = imap
listen = {host}
base_dir = {home}/run
state_dir = {home}/state
log_path = {home}/log
ssl = no
disable_plaintext_auth = no
auth_mechanisms = plain login
mail_location = maildir:{home}/mail
default_internal_user = {user}
default_internal_group = {group}
default_login_user = {user}
shutdown_clients = yes
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={home}
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
service anvil {{
  chroot =
}}
service stats {{
  chroot =
}}
"""


def write_mail(number: int) -> bytes:
    return f"From: Lead {number} <lead{number}@example.com>\r\nSubject: House {number}\r\n\r\nCall me.\r\n".encode()


class MailServer(Protocol):
    """A server that a test starts, ends and spoils."""

    port: int

    def start(self) -> None: ...

    def end(self, number: int = signal.SIGTERM) -> None: ...

    def renumber(self) -> None:
        """Give all mails other UIDs; only while it is not running."""

    def spoil(self, uid: int) -> None:
        """Make a mail one that the server has and cannot give."""

    def heal(self, uid: int) -> None:
        """Make it one that it can give."""


class SandboxServer:
    """The sandbox's own, which is pymap."""

    def __init__(self, home: Path) -> None:
        self.port = find_free_port()
        self._folder = home / "mail"

    def start(self) -> None:
        self._process = start_server(self.port, self._folder)
        wait_until_open(self.port, self._process)

    def end(self, number: int = signal.SIGTERM) -> None:
        end_server(self._process, number)

    def renumber(self) -> None:
        (self._folder / "uidvalidity").write_text("77\n")

    def spoil(self, uid: int) -> None:
        mail = self._folder / f"{uid}.eml"
        mail.rename(mail.with_suffix(".spoilt"))
        mail.mkdir()

    def heal(self, uid: int) -> None:
        mail = self._folder / f"{uid}.eml"
        mail.rmdir()
        mail.with_suffix(".spoilt").rename(mail)


class DovecotServer:
    """Dovecot with one account over a maildir."""

    def __init__(self, home: Path, more_settings: str = "") -> None:
        self.port = find_free_port()
        self._home = home
        self._more_settings = more_settings
        # Dovecot gives no mail to root.
        self._user = pwd.getpwnam("nobody") if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())
        os.chown(home, self._user.pw_uid, self._user.pw_gid)

    def start(self) -> None:
        assert DOVECOT is not None
        settings = self._home / "dovecot.conf"
        settings.write_text(
            DOVECOT_SETTINGS.format(
                host=SANDBOX_HOST,
                port=self.port,
                home=self._home,
                password=SANDBOX_PASSWORD,
                user=self._user.pw_name,
                group=_name_of_group(self._user.pw_gid),
                uid=self._user.pw_uid,
                gid=self._user.pw_gid,
            )
            + self._more_settings
        )
        own = {} if os.geteuid() else {"user": self._user.pw_uid, "group": self._user.pw_gid, "extra_groups": []}
        self._process = subprocess.Popen(
            [DOVECOT, "-F", "-c", str(settings)], stderr=subprocess.DEVNULL, text=True, **own
        )
        wait_until_open(self.port, self._process)

    def end(self, number: int = signal.SIGTERM) -> None:
        # A killed master leaves its children, which keep port and connections: all are ended with it.
        children = _children_of(self._process.pid)
        if self._process.poll() is None:
            self._process.send_signal(number)
        self._process.wait(timeout=10)
        for child in children:
            with suppress(ProcessLookupError):
                os.kill(child, number)
        _wait_until_closed(self.port)

    def renumber(self) -> None:
        for known in [*self._mails.glob("dovecot*"), *self._mails.glob("maildir*")]:
            known.unlink()
        time.sleep(1.1)  # its UIDVALIDITY is the second in which a folder was first seen

    def spoil(self, uid: int) -> None:
        self._file_of(uid).chmod(0)

    def heal(self, uid: int) -> None:
        self._file_of(uid).chmod(0o600)

    def _file_of(self, uid: int) -> Path:
        lines = (self._mails / "dovecot-uidlist").read_text().splitlines()
        name = next(line for line in lines if line.startswith(f"{uid} ")).rpartition(":")[2]
        return next(file for file in (self._mails / "cur").iterdir() if file.name.partition(":")[0] == name)

    @property
    def _mails(self) -> Path:
        return self._home / "mail"


def _name_of_group(gid: int) -> str:
    return grp.getgrgid(gid).gr_name


def _children_of(pid: int) -> list[int]:
    found = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(child) for child in found.read_text().split()] if found.exists() else []


def _wait_until_closed(port: int) -> None:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            socket.create_connection((SANDBOX_HOST, port), timeout=1).close()
        except OSError:
            return
        time.sleep(0.05)
    pytest.fail(f"port {port} stays open")


@contextmanager
def running_dovecot(more_settings: str = "") -> Iterator[DovecotServer]:
    if DOVECOT is None:
        pytest.skip("Dovecot is not installed; on Debian: apt-get install dovecot-imapd")
    with tempfile.TemporaryDirectory(prefix="leadflow-mail-") as home:
        os.chmod(home, 0o755)
        running = DovecotServer(Path(home), more_settings)
        running.start()
        try:
            yield running
        finally:
            running.end()


@pytest.fixture(params=[SandboxServer, DovecotServer], ids=["sandbox", "dovecot"])
def server(request: pytest.FixtureRequest) -> Iterator[MailServer]:
    """Each of the servers, running."""
    if request.param is DovecotServer:
        with running_dovecot() as dovecot:
            yield dovecot
        return
    with tempfile.TemporaryDirectory(prefix="leadflow-mail-") as home:
        sandbox = SandboxServer(Path(home))
        sandbox.start()
        try:
            yield sandbox
        finally:
            sandbox.end()


def open_mailbox(port: int, **changes: Any) -> ImapMailbox:
    account = {"user": SANDBOX_USER, "password": SANDBOX_PASSWORD, **changes}
    return ImapMailbox(ImapAccount(host=SANDBOX_HOST, port=port, tls=False, **account))


@pytest.fixture
def mailbox(server: MailServer) -> Iterator[ImapMailbox]:
    """The server's INBOX; connects when it is used."""
    opened = open_mailbox(server.port)
    yield opened
    opened.close()


def append(server: MailServer, *mails: bytes) -> None:
    with IMAPClient(SANDBOX_HOST, port=server.port, ssl=False, timeout=20) as client:
        client.login(SANDBOX_USER, SANDBOX_PASSWORD)
        for raw in mails:
            client.append(INBOX, raw)


def land(database: Database, mailbox: ImapMailbox) -> int:
    today = datetime.now(UTC).date()
    return land_new_mails(database, mailbox, backfill_days=36_500, today=today, seconds=20).landed


def land_through(database: Database, mailbox: ImapMailbox, looks: int = 8) -> None:
    """Look as the sensor does, whatever fails, until there is nothing left to land."""
    for _ in range(looks):
        with suppress(TransientError):
            if not land(database, mailbox):
                return


def read_pending(query: Query) -> list[bytes]:
    return [bytes(raw) for (raw,) in query("select raw from landing.events where status = 'pending' order by event_id")]


def test_a_new_mail_is_heard_by_idle_and_lands_at_once(
    server: MailServer, mailbox: ImapMailbox, database: Database, query: Query
) -> None:
    """Ten times over: a moment in which nobody listens is hit now and then only."""
    land(database, mailbox)
    times = WatchTimes(landing_seconds=5, waiting_seconds=20, holding_seconds=0)
    for number in range(10):
        arrival = threading.Timer(0.02 * number, append, [server, write_mail(number)])
        arrival.start()
        started_at = time.monotonic()
        watch = watch_mailboxes(database, [mailbox], times, backfill_days=1, today=datetime.now(UTC).date())
        assert watch.landed == 1
        assert time.monotonic() - started_at < 5
        arrival.join()
    assert read_pending(query) == [write_mail(number) for number in range(10)]


def test_a_server_that_numbers_its_mails_anew_gives_every_mail_once(
    server: MailServer, mailbox: ImapMailbox, database: Database, query: Query
) -> None:
    append(server, *[write_mail(number) for number in range(5)])
    assert land(database, mailbox) == 5
    before = mailbox.select()
    server.end()
    server.renumber()
    server.start()
    append(server, write_mail(5))
    land_through(database, mailbox)
    assert mailbox.select() != before
    assert sorted(read_pending(query)) == [write_mail(number) for number in range(6)]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL], ids=["ended", "killed"])
def test_a_server_that_comes_back_gives_every_mail_once(
    server: MailServer, mailbox: ImapMailbox, database: Database, query: Query, number: int
) -> None:
    append(server, write_mail(0))
    land(database, mailbox)
    server.end(number)
    for _ in range(2):
        with pytest.raises(TransientError):
            land(database, mailbox)
    server.start()
    append(server, write_mail(1))
    land_through(database, mailbox)
    assert read_pending(query) == [write_mail(0), write_mail(1)]


class CuttingLine:
    """A line to a server that breaks when so many bytes of answers have come through it."""

    def __init__(self, port: int) -> None:
        self._server_port = port
        self._listener = socket.create_server((SANDBOX_HOST, 0))
        self._listener.settimeout(0.1)
        self.port = int(self._listener.getsockname()[1])
        self.cuts: list[int] = []  # for one connection after the other
        self._is_over = threading.Event()
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def close(self) -> None:
        self._is_over.set()
        for thread in self._threads:
            thread.join(timeout=10)
        self._listener.close()

    def _accept(self) -> None:
        while not self._is_over.is_set():
            with suppress(TimeoutError):
                client, _ = self._listener.accept()
                server = socket.create_connection((SANDBOX_HOST, self._server_port))
                self._carry(client, server, self.cuts.pop(0) if self.cuts else 2**40)

    def _carry(self, client: socket.socket, server: socket.socket, room: int) -> None:
        for source, target, limit in ((client, server, 2**40), (server, client, room)):
            thread = threading.Thread(target=self._copy, args=(source, target, limit))
            self._threads.append(thread)
            thread.start()

    def _copy(self, source: socket.socket, target: socket.socket, room: int) -> None:
        source.settimeout(0.1)
        while not self._is_over.is_set() and room:
            try:
                data = source.recv(min(room, 4096))
                target.sendall(data)
            except TimeoutError:
                continue
            except OSError:
                break
            room -= len(data)
            if not data:
                break
        for end in (source, target):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()


@pytest.fixture
def line(server: MailServer) -> Iterator[CuttingLine]:
    """A line that can be cut."""
    opened = CuttingLine(server.port)
    yield opened
    opened.close()


def test_a_connection_cut_in_the_middle_of_a_mail_loses_and_doubles_none(
    server: MailServer, line: CuttingLine, database: Database, query: Query
) -> None:
    """Cut at every depth of the conversation: greeting, log-in, list of mails, half of a mail."""
    mails = [write_mail(number) + b"x" * 20_000 + b"\r\n" for number in range(12)]
    append(server, *mails)
    line.cuts = [10, 300, 800, 2_000, 5_000, 30_000, 60_000]
    mailbox = open_mailbox(line.port)
    try:
        deadline = time.monotonic() + 60
        while len(read_pending(query)) < len(mails) and time.monotonic() < deadline:
            with suppress(TransientError):
                land(database, mailbox)
            mailbox._rests_until = 0  # the test does not wait
        assert not line.cuts
    finally:
        mailbox.close()
    assert read_pending(query) == mails
    assert query("select count(*) from landing.events") == [(len(mails),)]


def test_a_mail_that_the_server_cannot_give_is_recorded_and_stops_no_other(
    server: MailServer, mailbox: ImapMailbox, database: Database, query: Query
) -> None:
    append(server, *[write_mail(number) for number in range(1, 8)])
    with IMAPClient(SANDBOX_HOST, port=server.port, ssl=False, timeout=20) as client:
        client.login(SANDBOX_USER, SANDBOX_PASSWORD)
        client.select_folder(INBOX)  # a maildir's new mails get their names and numbers
        assert len(client.search("ALL")) == 7
    server.spoil(4)
    for _ in range(REFUSALS_OF_A_BAD_MAIL):
        with suppress(TransientError):
            land(database, mailbox)
    assert read_pending(query) == [write_mail(number) for number in (1, 2, 3, 5, 6, 7)]
    ((status, reason),) = query("select status, reason from landing.events where status <> 'pending'")
    assert (status, reason) == ("quarantined", "the server refuses it")
    append(server, write_mail(8))
    assert land(database, mailbox) == 1


def test_a_mail_that_the_server_can_give_again_is_fetched_then(
    server: MailServer, mailbox: ImapMailbox, database: Database, query: Query
) -> None:
    """A storage that was away for a minute looks like a bad mail."""
    append(server, write_mail(1))
    with IMAPClient(SANDBOX_HOST, port=server.port, ssl=False, timeout=20) as client:
        client.login(SANDBOX_USER, SANDBOX_PASSWORD)
        client.select_folder(INBOX)
    server.spoil(1)
    for _ in range(REFUSALS_OF_A_BAD_MAIL):
        with suppress(TransientError):
            land(database, mailbox)
    assert read_pending(query) == []
    times = WatchTimes(landing_seconds=0, waiting_seconds=0.1, holding_seconds=0)

    def watch() -> int:
        query("update landing.events set landed_at = now() - interval '2 minutes', fetch_tried_at = null")
        return watch_mailboxes(database, [mailbox], times, backfill_days=1, today=datetime.now(UTC).date()).landed

    assert watch() == 0
    server.heal(1)
    assert watch() == 1
    assert read_pending(query) == [write_mail(1)]
    assert watch() == 0


class TokenServer(ThreadingHTTPServer):
    """Gives an access token for the refresh token, each valid once, and tells Dovecot whose it is."""

    def __init__(self) -> None:
        super().__init__((SANDBOX_HOST, 0), TokenHandler)
        self.valid: set[str] = set()
        self.given = 0
        self.status = 200

    @property
    def address(self) -> str:
        return f"http://{SANDBOX_HOST}:{self.server_port}"


class TokenHandler(BaseHTTPRequestHandler):
    """POST gives a token, GET looks at one."""

    server: TokenServer

    def do_POST(self) -> None:
        form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        if self.server.status != 200 or form["refresh_token"] != ["granted"]:
            self._answer(self.server.status if self.server.status != 200 else 400, {"error": "invalid_grant"})
            return
        self.server.given += 1
        self.server.valid = {f"token-{self.server.given}"}
        self._answer(200, {"access_token": f"token-{self.server.given}", "expires_in": 3599})

    def do_GET(self) -> None:
        token = parse_qs(urlsplit(self.path).query)["access_token"][0]
        is_valid = token in self.server.valid
        self._answer(200 if is_valid else 401, {"email": SANDBOX_USER} if is_valid else {"error": "invalid_token"})

    def _answer(self, status: int, content: dict[str, object]) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Keep the test's output clean."""


@pytest.fixture
def token_server() -> Iterator[TokenServer]:
    """Where access tokens come from."""
    with TokenServer() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_a_mailbox_without_password_is_read_with_short_lived_tokens(
    token_server: TokenServer, database: Database, query: Query
) -> None:
    """XOAUTH2, against Dovecot's own check: a token for each log-in, and the error says which side refused."""
    with tempfile.NamedTemporaryFile("w", suffix=".conf") as tokens:
        tokens.write(
            f"tokeninfo_url = {token_server.address}/tokeninfo?access_token=\n"
            "introspection_mode = auth\nusername_attribute = email\n"
        )
        tokens.flush()
        os.chmod(tokens.name, 0o644)
        settings = (
            "auth_mechanisms = plain login xoauth2\n"
            f"passdb {{\n  driver = oauth2\n  mechanisms = xoauth2\n  args = {tokens.name}\n}}\n"
        )
        with running_dovecot(settings) as server:
            append(server, write_mail(1))
            grant = OAuth2Grant(
                token_url=f"{token_server.address}/token",
                client_id="leadflow",
                client_secret="secret",
                refresh_token="granted",
            )
            mailbox = open_mailbox(server.port, password="", oauth2=grant)
            try:
                assert land(database, mailbox) == 1
                mailbox.close()
                append(server, write_mail(2))
                assert land(database, mailbox) == 1
            finally:
                mailbox.close()
            assert token_server.given == 2
            withdrawn = replace(grant, refresh_token="withdrawn")
            with pytest.raises(PermanentError, match="LEADFLOW_IMAP_OAUTH2_REFRESH_TOKEN") as refused:
                open_mailbox(server.port, password="", oauth2=withdrawn).select()
            assert "withdrawn" not in str(refused.value)
            token_server.status = 503
            with pytest.raises(TransientError, match="503"):
                open_mailbox(server.port, password="", oauth2=grant).select()
    assert read_pending(query) == [write_mail(1), write_mail(2)]


@pytest.fixture
def certificate() -> Iterator[Path]:
    """A certificate for the loopback address, with its key in the same file, that nobody trusts."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    with tempfile.TemporaryDirectory(prefix="leadflow-tls-") as folder:
        os.chmod(folder, 0o755)
        file = Path(folder) / "certificate.pem"
        subject = ["-subj", "/CN=leadflow test", "-addext", f"subjectAltName=IP:{SANDBOX_HOST}"]
        command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *subject]
        subprocess.run([*command, "-keyout", str(file), "-out", f"{file}.crt"], check=True, capture_output=True)
        file.write_text(file.read_text() + Path(f"{file}.crt").read_text())
        file.chmod(0o644)
        yield file


def test_news_is_heard_over_tls_too_and_only_from_a_server_that_proves_its_name(
    certificate: Path, database: Database, query: Query, monkeypatch: pytest.MonkeyPatch
) -> None:
    """TLS has a buffer of its own between the socket and the reader: what lies in it must be heard."""
    tls_port = find_free_port()
    settings = (
        f"ssl = yes\nssl_cert = <{certificate}\nssl_key = <{certificate}\n"
        f"service imap-login {{\n  inet_listener imaps {{\n    port = {tls_port}\n    ssl = yes\n  }}\n}}\n"
    )
    with running_dovecot(settings) as server:
        account = {"host": SANDBOX_HOST, "port": tls_port, "user": SANDBOX_USER, "password": SANDBOX_PASSWORD}
        mailbox = ImapMailbox(ImapAccount(tls=True, **account))
        with pytest.raises(PermanentError, match="certificate"):
            mailbox.select()
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        times = WatchTimes(landing_seconds=5, waiting_seconds=20, holding_seconds=0)
        try:
            for number in range(5):
                arrival = threading.Timer(0.05 * number, append, [server, write_mail(number)])
                arrival.start()
                started_at = time.monotonic()
                watch = watch_mailboxes(database, [mailbox], times, backfill_days=1, today=datetime.now(UTC).date())
                assert (watch.landed, watch.errors) == (1, [])
                assert time.monotonic() - started_at < 5
                arrival.join()
            started_at = time.monotonic()
            assert mailbox.wait(0.5) is False
            assert 0.4 < time.monotonic() - started_at < 2
            cut = threading.Timer(0.3, server.end, [signal.SIGKILL])
            cut.start()
            with pytest.raises(TransientError):
                mailbox.wait(20)
            assert time.monotonic() - started_at < 5
            cut.join()
        finally:
            mailbox.close()
            server.start()
    assert read_pending(query) == [write_mail(number) for number in range(5)]


def test_several_folders_of_an_account_give_a_mail_once(database: Database, query: Query) -> None:
    """A filter that copies portal mails into a folder of their own makes no second lead."""
    with running_dovecot() as server:
        append(server, write_mail(1), write_mail(2))
        with IMAPClient(SANDBOX_HOST, port=server.port, ssl=False, timeout=20) as client:
            client.login(SANDBOX_USER, SANDBOX_PASSWORD)
            client.create_folder("Leads Größe")
            client.append("Leads Größe", write_mail(2))
            client.append("Leads Größe", write_mail(3))
        settings = Settings(
            _env_file=None,
            imap_host=SANDBOX_HOST,
            imap_port=server.port,
            imap_security="none",
            imap_user=SANDBOX_USER,
            imap_password=SANDBOX_PASSWORD,
            imap_folder="INBOX, Leads Größe",
        )
        mailboxes = [ImapMailbox(account) for account in list_accounts(settings)]
        times = WatchTimes(landing_seconds=5, waiting_seconds=0.1, holding_seconds=0)
        try:
            for _ in range(2):
                watch_mailboxes(database, mailboxes, times, backfill_days=1, today=datetime.now(UTC).date())
        finally:
            for mailbox in mailboxes:
                mailbox.close()
    assert sorted(read_pending(query)) == [write_mail(1), write_mail(2), write_mail(3)]
    assert query("select status, count(*) from landing.events group by status order by status") == [
        ("ignored", 1),
        ("pending", 3),
    ]
