"""From a mailbox to the landing table: a real IMAP server, a real database, and what goes wrong between them.

Three stand-ins where a real server does not fall over on demand: a mailbox in memory, a store that fails
half-way, and a server that answers from a script. All people are invented.
"""

import itertools
import re
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from imapclient import IMAPClient

from leadflow_pipeline.adapters import imap_mailbox
from leadflow_pipeline.adapters.database import Database
from leadflow_pipeline.adapters.imap_mailbox import (
    LARGEST_MAIL_BYTES,
    ImapAccount,
    ImapMailbox,
    RefusedError,
    RestingError,
)
from leadflow_pipeline.defs import sensors
from leadflow_pipeline.domain.errors import PermanentError, TransientError
from leadflow_pipeline.domain.fetched_mail import FetchedMail
from leadflow_pipeline.sandbox.mailbox import INBOX, SANDBOX_HOST, SANDBOX_PASSWORD, SANDBOX_USER
from leadflow_pipeline.stages.mail_intake import (
    CHUNK,
    Mailbox,
    MailCounts,
    WatchTimes,
    land_new_mails,
    list_silent_mailboxes,
    watch_mailboxes,
)
from leadflow_pipeline_tests.integration.test_sandbox_mailbox import append_exactly, logged_in, running_server

Query = Callable[..., list[tuple[Any, ...]]]

TODAY = date(2026, 3, 2)
NOON = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
ALL_TIME = 36_500
ACCOUNT = f"{SANDBOX_USER}@{SANDBOX_HOST}"

HOSTILE_MAILS = {
    "empty": b"",
    "one line end": b"\r\n",
    "NULs": b"Subject: a\x00b\r\n\r\n\x00\x00",
    "no header": b"just words, no line end",
    "no From, Date or Message-ID": b"Subject: A house\r\n\r\nCall me.\r\n",
    "eight-bit junk": b"\xff\xfe\x80" * 300,
    "unknown charset": b"Content-Type: text/plain; charset=x-klingon\r\n\r\n\xe9\xff\r\n",
    "line feeds only": b"Subject: lf\nFrom: a@example.com\n\nbody\n",
    "lone carriage returns": b"Subject: cr\rFrom: a@example.com\r\rbody\r",
    "unfinished multipart": b'Content-Type: multipart/mixed; boundary="x"\r\n\r\n--x\r\ncut of',
    "parts in parts": b"".join(
        b'Content-Type: multipart/mixed; boundary="%d"\r\n\r\n--%d\r\n' % (n, n) for n in range(300)
    ),
    "broken header": b"Content-Type: ;;;=\xff\r\nDate: \xff\r\nFrom: <<>>,,@\r\n\r\nbody\r\n",
    "a literal in the subject": b"Subject: {5}\r\n)\r\na1 OK done\r\n\r\n* 1 EXISTS\r\n",
    "a header of 100,000 characters": b"Subject: " + b"x" * 100_000 + b"\r\n\r\nbody\r\n",
    "two megabytes": b"Subject: big\r\n\r\n" + b"0123456789abcde\r\n" * 125_000,
}


def write_mail(number: int) -> bytes:
    return f"From: Lead {number} <lead{number}@example.com>\r\nSubject: House {number}\r\n\r\nCall me.\r\n".encode()


def count_by_status(query: Query) -> dict[str, int]:
    return dict(query("select status, count(*) from landing.events group by status"))


def read_watermark(query: Query) -> tuple[int, int] | None:
    rows = query("select uidvalidity, last_uid from landing.mailboxes")
    return (rows[0][0], rows[0][1]) if rows else None


# The real server


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the server keeps its mails."""
    return tmp_path / "mail"


@pytest.fixture
def server(free_port: int, folder: Path) -> Iterator[None]:
    """The sandbox IMAP server on `free_port`."""
    with running_server(free_port, folder):
        yield


def build_mailbox(port: int, **changes: Any) -> ImapMailbox:
    account = {"user": SANDBOX_USER, "password": SANDBOX_PASSWORD, **changes}
    return ImapMailbox(ImapAccount(host=SANDBOX_HOST, port=port, tls=False, **account))


@pytest.fixture
def mailbox(free_port: int) -> Iterator[ImapMailbox]:
    """The sandbox's mailbox; connects when it is used."""
    opened = build_mailbox(free_port)
    yield opened
    opened.close()


def land(database: Any, mailbox: Mailbox, *, backfill_days: int = ALL_TIME, today: date = TODAY) -> MailCounts:
    return land_new_mails(database, mailbox, backfill_days=backfill_days, today=today)


def append_at(port: int, raw: bytes, arrived_at: datetime) -> None:
    with logged_in(port) as client:
        client.append(INBOX, raw, msg_time=arrived_at)


@pytest.mark.usefixtures("server")
def test_new_mails_land_byte_for_byte_once_with_their_time_of_arrival(
    free_port: int, mailbox: ImapMailbox, database: Database, query: Query
) -> None:
    for number in range(3):
        append_at(free_port, write_mail(number), NOON + timedelta(minutes=number))
    assert land(database, mailbox) == MailCounts(landed=3, repeated=0, left=0)
    rows = query("select raw, received_at, status, channel, external_id, reason from landing.events order by event_id")
    assert [bytes(row[0]) for row in rows] == [write_mail(number) for number in range(3)]
    assert [row[1] for row in rows] == [NOON + timedelta(minutes=number) for number in range(3)]
    assert {(row[2], row[3], row[5]) for row in rows} == {("pending", "email", None)}
    uidvalidity = mailbox.select()
    assert [row[4] for row in rows] == [f"{ACCOUNT}/INBOX/{uidvalidity}/{uid}" for uid in (1, 2, 3)]
    assert read_watermark(query) == (uidvalidity, 3)
    assert land(database, mailbox) == MailCounts(landed=0, repeated=0, left=0)
    assert count_by_status(query) == {"pending": 3}


@pytest.mark.usefixtures("server")
def test_the_same_bytes_again_are_kept_and_ignored_with_the_reason(
    free_port: int, mailbox: ImapMailbox, database: Database, query: Query
) -> None:
    append_exactly(free_port, write_mail(1))
    land(database, mailbox)
    append_exactly(free_port, write_mail(1))
    append_exactly(free_port, write_mail(1) + b" ")
    assert land(database, mailbox) == MailCounts(landed=1, repeated=1, left=0)
    rows = query("select event_id, status, reason from landing.events order by event_id")
    assert [row[1] for row in rows] == ["pending", "ignored", "pending"]
    assert rows[1][2] == f"the same mail as event {rows[0][0]}"


@pytest.mark.usefixtures("server")
def test_hostile_mails_all_land(free_port: int, mailbox: ImapMailbox, database: Database, query: Query) -> None:
    """One malformed mail stopped whole mailboxes in five other systems: freescout#1999, zammad#2754."""
    stored = [raw for raw in HOSTILE_MAILS.values() if raw]  # an APPEND of nothing is a cancelled one
    for raw in stored:
        append_exactly(free_port, raw)
    assert land(database, mailbox).landed == len(stored)
    assert [bytes(raw) for (raw,) in query("select raw from landing.events order by event_id")] == stored


def test_an_empty_mail_lands(
    free_port: int, folder: Path, mailbox: ImapMailbox, database: Database, query: Query
) -> None:
    folder.mkdir()
    (folder / "1.eml").write_bytes(b"")
    (folder / "2.eml").write_bytes(write_mail(2))
    with running_server(free_port, folder):
        assert land(database, mailbox).landed == 2
        assert land(database, mailbox).landed == 0
    assert [bytes(raw) for (raw,) in query("select raw from landing.events order by event_id")] == [b"", write_mail(2)]


@pytest.mark.usefixtures("server")
def test_flags_in_the_mailbox_are_left_alone(free_port: int, mailbox: ImapMailbox, database: Database) -> None:
    """Agents work in the same inbox: a mail that turns read by itself is a lead nobody looks at."""
    append_exactly(free_port, write_mail(1))
    append_exactly(free_port, write_mail(2))
    with logged_in(free_port) as client:
        client.select_folder(INBOX)
        client.add_flags([2], [b"\\Flagged"])
        land(database, mailbox)
        client.noop()
        flags = client.fetch([1, 2], ["FLAGS"])
    assert b"\\Seen" not in flags[1][b"FLAGS"] + flags[2][b"FLAGS"]
    assert b"\\Flagged" not in flags[1][b"FLAGS"]
    assert b"\\Flagged" in flags[2][b"FLAGS"]


def test_a_mail_over_the_cap_comes_with_its_header_only_and_waits_in_quarantine(
    free_port: int, folder: Path, mailbox: ImapMailbox, database: Database, query: Query
) -> None:
    header = b"From: Ana Ruiz <ana@example.com>\r\nSubject: 70 photos\r\n\r\n"
    folder.mkdir()
    (folder / "1.eml").write_bytes(header + b"x" * (LARGEST_MAIL_BYTES - len(header)))
    (folder / "2.eml").write_bytes(header + b"x" * (LARGEST_MAIL_BYTES - len(header) + 1))
    (folder / "3.eml").write_bytes(write_mail(3))
    with running_server(free_port, folder):
        assert land(database, mailbox).left == 0
    rows = query("select length(raw), status, reason from landing.events order by event_id")
    assert rows[0] == (LARGEST_MAIL_BYTES, "pending", None)
    assert rows[1] == (len(header), "quarantined", "larger than 10 MiB; only its header was fetched")
    assert rows[2] == (len(write_mail(3)), "pending", None)


@pytest.mark.usefixtures("server")
def test_the_first_look_at_an_old_mailbox_takes_only_mails_since_the_backfill_day(
    free_port: int, mailbox: ImapMailbox, database: Database, query: Query
) -> None:
    for number, days_ago in enumerate([400, 30, 3, 2, 1, 0]):
        append_at(free_port, write_mail(number), NOON - timedelta(days=days_ago))
    assert land(database, mailbox, backfill_days=3).landed == 3
    landed = query("select received_at from landing.events order by received_at")
    assert [row[0] for row in landed] == [NOON - timedelta(days=days) for days in (2, 1, 0)]
    assert land(database, mailbox, backfill_days=365).landed == 0


@pytest.mark.usefixtures("server")
def test_the_first_look_at_a_mailbox_of_old_mails_takes_none_and_then_every_new_one(
    free_port: int, mailbox: ImapMailbox, database: Database, query: Query
) -> None:
    append_at(free_port, write_mail(1), NOON - timedelta(days=400))
    assert land(database, mailbox, backfill_days=1).landed == 0
    watermark = read_watermark(query)
    assert watermark is not None
    assert watermark[1] == 1
    append_at(free_port, write_mail(2), NOON - timedelta(days=300))
    assert land(database, mailbox, backfill_days=1).landed == 1


@pytest.mark.usefixtures("server")
def test_an_empty_mailbox_is_fine(mailbox: ImapMailbox, database: Database, query: Query) -> None:
    assert land(database, mailbox) == MailCounts(landed=0, repeated=0, left=0)
    assert read_watermark(query) == (mailbox.select(), 0)


@pytest.mark.usefixtures("server")
def test_two_passes_at_once_land_each_mail_once(free_port: int, database: Database, query: Query) -> None:
    """A reloaded code location overlaps the old one for a tick."""
    for number in range(30):
        append_exactly(free_port, write_mail(number))
    together = threading.Barrier(3)

    def look(_: int) -> int:
        own = build_mailbox(free_port)
        try:
            own.select()
            together.wait(timeout=20)
            return land(database, own).landed
        finally:
            own.close()

    with ThreadPoolExecutor(3) as threads:
        landed = list(threads.map(look, range(3)))
    assert sum(landed) == 30
    assert count_by_status(query) == {"pending": 30}


def test_a_server_that_renumbers_its_mails_gives_no_second_lead(
    free_port: int, folder: Path, mailbox: ImapMailbox, database: Database, query: Query
) -> None:
    """UIDVALIDITY ignored: new mails taken for known ones, known ones for new: paperless-ngx#8944."""
    with running_server(free_port, folder):
        append_exactly(free_port, write_mail(1))
        append_exactly(free_port, write_mail(2))
        land(database, mailbox)
    (folder / "uidvalidity").write_text("77\n")
    with running_server(free_port, folder):
        append_exactly(free_port, write_mail(3))
        assert land(database, mailbox) == MailCounts(landed=1, repeated=2, left=0)
        assert land(database, mailbox) == MailCounts(landed=0, repeated=0, left=0)
    assert count_by_status(query) == {"pending": 3, "ignored": 2}
    assert read_watermark(query) == (77, 3)


def test_a_cut_connection_is_transient_and_the_next_call_works_by_itself(
    free_port: int, folder: Path, mailbox: ImapMailbox, database: Database
) -> None:
    with running_server(free_port, folder) as server:
        append_exactly(free_port, write_mail(1))
        assert land(database, mailbox).landed == 1
        server.send_signal(signal.SIGKILL)
        server.wait(timeout=10)
        with pytest.raises(TransientError, match="LEADFLOW_IMAP_HOST"):
            land(database, mailbox)
        with pytest.raises(TransientError, match=f":{free_port}"):
            land(database, mailbox)
    with running_server(free_port, folder):
        append_exactly(free_port, write_mail(2))
        assert land(database, mailbox) == MailCounts(landed=1, repeated=0, left=0)


def test_a_connection_cut_while_waiting_is_noticed_at_once(free_port: int, folder: Path, mailbox: ImapMailbox) -> None:
    """Listeners that were active and dead for 35 hours: n8n#28392."""
    with running_server(free_port, folder) as server:
        mailbox.select()
        cut = threading.Timer(0.3, server.send_signal, [signal.SIGKILL])
        cut.start()
        started_at = time.monotonic()
        with pytest.raises(TransientError):
            mailbox.wait(20)
        assert time.monotonic() - started_at < 5
        cut.join()


@pytest.mark.usefixtures("server")
@pytest.mark.parametrize("password", ["wrong", "", "pässword", 'quo"te\\'])
def test_a_wrong_password_names_the_variable(free_port: int, password: str) -> None:
    mailbox = build_mailbox(free_port, password=password)
    with pytest.raises(PermanentError, match="LEADFLOW_IMAP_PASSWORD") as refused:
        mailbox.select()
    assert not password or password not in str(refused.value)


@pytest.mark.usefixtures("server")
def test_a_folder_that_does_not_exist_names_the_variable(free_port: int) -> None:
    with pytest.raises(PermanentError, match="LEADFLOW_IMAP_FOLDER"):
        build_mailbox(free_port, folder="Leads/Größe").select()


@pytest.mark.usefixtures("server")
def test_a_refused_login_or_folder_leaves_no_connection_open(free_port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Gmail allows 15 at a time; a sensor with an old password would use them up in a minute."""
    opened: list[IMAPClient] = []

    class RememberedClient(IMAPClient):
        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options)
            opened.append(self)

    monkeypatch.setattr(imap_mailbox, "IMAPClient", RememberedClient)
    for refused in ({"password": "wrong"}, {"folder": "Nowhere"}):
        with pytest.raises(PermanentError):
            build_mailbox(free_port, **refused).select()
    still_open = [client for client in opened if client.socket().fileno() != -1]
    for client in still_open:
        client.shutdown()
    assert len(opened) == 2
    assert still_open == []


@pytest.mark.usefixtures("server")
def test_waiting_ends_promptly_when_a_mail_is_appended(free_port: int, mailbox: ImapMailbox) -> None:
    mailbox.select()
    arrival = threading.Timer(0.5, append_exactly, [free_port, write_mail(1)])
    arrival.start()
    started_at = time.monotonic()
    assert mailbox.wait(10) is True
    assert time.monotonic() - started_at < 3
    arrival.join()
    assert mailbox.list_uids() == [1]


@pytest.mark.usefixtures("server")
def test_waiting_ends_after_its_time_when_nothing_comes(mailbox: ImapMailbox) -> None:
    mailbox.select()
    started_at = time.monotonic()
    assert mailbox.wait(0.5) is False
    assert 0.4 < time.monotonic() - started_at < 5
    assert mailbox.select() > 0


@pytest.mark.usefixtures("server")
def test_a_mail_that_came_just_before_waiting_is_not_slept_through(free_port: int, mailbox: ImapMailbox) -> None:
    """Between the search and IDLE lies a moment in which a mail arrives and nobody listens."""
    mailbox.select()
    assert mailbox.list_uids() == []
    append_exactly(free_port, write_mail(1))
    started_at = time.monotonic()
    assert mailbox.wait(5) is True
    assert time.monotonic() - started_at < 3


# A mailbox in memory


class MailboxInMemory:
    """A folder whose mails and numbering a test changes at will."""

    account = "leads@example.com@imap.example.com"
    folder = "INBOX"

    def __init__(self, mails: Mapping[int, FetchedMail], uidvalidity: int = 1) -> None:
        self.mails = dict(mails)
        self.uidvalidity = uidvalidity
        self.after_listing: Callable[[], None] = lambda: None

    def select(self) -> int:
        return self.uidvalidity

    def list_uids(self, *, above: int = 0, since: date | None = None) -> list[int]:
        found = [
            uid
            for uid, mail in sorted(self.mails.items())
            if uid > above and (since is None or mail.received_at.date() >= since)
        ]
        self.after_listing()
        return found

    def fetch(self, uids: Sequence[int]) -> list[FetchedMail]:
        return [self.mails[uid] for uid in uids if uid in self.mails]


def make_mail(uid: int, *, number: int | None = None, days_ago: int = 0, problem: str | None = None) -> FetchedMail:
    raw = write_mail(uid if number is None else number)
    return FetchedMail(uid=uid, received_at=NOON - timedelta(days=days_ago), raw=raw, problem=problem)


def make_mailbox(count: int) -> MailboxInMemory:
    return MailboxInMemory({uid: make_mail(uid) for uid in range(1, count + 1)})


def test_a_long_backlog_is_landed_in_chunks(database: Database, query: Query) -> None:
    mailbox = make_mailbox(2 * CHUNK + 7)
    assert land(database, mailbox) == MailCounts(landed=CHUNK, repeated=0, left=CHUNK + 7)
    assert read_watermark(query) == (1, CHUNK)
    assert land(database, mailbox) == MailCounts(landed=CHUNK, repeated=0, left=7)
    assert land(database, mailbox) == MailCounts(landed=7, repeated=0, left=0)
    assert read_watermark(query) == (1, 2 * CHUNK + 7)


@contextmanager
def failing_after(database: Database, mails: int) -> Iterator[Any]:
    """The database, but the connection breaks after this many mails of a transaction."""
    counter = itertools.count(1)

    class Breaking:
        def __init__(self, real: Any) -> None:
            self._real = real

        def row(self, query: str, **parameters: Any) -> Any:
            if query == "land_mail" and next(counter) > mails:
                raise TransientError("The database did not answer.")
            return self._real.row(query, **parameters)

        def __getattr__(self, name: str) -> Any:
            return getattr(self._real, name)

    class Store:
        @contextmanager
        def transaction(self) -> Iterator[Breaking]:
            with database.transaction() as real:
                yield Breaking(real)

    yield Store()


def test_a_failure_in_the_middle_lands_nothing_and_moves_nothing(database: Database, query: Query) -> None:
    """The watermark moves with the mails below it: moved alone it would skip them for ever."""
    mailbox = make_mailbox(5)
    with failing_after(database, 3) as store, pytest.raises(TransientError):
        land(store, mailbox)
    assert count_by_status(query) == {}
    assert read_watermark(query) is None
    assert land(database, mailbox).landed == 5
    assert read_watermark(query) == (1, 5)


def test_a_failure_in_a_later_chunk_keeps_the_earlier_ones(database: Database, query: Query) -> None:
    mailbox = make_mailbox(CHUNK + 5)
    land(database, mailbox)
    with failing_after(database, 2) as store, pytest.raises(TransientError):
        land(store, mailbox)
    assert read_watermark(query) == (1, CHUNK)
    assert land(database, mailbox) == MailCounts(landed=5, repeated=0, left=0)


def test_landed_mails_wake_whoever_waits_and_repeated_ones_do_not(database: Database) -> None:
    mailbox = make_mailbox(2)
    with database.listen("landing") as listener:
        land(database, mailbox)
        assert listener.wait(1) is True
        mailbox.mails[3] = make_mail(3, number=1)
        land(database, mailbox)
        assert listener.wait(0.2) is False


def test_a_new_uidvalidity_rereads_without_a_second_pending_event(database: Database, query: Query) -> None:
    mailbox = make_mailbox(CHUNK + 10)
    while land(database, mailbox).left:
        pass
    renumbered = {uid + 100: make_mail(uid + 100, number=uid) for uid in mailbox.mails}
    mailbox.mails = {**renumbered, 500: make_mail(500)}
    mailbox.uidvalidity = 2
    assert land(database, mailbox) == MailCounts(landed=0, repeated=CHUNK, left=11)
    assert land(database, mailbox) == MailCounts(landed=1, repeated=10, left=0)
    assert count_by_status(query) == {"pending": CHUNK + 11, "ignored": CHUNK + 10}
    assert read_watermark(query) == (2, 500)


def test_a_new_uidvalidity_with_lower_uids_misses_no_mail(database: Database) -> None:
    """A watermark of 900 kept over a change to 1, 2, 3 … would wait for 900 new mails."""
    mailbox = MailboxInMemory({900: make_mail(900)})
    land(database, mailbox)
    mailbox.mails = {1: make_mail(1, number=900), 2: make_mail(2)}
    mailbox.uidvalidity = 2
    assert land(database, mailbox) == MailCounts(landed=1, repeated=1, left=0)


def test_a_new_uidvalidity_does_not_reach_back_beyond_the_first_look(database: Database) -> None:
    """Months later, thousands of old mails that were never leads of ours would otherwise become some."""
    mailbox = MailboxInMemory({1: make_mail(1, days_ago=50), 2: make_mail(2)})
    assert land(database, mailbox, backfill_days=1).landed == 1
    mailbox.mails = {11: make_mail(11, number=1, days_ago=50), 12: make_mail(12, number=2), 13: make_mail(13)}
    mailbox.uidvalidity = 2
    assert land(database, mailbox, backfill_days=1, today=date(2026, 9, 1)) == MailCounts(landed=1, repeated=1, left=0)


def test_a_mail_that_is_too_large_is_not_quarantined_again_under_a_new_uid(database: Database, query: Query) -> None:
    """Each quarantined event is an alert to a person; a renumbered mailbox would repeat all of them."""
    mailbox = MailboxInMemory({1: make_mail(1, problem="larger than 10 MiB")})
    land(database, mailbox)
    mailbox.mails = {11: make_mail(11, number=1, problem="larger than 10 MiB")}
    mailbox.uidvalidity = 2
    land(database, mailbox)
    assert count_by_status(query)["quarantined"] == 1


@pytest.mark.parametrize("uidvalidity", [1, 2], ids=["first look", "after a change of UIDVALIDITY"])
def test_a_mail_that_arrives_during_the_first_look_is_not_lost(
    database: Database, query: Query, uidvalidity: int
) -> None:
    """The first look makes two searches. A mail that comes between them is missed by the first and, as the highest
    UID of the second, becomes the watermark itself."""
    mailbox = MailboxInMemory({5: make_mail(5, days_ago=400)})
    if uidvalidity == 2:
        land(database, mailbox, backfill_days=1)
        mailbox.uidvalidity = 2

    def arrive() -> None:
        mailbox.mails[6] = make_mail(6)

    mailbox.after_listing = arrive
    for _ in range(3):
        land(database, mailbox, backfill_days=1)
    assert [bytes(raw) for (raw,) in query("select raw from landing.events")] == [write_mail(6)]


def test_a_mail_that_is_deleted_before_it_is_fetched_is_no_error(database: Database, query: Query) -> None:
    mailbox = make_mailbox(3)

    def delete() -> None:
        mailbox.mails.pop(2, None)
        mailbox.mails.pop(3, None)

    mailbox.after_listing = delete
    assert land(database, mailbox).landed == 1
    assert land(database, mailbox).landed == 0
    assert count_by_status(query) == {"pending": 1}


def test_a_mail_from_the_future_has_arrived_by_now(database: Database, query: Query) -> None:
    """A sender's or server's wrong clock would hold it back behind everything that comes, and spoil the figures."""
    ahead = FetchedMail(uid=1, received_at=datetime(2126, 1, 1, tzinfo=UTC), raw=write_mail(1))
    land(database, MailboxInMemory({1: ahead}))
    assert query("select received_at <= now() from landing.events") == [(True,)]


def test_two_accounts_with_the_same_uids_are_kept_apart(database: Database, query: Query) -> None:
    first, second = make_mailbox(1), MailboxInMemory({1: make_mail(1, number=2)})
    second.account = "other@example.com@imap.example.com"
    land(database, first)
    land(database, second)
    assert count_by_status(query) == {"pending": 2}


def test_the_position_tells_that_a_quiet_mailbox_still_answers(database: Database, query: Query) -> None:
    """Silence is an alarm only when it can be told from a dead connection."""
    mailbox = make_mailbox(1)
    land(database, mailbox)
    query("update landing.mailboxes set checked_at = now() - interval '1 minute'")
    land(database, mailbox)
    assert query("select checked_at > now() - interval '10 seconds', last_uid from landing.mailboxes") == [(True, 1)]


# A server that answers from a script


SCRIPT = {
    "CAPABILITY": "* CAPABILITY IMAP4rev1 IDLE\r\n{tag} OK done\r\n",
    "LOGIN": "{tag} OK logged in\r\n",
    "EXAMINE": "* 1 EXISTS\r\n* OK [UIDVALIDITY 7] valid\r\n{tag} OK [READ-ONLY] selected\r\n",
    "UID SEARCH": "* SEARCH 1\r\n{tag} OK done\r\n",
    "IDLE": "+ idling\r\n",
    "DONE": "{idle} OK done\r\n",
    "LOGOUT": "* BYE\r\n{tag} OK done\r\n",
}


@contextmanager
def scripted_server(greeting: str = "* OK ready\r\n", heard: list[str] | None = None, **changes: str) -> Iterator[int]:
    """Answers each command by its longest known beginning; gives its port. `uid_fetch` stands for UID FETCH.

    `heard` gets the commands that came, without their tags.
    """
    script = SCRIPT | {name.upper().replace("_", " "): answer for name, answer in changes.items()}
    ended = threading.Event()

    def answer(connection: socket.socket) -> None:
        tag = idle = ""
        with connection, connection.makefile("rb") as lines:
            connection.sendall(greeting.encode())
            for line in lines:
                words = line.decode().strip()
                if words != "DONE":
                    tag, _, words = words.partition(" ")
                idle = tag if words == "IDLE" else idle
                if heard is not None:
                    heard.append(words)
                known = [name for name in script if re.match(rf"{name}\b", words)]
                text = script[max(known, key=len)] if known else "{tag} BAD what?\r\n"
                connection.sendall(text.format(tag=tag, idle=idle).encode())

    def serve() -> None:
        while not ended.is_set():
            try:
                connection, _ = listener.accept()
            except TimeoutError:
                continue
            connection.settimeout(3)
            try:
                answer(connection)
            except OSError:
                continue

    with socket.create_server((SANDBOX_HOST, 0)) as listener:
        listener.settimeout(0.1)
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield int(listener.getsockname()[1])
        finally:
            ended.set()
            thread.join(timeout=20)


def test_a_server_that_does_not_answer_is_given_up_after_the_time_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """imapclient waits for ever unless it is told not to: zammad#2321."""
    monkeypatch.setattr(imap_mailbox, "READ_TIMEOUT_SECONDS", 0.3)
    with scripted_server(uid_search="") as port:
        mailbox = build_mailbox(port)
        try:
            assert mailbox.select() == 7
            started_at = time.monotonic()
            with pytest.raises(TransientError):
                mailbox.list_uids()
            assert time.monotonic() - started_at < 3
        finally:
            mailbox.close()


@pytest.mark.parametrize(
    "changes",
    [
        {"greeting": "* BYE Too many simultaneous connections\r\n"},
        {"login": "{tag} NO [UNAVAILABLE] Temporary authentication failure\r\n"},
        {"examine": "{tag} NO [SERVERBUG] Internal error, try again\r\n"},
        {"uid_search": "{tag} NO [UNAVAILABLE] Backend is away\r\n"},
        {"uid_search": "* BYE Going down\r\n"},
    ],
    ids=["too many connections", "log-in unavailable", "server fault", "search unavailable", "going down"],
)
def test_what_a_server_cannot_do_just_now_is_transient(
    changes: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """RFC 5530: these codes say try later. Told to change a password that is right, a person changes it."""
    monkeypatch.setattr(imap_mailbox, "READ_TIMEOUT_SECONDS", 1)
    with scripted_server(**changes) as port:
        mailbox = build_mailbox(port)
        try:
            with pytest.raises(TransientError):
                mailbox.list_uids()
        finally:
            mailbox.close()


def test_news_before_the_server_agrees_to_idle_ends_the_waiting() -> None:
    """A server may speak of a new mail at any time (RFC 9051, 7), also between IDLE and its `+`."""
    with scripted_server(idle="* 2 EXISTS\r\n+ idling\r\n") as port:
        mailbox = build_mailbox(port)
        try:
            assert mailbox.wait(0.5) is True
        finally:
            mailbox.close()


def test_news_in_the_answer_to_the_end_of_waiting_counts() -> None:
    """A mail that comes in the last moment is told with the answer to DONE, and IDLE does not tell it again."""
    with scripted_server(done="* 2 EXISTS\r\n{idle} OK done\r\n") as port:
        mailbox = build_mailbox(port)
        try:
            assert mailbox.wait(0.2) is True
        finally:
            mailbox.close()


def test_nothing_is_asked_between_the_search_and_listening() -> None:
    """A server may tell of a new mail in its answer to any command (RFC 9051, 7.4.1), and what it has told once
    IDLE does not repeat: the mail waits for the next look."""
    heard: list[str] = []
    with scripted_server(heard=heard) as port:
        mailbox = build_mailbox(port)
        try:
            mailbox.select()
            mailbox.list_uids()
            mailbox.wait(0.2)
        finally:
            mailbox.close()
    searched = next(index for index, command in enumerate(heard) if command.startswith("UID SEARCH"))
    assert heard[searched + 1] == "IDLE"


def test_a_server_without_idle_is_looked_at_after_the_time() -> None:
    with scripted_server(capability="* CAPABILITY IMAP4rev1\r\n{tag} OK done\r\n") as port:
        mailbox = build_mailbox(port)
        try:
            started_at = time.monotonic()
            assert mailbox.wait(0.3) is True
            assert time.monotonic() - started_at >= 0.3
        finally:
            mailbox.close()


def test_a_mail_whose_content_the_server_does_not_give_is_not_taken_for_an_empty_one(
    database: Database, query: Query
) -> None:
    """Landed as empty, the first would be no lead and every later one "the same mail": recorded, it can be fetched."""
    answer = (
        '* 1 FETCH (UID 1 RFC822.SIZE 900 INTERNALDATE "01-Mar-2026 12:00:00 +0000" BODY[] NIL)\r\n{tag} OK done\r\n'
    )
    with scripted_server(uid_fetch=answer) as port:
        mailbox = build_mailbox(port)
        try:
            land(database, mailbox)
        finally:
            mailbox.close()
    ((status, reason),) = query("select status, reason from landing.events")
    assert status == "quarantined"
    assert reason


def test_a_server_that_throttles_is_left_alone_for_a_while_and_its_answer_counts() -> None:
    """Gmail says `[THROTTLED]` with an OK, and shuts out who does not heed it: MailKit#1396."""
    heard: list[str] = []
    with scripted_server(heard=heard, uid_search="* SEARCH 1\r\n{tag} OK [THROTTLED] done\r\n") as port:
        mailbox = build_mailbox(port)
        try:
            mailbox.select()
            assert mailbox.list_uids() == [1]
            asked = len(heard)
            for ask in (mailbox.select, lambda: mailbox.wait(1)):
                with pytest.raises(RestingError, match="left alone"):
                    ask()
            assert len(heard) == asked
        finally:
            mailbox.close()


def test_a_refusal_for_too_much_traffic_is_no_fault_of_the_mail() -> None:
    """Asked for mail by mail, it would be throttled the more, and every mail would go to quarantine."""
    heard: list[str] = []
    answer = "{tag} NO [OVERQUOTA] Account exceeded command or bandwidth limits\r\n"
    with scripted_server(heard=heard, uid_fetch=answer) as port:
        mailbox = build_mailbox(port)
        try:
            mailbox.select()
            with pytest.raises(TransientError) as refused:
                list(mailbox.fetch([1, 2, 3]))
            assert not isinstance(refused.value, RefusedError)
            assert sum(command.startswith("UID FETCH") for command in heard) == 1
            with pytest.raises(RestingError):
                mailbox.select()
        finally:
            mailbox.close()


def test_a_server_that_stays_away_is_tried_less_and_less_often(free_port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A tick never waits for that: the mailbox says that it rests, and the next tick asks again."""
    now = 1000.0
    monkeypatch.setattr(imap_mailbox.time, "monotonic", lambda: now)
    mailbox = build_mailbox(free_port)
    tried: list[float] = []
    while now < 1300:
        with pytest.raises(TransientError) as refused:
            mailbox.select()
        if not isinstance(refused.value, RestingError):
            tried.append(now)
        now += 1
    gaps = [round(after - before) for before, after in itertools.pairwise(tried)]
    assert gaps[:2] == [1, 1]
    assert gaps[2:6] == sorted(gaps[2:6])
    assert 48 <= max(gaps) <= 73
    assert len(set(gaps[-3:])) > 1  # spread, so that many do not come back at once


def test_a_mailbox_that_is_numbered_anew_while_it_is_read_gives_no_mail_under_a_wrong_number(
    free_port: int, folder: Path
) -> None:
    """The UIDs that were found belong to the old numbering; the reconnecting client sees the new one."""
    mailbox = build_mailbox(free_port)
    try:
        with running_server(free_port, folder):
            append_exactly(free_port, write_mail(1))
            mailbox.select()
            uids = mailbox.list_uids()
        (folder / "uidvalidity").write_text("77\n")
        with running_server(free_port, folder):
            with pytest.raises(TransientError, match="anew"):
                list(mailbox.fetch(uids))
            assert mailbox.select() == 77
            assert [mail.raw for mail in mailbox.fetch(mailbox.list_uids())] == [write_mail(1)]
    finally:
        mailbox.close()


@pytest.mark.usefixtures("server")
def test_one_fetch_brings_a_bounded_number_of_bytes(
    free_port: int, mailbox: ImapMailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fifty mails of 10 MiB in one answer would be half a gigabyte."""
    sizes = [300, 300, 500, 100, 0, 2_000, 300]
    for size in sizes:
        append_exactly(free_port, b"x" * size if size else b" ")
    asked: list[list[int]] = []
    fetch = IMAPClient.fetch

    def remember(self: IMAPClient, uids: list[int], parts: list[str], *rest: Any) -> Any:
        if parts[0].startswith("BODY"):
            asked.append(list(uids))
        return fetch(self, uids, parts, *rest)

    monkeypatch.setattr(IMAPClient, "fetch", remember)
    monkeypatch.setattr(imap_mailbox, "FETCH_BYTES", 700)
    mailbox.select()
    assert [len(mail.raw) or 1 for mail in mailbox.fetch(mailbox.list_uids())] == [size or 1 for size in sizes]
    assert asked == [[1, 2], [3, 4, 5], [6], [7]]


@pytest.mark.usefixtures("server")
def test_a_mailbox_with_more_mails_than_one_search_may_answer_is_searched_in_parts(
    free_port: int, mailbox: ImapMailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """imaplib gives up on a line of a million bytes, which is what 125,000 UIDs fill."""
    for number in range(25):
        append_exactly(free_port, write_mail(number))
    with logged_in(free_port) as client:
        client.select_folder(INBOX)
        client.delete_messages(list(range(8, 21)))
        client.expunge()
    monkeypatch.setattr(imap_mailbox, "UIDS_PER_SEARCH", 4)
    mailbox.select()
    assert mailbox.list_uids() == [1, 2, 3, 4, 5, 6, 7, 21, 22, 23, 24, 25]
    assert mailbox.list_uids(above=6) == [7, 21, 22, 23, 24, 25]
    assert mailbox.list_uids(above=25) == []


def test_what_came_before_an_error_stays_landed(database: Database, query: Query) -> None:
    mailbox = make_mailbox(5)

    class Breaking(MailboxInMemory):
        def fetch(self, uids: Sequence[int]) -> Iterator[FetchedMail]:  # type: ignore[override]
            yield from super().fetch(uids[:3])
            raise TransientError("The mailbox does not answer.")

    with pytest.raises(TransientError):
        land(database, Breaking(mailbox.mails))
    assert read_watermark(query) == (1, 3)
    assert land(database, mailbox) == MailCounts(landed=2, repeated=0, left=0)


def test_a_backlog_is_landed_within_its_time(database: Database) -> None:
    mailbox = make_mailbox(3 * CHUNK)
    found = land_new_mails(database, mailbox, backfill_days=ALL_TIME, today=TODAY, seconds=20)
    assert found == MailCounts(landed=3 * CHUNK, repeated=0, left=0)


# All mailboxes together


class WatchedInMemory(MailboxInMemory):
    """Counts the waiting; one with an error cannot be read."""

    error: Exception | None = None
    waits = 0

    def select(self) -> int:
        if self.error:
            raise self.error
        return super().select()

    def wait(self, _: float) -> bool:
        self.waits += 1
        return False


def make_watched(count: int, account: str) -> WatchedInMemory:
    mailbox = WatchedInMemory(make_mailbox(count).mails)
    mailbox.account = account
    return mailbox


TIMES = WatchTimes(landing_seconds=0, waiting_seconds=0, holding_seconds=0)


def test_a_mailbox_that_fails_keeps_no_other_from_landing_its_mails(database: Database, query: Query) -> None:
    good, bad = make_watched(2, "good@example.com"), make_watched(1, "bad@example.com")
    bad.error = TransientError("The mailbox does not answer.")
    watch = watch_mailboxes(database, [bad, good], TIMES, backfill_days=ALL_TIME, today=TODAY)
    assert watch.landed == 2
    assert watch.errors == [bad.error]
    assert count_by_status(query) == {"pending": 2}


def test_the_same_mail_in_two_mailboxes_at_once_is_one_lead(database: Database, query: Query) -> None:
    """Gmail shows one mail under each of its labels, and both folders are read in the same moment."""
    folders = [make_watched(30, f"{name}@example.com") for name in ("a", "b", "c")]
    watch_mailboxes(database, folders, TIMES, backfill_days=ALL_TIME, today=TODAY)
    assert count_by_status(query) == {"pending": 30, "ignored": 60}


def test_a_backlog_of_repeated_mails_is_gone_through_without_waiting(database: Database) -> None:
    mailbox = make_watched(2 * CHUNK, "a@example.com")
    land_new_mails(database, mailbox, backfill_days=ALL_TIME, today=TODAY, seconds=20)
    mailbox.uidvalidity = 2
    watch_mailboxes(database, [mailbox], TIMES, backfill_days=ALL_TIME, today=TODAY)
    assert mailbox.waits == 0


def test_a_turn_goes_on_landing_what_comes_until_it_is_over(database: Database, query: Query) -> None:
    """A turn that ended with its first mail left the mailbox alone until the daemon's next look, up to 5 s later."""
    mailbox = make_watched(1, "a@example.com")
    later = iter((2, 3))

    def bring_another(_: float) -> bool:
        number = next(later, None)
        if number is None:
            mailbox.error = TransientError("The mailbox does not answer.")
        else:
            mailbox.mails[number] = make_mail(number)
        return True

    mailbox.wait = bring_another  # type: ignore[method-assign]
    times = WatchTimes(landing_seconds=0, waiting_seconds=0, holding_seconds=60)
    watch = watch_mailboxes(database, [mailbox], times, backfill_days=ALL_TIME, today=TODAY)
    assert (watch.landed, watch.errors) == (3, [mailbox.error])
    assert count_by_status(query) == {"pending": 3}


def test_a_mailbox_that_stops_answering_is_known_within_two_minutes(database: Database, query: Query) -> None:
    """A listener was "active" and dead for 35 hours: n8n#28392."""
    asked = [("a@example.com", "INBOX"), ("b@example.com", "INBOX")]
    for account, _ in asked:
        land(database, make_watched(1, account))
    assert list_silent_mailboxes(database, asked) == []
    query("update landing.mailboxes set checked_at = now() - interval '90 seconds' where account = 'b@example.com'")
    (silent,) = list_silent_mailboxes(database, asked)
    assert (silent.account, silent.folder) == asked[1]
    assert silent.checked_at is not None
    (unknown,) = list_silent_mailboxes(database, [("c@example.com", "Leads")])
    assert unknown.checked_at is None


def test_the_sensor_asks_for_a_run_when_a_mail_has_landed_and_tells_why_not(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sensors, "MAILBOX_TIMES", TIMES)
    good, bad = make_watched(1, "good@example.com"), make_watched(0, "bad@example.com")
    bad.error = RestingError("The mailbox is left alone.")

    def tick() -> Any:
        # Called through Dagster, it leaves an instance of its own to the garbage collector.
        return sensors.inbox_sensors[0]._raw_fn(database, (good, bad))

    assert len(tick()) == 1
    assert "left alone" in str(tick().skip_message)
    bad.error = PermanentError("Check LEADFLOW_IMAP_PASSWORD.")
    with pytest.raises(PermanentError):
        tick()
