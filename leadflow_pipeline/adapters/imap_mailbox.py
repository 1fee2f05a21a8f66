"""One IMAP folder over one held connection, read-only: UIDs, raw mails, and waiting for news.

Connects on first use and again after a failure, each time a little later, and never waits for that: a mailbox that
rests says so at once. Turns the server's errors into `TransientError` (trying again can help) and `PermanentError`
(log-in refused, no such folder). What is done with a mail is not known here.
"""

import functools
import imaplib
import random
import re
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any, TypeVar

from imapclient import IMAPClient, SocketTimeout
from imapclient.exceptions import LoginError

from leadflow_pipeline.adapters.imap_idle import forget_news, wait_for_news
from leadflow_pipeline.adapters.oauth2_tokens import OAuth2Grant, fetch_access_token
from leadflow_pipeline.domain.errors import PermanentError, TransientError
from leadflow_pipeline.domain.fetched_mail import FetchedMail

# A sensor's tick ends after 60 seconds, and a call may meet these limits twice.
CONNECT_TIMEOUT_SECONDS = 8
READ_TIMEOUT_SECONDS = 15
# Gmail takes mails up to 35,651,584 bytes (reliability notes, section 2, grade T); a lead mail has a few kB.
LARGEST_MAIL_BYTES = 10 * 1024 * 1024
# What one FETCH may bring into memory, unless it is a single mail.
FETCH_BYTES = LARGEST_MAIL_BYTES
# imaplib gives up on a line of a million bytes, and one SEARCH answers with one line.
UIDS_PER_SEARCH = 50_000

# Refusals that are a matter of time: RFC 5530, and Gmail's own. The first two ask to be left alone for a while.
THROTTLING_CODES = {"THROTTLED", "OVERQUOTA"}
PASSING_CODES = THROTTLING_CODES | {"UNAVAILABLE", "INUSE", "SERVERBUG", "LIMIT", "EXPUNGEISSUED"}
# Gmail says it in words too: "[ALERT] Too many simultaneous connections", "exceeded command or bandwidth limits".
PASSING_WORDS = re.compile("too many|temporar|try again|bandwidth limits", re.IGNORECASE)
RESPONSE_CODE = re.compile(r"\[([A-Z][A-Z-]+)[\] ]")

# After the nth failure in a row; what comes later waits as long as the last.
REST_AFTER_FAILURES = (0.0, 0.0, 5.0, 10.0, 20.0, 40.0, 60.0)
REST_AFTER_THROTTLING = (15.0, 30.0, 60.0, 120.0, 300.0)
# A server fault may look like a fault of the mail; a mail that is refused this often has one of its own.
REFUSALS_OF_A_BAD_MAIL = 3

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class ImapAccount:
    """How to reach a folder."""

    host: str
    port: int
    tls: bool
    user: str
    password: str = field(repr=False)
    oauth2: OAuth2Grant | None = None  # instead of the password
    folder: str = "INBOX"

    @property
    def name(self) -> str:
        """The account in the identity of its mails."""
        return f"{self.user}@{self.host}"


class RestingError(TransientError):
    """The mailbox is left alone for a while after failures, or because its server asked for it."""


class RefusedError(TransientError):
    """The server refused a command on an open folder, or hung up over it, though the connection was new."""


class _LostError(Exception):
    """The connection ended or fell silent."""


class ImapMailbox:
    """A folder of an account. Safe to call from several threads; calls take turns."""

    def __init__(self, account: ImapAccount) -> None:
        self._account = account
        self._client: IMAPClient | None = None
        self._lock = threading.RLock()
        self._opened: Mapping[bytes, Any] = {}  # what the server said of the folder when it was last looked at
        self._is_new = False  # nothing has been asked since the connection was made
        self._uidvalidity: int | None = None
        self._has_fetched = False  # since the last look
        self._failures = 0
        self._throttlings = 0
        self._rests_until = 0.0
        self._refusals: dict[int, int] = {}

    @property
    def account(self) -> str:
        """The account's name in the identity of its mails."""
        return self._account.name

    @property
    def folder(self) -> str:
        return self._account.folder

    def select(self) -> int:
        """Look at the folder anew, read-only; gives its UIDVALIDITY."""
        with self._lock:
            self._check_rest()
            before, self._uidvalidity = self._uidvalidity, None
            self._has_fetched = False
            self._call(self._examine_unless_new)
            self._uidvalidity = int(self._opened[b"UIDVALIDITY"])
            if self._uidvalidity != before:
                self._refusals.clear()
            return self._uidvalidity

    def list_uids(self, *, above: int = 0, since: date | None = None) -> list[int]:
        """The UIDs above one and not from before a day, ascending."""
        with self._lock:
            self._call(lambda _: None)
            return [uid for uids in self._search_in_parts(above, since) for uid in sorted(uids)]

    def fetch(self, uids: Sequence[int]) -> Iterator[FetchedMail]:
        """The mails with these UIDs that are still there, one after the other, in their order.

        One that is too large comes with its header only; one that the server does not give comes empty; both with
        their problem. What has come before an error is whole.
        """
        if self._has_fetched:  # a look that is under way brings at least something, however slow the server
            self._check_rest()
        self._has_fetched = True
        left = list(uids)
        try:
            for mail in self._fetch_together(left):
                left = [uid for uid in left if uid > mail.uid]
                yield mail
        except RefusedError:
            yield from self._fetch_one_by_one(left)

    def wait(self, seconds: float) -> bool:
        """Whether a mail came since the last look or comes within `seconds` (without IDLE: whether time has passed)."""
        if not self._call(lambda client: client.has_capability("IDLE")):
            time.sleep(seconds)
            return True
        self._check_rest()
        # What came while the connection was lost, nobody tells.
        return self._call(lambda client: wait_for_news(client, seconds), after_loss=lambda _: True)

    def close(self) -> None:
        """Hang up, without waiting for the server."""
        with self._lock:
            client, self._client = self._client, None
            if client is not None:
                _hang_up(client)

    def _search_in_parts(self, above: int, since: date | None) -> Iterator[list[int]]:
        start, width = above + 1, UIDS_PER_SEARCH
        if int(self._opened.get(b"EXISTS", 0)) > UIDS_PER_SEARCH:
            while start < int(self._opened.get(b"UIDNEXT", 0)):
                found = self._search(f"{start}:{start + width - 1}", start, since)
                yield found
                start += width
                width = UIDS_PER_SEARCH if found else 2 * width
        yield self._search(f"{start}:*", start, since)

    def _search(self, uids: str, start: int, since: date | None) -> list[int]:
        criteria: list[Any] = ["UID", uids]
        if since is not None:
            criteria += ["SINCE", since]
        found = self._call(lambda client: client.search(criteria))
        # A range n:* that lies above every UID stands for the last mail (RFC 9051, 9, seq-range).
        return [uid for uid in found if uid >= start]

    def _fetch_one_by_one(self, uids: Sequence[int]) -> Iterator[FetchedMail]:
        for uid in uids:
            try:
                yield from self._fetch_together([uid])
            except RefusedError:
                self._refusals[uid] = self._refusals.get(uid, 0) + 1
                if self._refusals[uid] < REFUSALS_OF_A_BAD_MAIL:
                    raise
                yield FetchedMail(uid=uid, received_at=datetime.now(UTC), raw=b"", problem="the server refuses it")
            self._refusals.pop(uid, None)

    def _fetch_together(self, uids: Sequence[int]) -> Iterator[FetchedMail]:
        if not uids:
            return
        facts = self._call(lambda client: client.fetch(uids, ["RFC822.SIZE", "INTERNALDATE"]))
        sizes = {uid: facts[uid].get(b"RFC822.SIZE", 0) for uid in uids if uid in facts}
        for group in _group_by_size(sizes):
            is_large = sizes[group[0]] > LARGEST_MAIL_BYTES
            part, key = ("BODY.PEEK[HEADER]", b"BODY[HEADER]") if is_large else ("BODY.PEEK[]", b"BODY[]")
            answers = self._call(functools.partial(_fetch_part, group, part))
            for uid in group:
                if uid in answers:
                    arrived_at = facts[uid].get(b"INTERNALDATE") or datetime.now(UTC)
                    yield _as_mail(uid, arrived_at, answers[uid].pop(key, None), size=sizes[uid])

    def _call(self, use: Callable[[IMAPClient], T], *, after_loss: Callable[[IMAPClient], T] | None = None) -> T:
        """Use the connection; one that turns out to be lost is replaced once, then `after_loss` is called instead."""
        with self._lock:
            try:
                was_new = self._open()
                try:
                    result = self._use(use)
                except _LostError as error:
                    if was_new:
                        raise self._as_refused(error) from error.__cause__
                    self._open()
                    result = self._use_again(after_loss or use)
            except (PermanentError, TransientError) as error:
                if not isinstance(error, RestingError):
                    self._rest_after_failure()
                raise
            self._failures = 0
            return result

    def _use_again(self, use: Callable[[IMAPClient], T]) -> T:
        try:
            return self._use(use)
        except _LostError as error:
            raise self._as_refused(error) from error.__cause__

    def _use(self, use: Callable[[IMAPClient], T]) -> T:
        client = self._client
        assert client is not None
        try:
            result = use(client)
        except (OSError, imaplib.IMAP4.abort) as error:
            self.close()
            raise _LostError from error
        except (imaplib.IMAP4.error, ValueError) as error:
            self.close()
            code = _code_of(error)
            self._heed_throttling(code)
            raise (TransientError if code in THROTTLING_CODES else RefusedError)(
                f"{self._where} refused a command on folder {self.folder} ({code or 'no reason given'}); "
                "it is tried again by itself. Look into the server's log if this stays."
            ) from error
        finally:
            self._is_new = False
        self._heed_throttled_answers(client)
        return result

    def _open(self) -> bool:
        """Have a connection with the folder open; gives whether nothing has been asked on it."""
        if self._client is None:
            self._check_rest()
            self._client = self._connect()
            self._is_new = True
            self._check_numbering()
        return self._is_new

    def _check_rest(self) -> None:
        left = self._rests_until - time.monotonic()
        if left > 0:
            raise RestingError(
                f"{self._where} is left alone for {left:.0f} s more, after failures or because it asked for it."
            )

    def _check_numbering(self) -> None:
        uidvalidity = int(self._opened[b"UIDVALIDITY"])
        if self._uidvalidity is not None and self._uidvalidity != uidvalidity:
            self.close()
            raise TransientError(f"{self._where} has numbered its mails anew; the next look reads them again.")

    def _connect(self) -> IMAPClient:
        client = self._dial()
        try:
            client.normalise_times = False  # a received_at without its zone would be a guess
            self._log_in(client)
            self._open_folder(client)
        except BaseException:
            _hang_up(client)
            raise
        return client

    def _dial(self) -> IMAPClient:
        account = self._account
        try:
            return IMAPClient(
                account.host,
                port=account.port,
                ssl=account.tls,
                ssl_context=ssl.create_default_context() if account.tls else None,
                timeout=SocketTimeout(connect=CONNECT_TIMEOUT_SECONDS, read=READ_TIMEOUT_SECONDS),
            )
        except ssl.SSLCertVerificationError as error:
            raise PermanentError(
                f"{self._where} has no valid certificate for this name: check LEADFLOW_IMAP_HOST."
            ) from error
        except (OSError, imaplib.IMAP4.error) as error:
            raise self._as_unreachable(error) from error

    def _log_in(self, client: IMAPClient) -> None:
        account = self._account
        try:
            if account.oauth2:
                client.oauth2_login(account.user, fetch_access_token(account.oauth2))
            elif account.password.isascii():
                client.login(account.user, account.password)
            else:
                client.plain_login(account.user, account.password)
        except (OSError, imaplib.IMAP4.error) as error:
            if _is_passing(error):
                self._heed_throttling(_code_of(error))
                raise self._as_unreachable(error) from error
            raise PermanentError(
                f"{self._where} refused the log-in of {account.user}: check LEADFLOW_IMAP_USER and "
                "LEADFLOW_IMAP_PASSWORD (Gmail wants an app password) or what was granted by OAuth2."
            ) from error

    def _open_folder(self, client: IMAPClient) -> None:
        try:
            self._examine(client)
        except (OSError, imaplib.IMAP4.error) as error:
            if _is_passing(error):
                self._heed_throttling(_code_of(error))
                raise self._as_unreachable(error) from error
            raise PermanentError(
                f"{self._where} refused to open folder {self.folder}: check LEADFLOW_IMAP_FOLDER."
            ) from error

    def _examine(self, client: IMAPClient) -> None:
        self._opened = client.select_folder(self.folder, readonly=True)
        forget_news(client)

    def _examine_unless_new(self, client: IMAPClient) -> None:
        if not self._is_new:
            self._examine(client)

    def _heed_throttled_answers(self, client: IMAPClient) -> None:
        """Gmail says `[THROTTLED]` with an OK: the answer counts, and the next question waits."""
        for code in THROTTLING_CODES:
            if client._imap.untagged_responses.pop(code, None):
                self._heed_throttling(code)
                return
        if self._throttlings and time.monotonic() > self._rests_until + REST_AFTER_THROTTLING[-1]:
            self._throttlings = 0

    def _heed_throttling(self, code: str | None) -> None:
        if code in THROTTLING_CODES:
            self._throttlings += 1
            self._rest(REST_AFTER_THROTTLING, self._throttlings)

    def _rest_after_failure(self) -> None:
        self._failures += 1
        self._rest(REST_AFTER_FAILURES, self._failures)

    def _rest(self, lengths: Sequence[float], times: int) -> None:
        # Spread, so that the folders of an account do not come back all at once.
        seconds = lengths[min(times, len(lengths)) - 1] * random.uniform(0.8, 1.2)
        self._rests_until = max(self._rests_until, time.monotonic() + seconds)

    def _as_unreachable(self, error: Exception) -> TransientError:
        return TransientError(
            f"{self._where} does not answer ({_code_of(error) or type(error).__name__}); it is tried again by itself. "
            "Check LEADFLOW_IMAP_HOST and LEADFLOW_IMAP_PORT if this stays."
        )

    def _as_refused(self, error: _LostError) -> RefusedError:
        return RefusedError(
            f"{self._where} accepts connections and ends them or falls silent ({type(error.__cause__).__name__}); "
            "it is tried again by itself. Look into the server's log if this stays."
        )

    @property
    def _where(self) -> str:
        return f"The mailbox at {self._account.host}:{self._account.port}"


@functools.cache
def hold_mailbox(account: ImapAccount) -> ImapMailbox:
    """The one mailbox object of this process for an account, so that its connection outlives a sensor's tick."""
    return ImapMailbox(account)


def _fetch_part(uids: Sequence[int], part: str, client: IMAPClient) -> dict[int, dict[bytes, Any]]:
    answers: dict[int, dict[bytes, Any]] = client.fetch(uids, [part])
    return answers


def _group_by_size(sizes: Mapping[int, int]) -> list[list[int]]:
    """UIDs in their order, in groups that one FETCH can bring; a mail over the cap is a group of its own."""
    groups: list[list[int]] = []
    room = -1
    for uid, size in sizes.items():
        if size > room:
            groups.append([])
            room = FETCH_BYTES
        groups[-1].append(uid)
        room -= size
    return groups


def _as_mail(uid: int, received_at: datetime, content: bytes | None, *, size: int) -> FetchedMail:
    problem = None
    if size > LARGEST_MAIL_BYTES:
        problem = f"larger than {LARGEST_MAIL_BYTES // 2**20} MiB; only its header was fetched"
    elif not content and (size or content is None):
        problem = "the server has it and gives no content"
    return FetchedMail(uid=uid, received_at=received_at, raw=content or b"", problem=problem)


def _code_of(error: Exception) -> str | None:
    """The response code of a refusal (RFC 9051, 7.1). The rest of the server's words stays out of our messages."""
    found = RESPONSE_CODE.search(str(error))
    return found[1] if found else None


def _is_passing(error: Exception) -> bool:
    # imapclient makes a refused log-in of everything that happens during one.
    cause = error.__context__ if isinstance(error, LoginError) else error
    if isinstance(cause, OSError | imaplib.IMAP4.abort):
        return True
    return _code_of(error) in PASSING_CODES or bool(PASSING_WORDS.search(str(error)))


def _hang_up(client: IMAPClient) -> None:
    with suppress(OSError, imaplib.IMAP4.error):
        client.shutdown()
