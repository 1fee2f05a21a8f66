"""A mail as a mailbox gave it out: its bytes and when it arrived, before anybody has read it."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, kw_only=True)
class FetchedMail:
    """One mail of a folder."""

    uid: int
    received_at: datetime  # INTERNALDATE, with its zone
    raw: bytes  # the whole mail; only its header where there is a problem
    problem: str | None = None  # why the whole mail could not be had
