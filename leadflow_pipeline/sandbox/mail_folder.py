"""The sandbox mailbox on disk: one file per mail, byte for byte as it arrived, named by its UID.

Belongs here: which UIDs exist, what is never given out twice, arrival times. Does not belong here:
IMAP, parsing of mails, flags. A file's modification time is the mail's INTERNALDATE.
"""

import fcntl
import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO


class FolderError(Exception):
    """The folder cannot be served; the message says why and what to do."""


class MailFolder:
    """Holds a lock on its directory until the process ends: two writers would give one UID to two mails."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = self._take_lock()
        self.uid_validity = self._read_or_create_uid_validity()
        self._last_uid = max(self._known_uids(), default=0)

    @property
    def last_uid(self) -> int:
        """The highest UID given out so far, deleted mails included."""
        return self._last_uid

    def mails(self) -> Iterator[tuple[int, datetime]]:
        """UID and arrival of each mail, in UID order."""
        for uid in sorted(int(mail.stem) for mail in self._path.glob("*.eml")):
            yield uid, datetime.fromtimestamp(self._mail(uid).stat().st_mtime, UTC)

    def read(self, uid: int) -> bytes:
        return self._mail(uid).read_bytes()

    def append(self, raw: bytes, arrived_at: datetime) -> int:
        # No fsync: the promise is to survive the end of the process, not of the machine.
        uid = self._last_uid + 1
        draft = self._path / f"{uid}.draft"
        draft.write_bytes(raw)
        os.utime(draft, (arrived_at.timestamp(), arrived_at.timestamp()))
        draft.replace(self._mail(uid))
        self._last_uid = uid
        return uid

    def delete(self, uid: int) -> None:
        # The mark comes first: a UID whose mail is gone must not be given out again after a restart.
        (self._path / f"{uid}.deleted").touch()
        self._mail(uid).unlink(missing_ok=True)

    def _mail(self, uid: int) -> Path:
        return self._path / f"{uid}.eml"

    def _known_uids(self) -> Iterator[int]:
        for suffix in ("eml", "deleted"):
            yield from (int(entry.stem) for entry in self._path.glob(f"*.{suffix}"))

    def _take_lock(self) -> TextIO:
        try:
            self._path.mkdir(parents=True, exist_ok=True)
            lock = (self._path / "lock").open("w")
        except OSError as error:
            raise FolderError(
                f"The mail folder {self._path} cannot be written ({error.strerror}): choose another folder."
            ) from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            lock.close()
            raise FolderError(
                f"The mail folder {self._path} is in use by another process: end it or choose another folder."
            ) from error
        return lock

    def _read_or_create_uid_validity(self) -> int:
        file = self._path / "uidvalidity"
        if not file.exists():
            draft = file.with_suffix(".draft")
            draft.write_text(f"{int(time.time())}\n")
            draft.replace(file)
        try:
            return int(file.read_text())
        except ValueError as error:
            raise FolderError(f"{file} holds no number: remove the folder {self._path} to start afresh.") from error
