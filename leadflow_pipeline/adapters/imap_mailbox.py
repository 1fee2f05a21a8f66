"""One IMAP folder over one held connection, read-only: UIDs, raw mails, and waiting for news.

Connects on first use and again after a failure. Turns the server's errors into `TransientError` (trying again
can help) and `PermanentError` (log-in refused, no such folder). What is done with a mail is not known here.
"""

import functools
import imaplib
import ssl
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date
from typing import Any, TypeVar

from imapclient import IMAPClient, SocketTimeout
from imapclient.exceptions import IMAPClientAbortError, IMAPClientError, LoginError

from leadflow_pipeline.domain.errors import PermanentError, TransientError
from leadflow_pipeline.domain.fetched_mail import FetchedMail

CONNECT_TIMEOUT_SECONDS = 10
READ_TIMEOUT_SECONDS = 30
# Gmail takes mails up to 35,651,584 bytes (reliability notes, section 2, grade T); a lead mail has a few kB.
LARGEST_MAIL_BYTES = 10 * 1024 * 1024

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class ImapAccount:
    """How to reach a folder."""

    host: str
    port: int
    tls: bool
    user: str
    password: str = field(repr=False)
    folder: str = "INBOX"


class ImapMailbox:
    """A folder of an account. Safe to call from several threads; calls take turns."""

    def __init__(self, account: ImapAccount) -> None:
        self._account = account
        self._client: IMAPClient | None = None
        self._lock = threading.RLock()

    @property
    def account(self) -> str:
        """The account's name in the identity of its mails."""
        return f"{self._account.user}@{self._account.host}"

    @property
    def folder(self) -> str:
        return self._account.folder

    def select(self) -> int:
        """Look at the folder anew, read-only; gives its UIDVALIDITY."""
        return int(self._call(lambda client: client.select_folder(self.folder, readonly=True))[b"UIDVALIDITY"])

    def list_uids(self, *, above: int = 0, since: date | None = None) -> list[int]:
        """The UIDs above one and not from before a day, ascending."""
        criteria: list[Any] = ["UID", f"{above + 1}:*"]
        if since is not None:
            criteria += ["SINCE", since]
        found = self._call(lambda client: client.search(criteria))
        # A range n:* that lies above every UID stands for the last mail (RFC 9051, 9, seq-range).
        return sorted(uid for uid in found if uid > above)

    def fetch(self, uids: Sequence[int]) -> list[FetchedMail]:
        """The mails with these UIDs that are still there. One that is too large comes with its header only."""
        sizes = self._call(lambda client: client.fetch(uids, ["RFC822.SIZE"]))
        whole = [uid for uid in uids if uid in sizes and sizes[uid][b"RFC822.SIZE"] <= LARGEST_MAIL_BYTES]
        large = [uid for uid in uids if uid in sizes and uid not in whole]
        mails = self._fetch_part(whole, "BODY.PEEK[]", b"BODY[]")
        mails += self._fetch_part(
            large,
            "BODY.PEEK[HEADER]",
            b"BODY[HEADER]",
            problem=f"larger than {LARGEST_MAIL_BYTES // 2**20} MiB; only its header was fetched",
        )
        return sorted(mails, key=lambda mail: mail.uid)

    def wait(self, seconds: float) -> bool:
        """Whether the server spoke of the folder within `seconds` (IDLE; without it, whether time has passed)."""
        if not self._call(lambda client: client.has_capability("IDLE")):
            time.sleep(seconds)
            return True
        return self._call(lambda client: _idle(client, seconds))

    def close(self) -> None:
        """Hang up, without waiting for the server."""
        with self._lock:
            client, self._client = self._client, None
            if client is not None:
                with suppress(OSError, imaplib.IMAP4.error):
                    client.shutdown()

    def _fetch_part(self, uids: Sequence[int], part: str, key: bytes, problem: str | None = None) -> list[FetchedMail]:
        if not uids:
            return []
        answers = self._call(lambda client: client.fetch(uids, [part, "INTERNALDATE"]))
        return [
            FetchedMail(
                uid=uid, received_at=answers[uid][b"INTERNALDATE"], raw=answers[uid].get(key) or b"", problem=problem
            )
            for uid in uids
            if uid in answers
        ]

    def _call(self, use: Callable[[IMAPClient], T]) -> T:
        """Use the held connection; a connection that fails is given up, and the next call makes a new one."""
        with self._lock:
            try:
                if self._client is None:
                    self._client = self._connect()
                return use(self._client)
            except LoginError as error:
                self.close()
                raise PermanentError(
                    f"{self._where} refused the log-in of {self._account.user}: check LEADFLOW_IMAP_USER and "
                    "LEADFLOW_IMAP_PASSWORD (Gmail wants an app password)."
                ) from error
            except (OSError, IMAPClientAbortError, imaplib.IMAP4.abort) as error:
                self.close()
                raise TransientError(
                    f"{self._where} does not answer ({type(error).__name__}); it is tried again by itself. "
                    "Check LEADFLOW_IMAP_HOST and LEADFLOW_IMAP_PORT if this stays."
                ) from error
            except (IMAPClientError, imaplib.IMAP4.error) as error:
                self.close()
                raise PermanentError(
                    f"{self._where} refused a command on folder {self.folder}: check LEADFLOW_IMAP_FOLDER."
                ) from error

    def _connect(self) -> IMAPClient:
        account = self._account
        client = IMAPClient(
            account.host,
            port=account.port,
            ssl=account.tls,
            ssl_context=ssl.create_default_context() if account.tls else None,
            timeout=SocketTimeout(connect=CONNECT_TIMEOUT_SECONDS, read=READ_TIMEOUT_SECONDS),
        )
        client.normalise_times = False  # a received_at without its zone would be a guess
        client.login(account.user, account.password)
        client.select_folder(account.folder, readonly=True)
        return client

    @property
    def _where(self) -> str:
        return f"The mailbox at {self._account.host}:{self._account.port}"


@functools.cache
def hold_mailbox(account: ImapAccount) -> ImapMailbox:
    """The one mailbox object of this process for an account, so that its connection outlives a sensor's tick."""
    return ImapMailbox(account)


def _idle(client: IMAPClient, seconds: float) -> bool:
    client.idle()
    try:
        return bool(client.idle_check(timeout=seconds))
    finally:
        client.idle_done()
