"""Lands new mail: what lies above the mailbox's watermark is stored raw, then the watermark moves with it.

Nothing is read into here; a mail that nobody can parse lands like any other. Flags in the mailbox are never touched.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Protocol

from leadflow_pipeline.domain.fetched_mail import FetchedMail
from leadflow_pipeline.stages.store import Store

# Mails per transaction: small enough that an interruption costs little, large enough for a backfill.
CHUNK = 50


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

    def fetch(self, uids: Sequence[int]) -> list[FetchedMail]:
        """The mails with these UIDs that are still there."""
        ...


@dataclass(frozen=True, kw_only=True)
class MailCounts:
    """What a look at the mailbox brought."""

    landed: int
    repeated: int  # the same bytes had landed before under another UID
    left: int  # new mails that wait for the next look


def land_new_mails(store: Store, mailbox: Mailbox, *, backfill_days: int, today: date) -> MailCounts:
    """Store the next chunk of mails above the watermark.

    A mailbox seen for the first time is read from `backfill_days` before `today` on. When the server has
    given its mails new UIDs (UIDVALIDITY changed) they are read again from that same day; what has landed
    before is known by its content and makes no second lead.
    """
    uidvalidity = mailbox.select()
    with store.transaction() as transaction:
        position = transaction.row("read_mailbox_position", account=mailbox.account, folder=mailbox.folder)
    if position is not None and position["uidvalidity"] == uidvalidity:
        read_since: date = position["read_since"]
        last_uid: int = position["last_uid"]
        is_news = bool(position["is_stale"])
    else:
        read_since = position["read_since"] if position else today - timedelta(days=backfill_days)
        last_uid = _watermark_before(mailbox, read_since)
        is_news = True
    uids = mailbox.list_uids(above=last_uid)
    mails = mailbox.fetch(uids[:CHUNK]) if uids else []
    if not uids and not is_news:
        return MailCounts(landed=0, repeated=0, left=0)
    landed = repeated = 0
    with store.transaction() as transaction:
        for mail in mails:
            row = transaction.row(
                "land_mail",
                external_id=f"{mailbox.account}/{mailbox.folder}/{uidvalidity}/{mail.uid}",
                received_at=mail.received_at,
                raw=mail.raw,
                content_hash=hashlib.sha256(mail.raw).hexdigest(),
                problem=mail.problem,
            )
            landed += row is not None and row["status"] != "ignored"
            repeated += row is not None and row["status"] == "ignored"
        transaction.execute(
            "save_mailbox_position",
            account=mailbox.account,
            folder=mailbox.folder,
            uidvalidity=uidvalidity,
            last_uid=max(uids[:CHUNK], default=last_uid),
            read_since=read_since,
        )
        if landed:
            transaction.execute("announce_landing")
    return MailCounts(landed=landed, repeated=repeated, left=len(uids[CHUNK:]))


def _watermark_before(mailbox: Mailbox, day: date) -> int:
    """The highest UID that is from before `day`."""
    since = mailbox.list_uids(since=day)
    if since:
        return since[0] - 1
    everything = mailbox.list_uids()
    return everything[-1] if everything else 0
