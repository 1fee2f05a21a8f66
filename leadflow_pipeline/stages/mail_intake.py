"""Lands new mail: what lies above the mailbox's watermark is stored raw, then the watermark moves with it.

Nothing is read into here; a mail that nobody can parse lands like any other. Flags in the mailbox are never touched.
"""

import hashlib
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any, Protocol

from leadflow_pipeline.domain.errors import PermanentError, TransientError
from leadflow_pipeline.domain.fetched_mail import FetchedMail
from leadflow_pipeline.domain.hot_looks import looks_hot
from leadflow_pipeline.stages.store import Store, StoreTransaction

# Mails per transaction: small enough that an interruption costs little, large enough for a backfill.
CHUNK = 50
# The position says every 30 seconds that the mailbox has answered; a look may take another 30 before it fails.
SILENT_SECONDS = 75
CHUNK_BYTES = 10 * 1024 * 1024


class Mailbox(Protocol):
    """One folder of one account, read-only. Every method raises `TransientError` when the connection fails."""

    @property
    def account(self) -> str: ...

    @property
    def folder(self) -> str: ...

    def select(self) -> int:
        """Look at the folder anew; gives its UIDVALIDITY."""
        ...

    def list_uids(self, *, above: int = 0, since: date | None = None) -> list[int]:
        """The UIDs above one and not from before a day, ascending."""
        ...

    def fetch(self, uids: Sequence[int]) -> Iterable[FetchedMail]:
        """The mails with these UIDs that are still there, in their order. What comes before an error is whole."""
        ...


class WatchedMailbox(Mailbox, Protocol):
    """A mailbox that tells of new mail."""

    def wait(self, seconds: float) -> bool:
        """Whether there may be something new since the last look, or comes within `seconds`."""
        ...


@dataclass(frozen=True, kw_only=True)
class MailCounts:
    """What a look at the mailbox brought."""

    landed: int
    repeated: int  # the same bytes had landed before under another UID
    left: int  # new mails that wait for the next look


@dataclass(frozen=True, kw_only=True)
class _Position:
    """How far a mailbox has been read."""

    uidvalidity: int
    last_uid: int
    read_since: date


@dataclass(frozen=True, kw_only=True)
class SilentMailbox:
    """A mailbox that does not answer."""

    account: str
    folder: str
    checked_at: datetime | None  # when it last answered, if ever


@dataclass(frozen=True, kw_only=True)
class WatchTimes:
    """How long one turn at the mailboxes may take."""

    landing_seconds: float  # one look, when there is a backlog
    waiting_seconds: float  # one wait for news
    holding_seconds: float  # the turn, looks and waits together


@dataclass(frozen=True, kw_only=True)
class Watch:
    """What a turn at all mailboxes brought."""

    landed: int
    errors: Sequence[PermanentError | TransientError]  # one per mailbox that could not be read


def watch_mailboxes(
    store: Store, mailboxes: Sequence[WatchedMailbox], times: WatchTimes, *, backfill_days: int, today: date
) -> Watch:
    """Land what is there and what comes, at all mailboxes at the same time, until the turn is over.

    One that fails keeps none of the others from landing its mails, but ends the turn early, so that it is told.
    """
    ends_at = time.monotonic() + times.holding_seconds
    has_failed = threading.Event()

    def watch(mailbox: WatchedMailbox) -> tuple[int, PermanentError | TransientError | None]:
        landed = 0
        try:
            while True:
                landed += _watch_mailbox(store, mailbox, times, backfill_days=backfill_days, today=today)
                if has_failed.is_set() or time.monotonic() >= ends_at:
                    return landed, None
        except (PermanentError, TransientError) as error:
            has_failed.set()
            return landed, error

    with ThreadPoolExecutor(max_workers=len(mailboxes)) as threads:
        outcomes = list(threads.map(watch, mailboxes))
    return Watch(
        landed=sum(landed for landed, _ in outcomes), errors=[error for _, error in outcomes if error is not None]
    )


def _watch_mailbox(store: Store, mailbox: WatchedMailbox, times: WatchTimes, *, backfill_days: int, today: date) -> int:
    """One look, and if it finds nothing new, another as soon as the mailbox has news."""

    def look() -> MailCounts:
        return land_new_mails(store, mailbox, backfill_days=backfill_days, today=today, seconds=times.landing_seconds)

    counts = look()
    if counts.landed or counts.left:
        return counts.landed
    if _complete_mail(store, mailbox):
        return 1
    return look().landed if mailbox.wait(times.waiting_seconds) else 0


def list_silent_mailboxes(store: Store, mailboxes: Sequence[tuple[str, str]]) -> list[SilentMailbox]:
    """Those of these mailboxes (account and folder) that have not answered lately, whoever is to blame."""
    with store.transaction() as transaction:
        rows = transaction.rows(
            "list_silent_mailboxes",
            accounts=[account for account, _ in mailboxes],
            folders=[folder for _, folder in mailboxes],
            silent_seconds=SILENT_SECONDS,
        )
    return [SilentMailbox(**row) for row in rows]


def land_new_mails(
    store: Store, mailbox: Mailbox, *, backfill_days: int, today: date, seconds: float = 0
) -> MailCounts:
    """Store the mails above the watermark, chunk by chunk until `seconds` are over; one chunk in any case.

    A mailbox seen for the first time is read from `backfill_days` before `today` on. When the server has
    given its mails new UIDs (UIDVALIDITY changed) they are read again from that same day; what has landed
    before is known by its content and makes no second lead.
    """
    deadline = time.monotonic() + seconds
    position, is_news = _find_position(store, mailbox, today - timedelta(days=backfill_days))
    uids = mailbox.list_uids(above=position.last_uid)
    counts = MailCounts(landed=0, repeated=0, left=len(uids))
    if is_news and not uids:
        _land_mails(store, mailbox, [], position, counts)
    while counts.left:
        chunk = uids[-counts.left :][:CHUNK]
        for mails in _cut_by_size(mailbox.fetch(chunk)):
            position = replace(position, last_uid=mails[-1].uid)
            counts = _land_mails(store, mailbox, mails, position, counts)
        if position.last_uid != chunk[-1]:  # deleted before they were fetched
            position = replace(position, last_uid=chunk[-1])
            _land_mails(store, mailbox, [], position, counts)
        counts = replace(counts, left=counts.left - len(chunk))
        if time.monotonic() >= deadline:
            break
    return counts


def _find_position(store: Store, mailbox: Mailbox, first_day: date) -> tuple[_Position, bool]:
    """Where to go on, and whether that is worth storing: it is new, or the mailbox has not been seen for a while."""
    uidvalidity = mailbox.select()
    with store.transaction() as transaction:
        known = transaction.row("read_mailbox_position", account=mailbox.account, folder=mailbox.folder)
    if known is not None and known["uidvalidity"] == uidvalidity:
        position = _Position(uidvalidity=uidvalidity, last_uid=known["last_uid"], read_since=known["read_since"])
        return position, bool(known["is_stale"])
    read_since = known["read_since"] if known else first_day
    last_uid = _watermark_before(mailbox, read_since)
    return _Position(uidvalidity=uidvalidity, last_uid=last_uid, read_since=read_since), True


def _land_mails(
    store: Store, mailbox: Mailbox, mails: Sequence[FetchedMail], position: _Position, counts: MailCounts
) -> MailCounts:
    """Store mails and the watermark in one transaction; gives the counts with theirs."""
    with store.transaction() as transaction:
        transaction.execute("wait_for_turn_to_land_mails")
        rows = [_land_mail(transaction, mailbox, position.uidvalidity, mail) for mail in mails]
        landed = sum(row is not None and row["status"] != "ignored" for row in rows)
        repeated = sum(row is not None and row["status"] == "ignored" for row in rows)
        _save_position(transaction, mailbox, position)
        if landed:
            transaction.execute("announce_landing")
    return replace(counts, landed=counts.landed + landed, repeated=counts.repeated + repeated)


def _land_mail(
    transaction: StoreTransaction, mailbox: Mailbox, uidvalidity: int, mail: FetchedMail
) -> Mapping[str, Any] | None:
    external_id = f"{mailbox.account}/{mailbox.folder}/{uidvalidity}/{mail.uid}"
    # A mail whose content could not be had equals no other.
    content = mail.raw if mail.raw or not mail.problem else external_id.encode()
    return transaction.row(
        "land_mail",
        external_id=external_id,
        received_at=mail.received_at,
        raw=mail.raw,
        content_hash=hashlib.sha256(content).hexdigest(),
        problem=mail.problem,
        looks_hot=looks_hot(mail.raw),
    )


def _complete_mail(store: Store, mailbox: Mailbox) -> bool:
    """Ask once more for a mail that came without its content; gives whether it has one now."""
    with store.transaction() as transaction:
        due = transaction.row("claim_unfetched_mail", account=mailbox.account, folder=mailbox.folder)
    if due is None:
        return False
    uid = int(due["external_id"].rpartition("/")[2])
    with suppress(TransientError):  # it stays due, and a mailbox that is away says so at the next look
        for mail in mailbox.fetch([uid]):
            if mail.raw:
                with store.transaction() as transaction:
                    transaction.execute("wait_for_turn_to_land_mails")
                    transaction.execute(
                        "complete_mail",
                        event_id=due["event_id"],
                        received_at=mail.received_at,
                        raw=mail.raw,
                        content_hash=hashlib.sha256(mail.raw).hexdigest(),
                    )
                    transaction.execute("announce_landing")
                return True
    return False


def _save_position(transaction: StoreTransaction, mailbox: Mailbox, position: _Position) -> None:
    transaction.execute(
        "save_mailbox_position",
        account=mailbox.account,
        folder=mailbox.folder,
        uidvalidity=position.uidvalidity,
        last_uid=position.last_uid,
        read_since=position.read_since,
    )


def _cut_by_size(mails: Iterable[FetchedMail]) -> Iterator[list[FetchedMail]]:
    """Mails in lists of bounded size. After an error, first what came before it: the next look goes on from there."""
    cut: list[FetchedMail] = []
    try:
        for mail in mails:
            cut.append(mail)
            if sum(len(mail.raw) for mail in cut) >= CHUNK_BYTES:
                yield cut
                cut = []
    except TransientError:
        if cut:
            yield cut
        raise
    if cut:
        yield cut


def _watermark_before(mailbox: Mailbox, day: date) -> int:
    """The highest UID that is from before `day`. All are asked for first, so that none comes between the searches."""
    everything = mailbox.list_uids()
    since = mailbox.list_uids(since=day)
    if since:
        return since[0] - 1
    return everything[-1] if everything else 0
