"""The sandbox IMAP server as a process: what the inbox adapter and outside tools rely on."""

import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from imapclient import IMAPClient

from leadflow_pipeline.sandbox.mailbox import (
    INBOX,
    SANDBOX_HOST,
    SANDBOX_PASSWORD,
    SANDBOX_USER,
    MailboxUnreachableError,
    append_mails,
)

PLAIN = b"From: Ana Ruiz <ana@example.com>\r\nSubject: A house\r\n\r\nHello\r\n"
AWKWARD_MAILS = {
    "eight bit": b"Subject: \xe9t\xe9\r\n\r\n\xff\xfe caf\xc3\xa9\r\n",
    "NUL bytes": b"Subject: nul\r\n\r\na\x00b\r\n",
    "line feeds only": b"Subject: lf\nFrom: a@example.com\n\nbody\n",
    "no header": b"just words",
    "header only": b"Subject: nothing else\r\n",
    "unfinished multipart": b'Content-Type: multipart/mixed; boundary="x"\r\n\r\n--x\r\ncut of',
    "broken header": b"Content-Type: ;;;=\xff\r\nDate: \xff\r\nFrom: <<>>,,@\r\n\r\nbody\r\n",
    "two megabytes": b"Subject: big\r\n\r\n" + b"0123456789abcde\r\n" * 125_000,
}


def find_free_port() -> int:
    with socket.socket() as probe:
        probe.bind((SANDBOX_HOST, 0))
        return int(probe.getsockname()[1])


def start_server(port: int, folder: Path) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "leadflow_pipeline.sandbox.imap_server"]
    return subprocess.Popen([*command, "--port", str(port), "--folder", str(folder)], stderr=subprocess.PIPE, text=True)


def wait_until_open(port: int, server: "subprocess.Popen[str]") -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and server.poll() is None:
        try:
            socket.create_connection((SANDBOX_HOST, port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    pytest.fail(f"the server did not open port {port} (exit code {server.poll()})")


def end_server(server: "subprocess.Popen[str]", number: int = signal.SIGTERM) -> tuple[int, str]:
    if server.poll() is None:
        server.send_signal(number)
    try:
        _, stderr = server.communicate(timeout=10)
    except subprocess.TimeoutExpired:
        server.kill()
        server.communicate()
        raise
    return server.returncode, stderr


@contextmanager
def running_server(port: int, folder: Path) -> Iterator["subprocess.Popen[str]"]:
    server = start_server(port, folder)
    try:
        wait_until_open(port, server)
        yield server
    finally:
        end_server(server)


@pytest.fixture(scope="module")
def shared_port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """A server for the tests that only add their own mail."""
    port = find_free_port()
    with running_server(port, tmp_path_factory.mktemp("shared") / "mail"):
        yield port


@pytest.fixture
def port() -> int:
    return find_free_port()


@pytest.fixture
def server(port: int, tmp_path: Path) -> Iterator["subprocess.Popen[str]"]:
    with running_server(port, tmp_path / "mail") as running:
        yield running


@contextmanager
def logged_in(port: int) -> Iterator[IMAPClient]:
    with IMAPClient(SANDBOX_HOST, port=port, ssl=False, timeout=20) as client:
        client.normalise_times = False
        client.login(SANDBOX_USER, SANDBOX_PASSWORD)
        yield client


def send_samples(port: int, *mails: bytes) -> int:
    return append_mails(SANDBOX_HOST, port, SANDBOX_USER, SANDBOX_PASSWORD, mails)


def append_exactly(port: int, raw: bytes) -> int:
    """Append over a plain socket, because imaplib turns lone line feeds into CRLF; returns the UID."""
    with (
        socket.create_connection((SANDBOX_HOST, port), timeout=20) as connection,
        connection.makefile("rb") as lines,
    ):
        lines.readline()
        connection.sendall(f'a LOGIN "{SANDBOX_USER}" "{SANDBOX_PASSWORD}"\r\n'.encode())
        while not lines.readline().startswith(b"a OK"):
            pass
        connection.sendall(b"b APPEND INBOX {%d+}\r\n%b\r\n" % (len(raw), raw))
        answer = re.match(rb"b OK \[APPENDUID \d+ (\d+)\]", lines.readline())
        assert answer
        return int(answer[1])


@pytest.mark.parametrize("raw", AWKWARD_MAILS.values(), ids=AWKWARD_MAILS.keys())
def test_a_mail_comes_back_byte_for_byte(shared_port: int, raw: bytes) -> None:
    """pymap's maildir backend rewrites line ends and closes open boundaries: not what the sender sent."""
    uid = append_exactly(shared_port, raw)
    with logged_in(shared_port) as client:
        client.select_folder(INBOX, readonly=True)
        answer = client.fetch([uid], ["BODY.PEEK[]", "RFC822.SIZE", "FLAGS"])[uid]
        assert answer[b"BODY[]"] == raw
        assert answer[b"RFC822.SIZE"] == len(raw)
        assert b"\\Seen" not in answer[b"FLAGS"]


@pytest.mark.parametrize("raw", AWKWARD_MAILS.values(), ids=AWKWARD_MAILS.keys())
def test_mail_clients_may_ask_for_the_structure_of_a_broken_mail(shared_port: int, raw: bytes) -> None:
    uid = append_exactly(shared_port, raw)
    with logged_in(shared_port) as client:
        client.select_folder(INBOX, readonly=True)
        parts = ["ENVELOPE", "BODYSTRUCTURE", "BODY.PEEK[HEADER]", "BODY.PEEK[TEXT]", "BODY.PEEK[1]"]
        assert uid in client.fetch([uid], parts)


@pytest.mark.usefixtures("server")
def test_uids_above_a_watermark_are_found(port: int) -> None:
    assert send_samples(port, PLAIN, PLAIN, PLAIN) == 3
    with logged_in(port) as client:
        client.select_folder(INBOX, readonly=True)
        assert client.search(["UID", "2:*"]) == [2, 3]


@pytest.mark.usefixtures("server")
def test_the_arrival_time_given_with_a_mail_is_its_internaldate(port: int) -> None:
    arrived_at = datetime(2024, 2, 29, 23, 59, 58, tzinfo=UTC)
    with logged_in(port) as client:
        client.append(INBOX, PLAIN, msg_time=arrived_at)
        client.select_folder(INBOX, readonly=True)
        assert client.fetch([1], ["INTERNALDATE"])[1][b"INTERNALDATE"] == arrived_at


@pytest.mark.usefixtures("server")
def test_an_idling_client_hears_of_every_new_mail_at_once(port: int) -> None:
    """Also of one that arrives while the news of the mail before it is being written."""
    with logged_in(port) as idler, logged_in(port) as sender:
        idler.select_folder(INBOX, readonly=True)
        idler.idle()
        for expected in range(1, 31):
            sender.append(INBOX, PLAIN)
            heard: list[tuple[object, ...]] = []
            sent_at = time.monotonic()
            while (expected, b"EXISTS") not in heard and time.monotonic() - sent_at < 5:
                heard += idler.idle_check(timeout=1)
            assert (expected, b"EXISTS") in heard
            assert time.monotonic() - sent_at < 1
        idler.idle_done()


def test_a_restart_keeps_uidvalidity_uids_and_arrival_times(port: int, tmp_path: Path) -> None:
    """The UIDs are half of a mail's key: new ones would make every old mail a new lead."""
    folder = tmp_path / "mail"
    arrived_at = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
    with running_server(port, folder), logged_in(port) as client:
        client.append(INBOX, PLAIN, msg_time=arrived_at)
        send_samples(port, b"Subject: second\r\n\r\nx\r\n", PLAIN)
        before = client.select_folder(INBOX)
        client.delete_messages([3])
        client.expunge()
    with running_server(port, folder), logged_in(port) as client:
        send_samples(port, b"Subject: fourth\r\n\r\nx\r\n")
        after = client.select_folder(INBOX, readonly=True)
        assert after[b"UIDVALIDITY"] == before[b"UIDVALIDITY"]
        found = client.fetch(client.search("ALL"), ["BODY.PEEK[]", "INTERNALDATE"])
        assert sorted(found) == [1, 2, 4]
        assert found[1][b"INTERNALDATE"] == arrived_at
        assert found[4][b"BODY[]"] == b"Subject: fourth\r\n\r\nx\r\n"


def test_a_killed_server_loses_no_mail(port: int, tmp_path: Path) -> None:
    server = start_server(port, tmp_path / "mail")
    try:
        wait_until_open(port, server)
        send_samples(port, *[PLAIN] * 20)
    finally:
        end_server(server, signal.SIGKILL)
    with running_server(port, tmp_path / "mail"), logged_in(port) as client:
        assert client.select_folder(INBOX, readonly=True)[b"EXISTS"] == 20


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_server_cleanly_even_with_an_idling_client(
    port: int, server: "subprocess.Popen[str]", number: int
) -> None:
    client = IMAPClient(SANDBOX_HOST, port=port, ssl=False, timeout=20)
    try:
        client.login(SANDBOX_USER, SANDBOX_PASSWORD)
        client.select_folder(INBOX, readonly=True)
        client.idle()
        returncode, stderr = end_server(server, number)
        assert returncode == 0
        assert "Traceback" not in stderr
    finally:
        client.shutdown()


def test_a_signal_cuts_all_connections_and_new_ones_are_taken(port: int, server: "subprocess.Popen[str]") -> None:
    """So that a test can do what a network does."""
    with socket.create_connection((SANDBOX_HOST, port), timeout=20) as connection:
        assert connection.recv(4) == b"* OK"
        server.send_signal(signal.SIGUSR1)
        assert b"BYE" not in connection.makefile("rb").read()  # comes back when the connection has ended
    assert send_samples(port, PLAIN) == 1


@pytest.mark.usefixtures("server")
def test_a_port_in_use_is_one_clear_sentence(port: int, tmp_path: Path) -> None:
    returncode, stderr = end_server_by_itself(start_server(port, tmp_path / "other"))
    assert returncode == 1
    assert stderr.count("\n") == 1
    assert f"Port {port}" in stderr
    assert "LEADFLOW_SANDBOX_IMAP_PORT" in stderr


@pytest.mark.usefixtures("server")
def test_a_folder_has_one_server(tmp_path: Path) -> None:
    """Two would give the same UID to two mails, and the second would be taken for known."""
    returncode, stderr = end_server_by_itself(start_server(find_free_port(), tmp_path / "mail"))
    assert returncode == 1
    assert "in use by another process" in stderr


def end_server_by_itself(server: "subprocess.Popen[str]") -> tuple[int, str]:
    try:
        _, stderr = server.communicate(timeout=20)
    finally:
        if server.poll() is None:
            end_server(server)
    return server.returncode, stderr


def test_the_log_holds_no_mail_and_no_password(port: int, tmp_path: Path) -> None:
    server = start_server(port, tmp_path / "mail")
    try:
        wait_until_open(port, server)
        send_samples(port, PLAIN)
    finally:
        _, stderr = end_server(server)
    assert "ana@example.com" not in stderr
    assert SANDBOX_PASSWORD + '"' not in stderr


def test_a_missing_server_is_named_with_the_remedy(port: int) -> None:
    with pytest.raises(MailboxUnreachableError, match=f"127.0.0.1:{port}: start the stack"):
        send_samples(port, PLAIN)
