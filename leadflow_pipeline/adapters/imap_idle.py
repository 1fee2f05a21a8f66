"""Waiting for news on an IMAP connection, without a moment in which a new mail goes unheard.

A server may tell of a new mail in the answer to any command (RFC 9051, 7), in the same packet as its `+`, or with the
end of IDLE, and tells it once. imapclient's own `idle_check` looks at the socket only: what has been read ahead
waits there for the next packet. So this module reads through the connection that imapclient has opened.
"""

import imaplib
import select
import ssl
import time
from typing import Any

from imapclient import IMAPClient


def wait_for_news(client: IMAPClient, seconds: float) -> bool:
    """Whether a mail has come since `forget_news`, already or within `seconds`."""
    imap = client._imap
    if _has_news(imap):
        return True
    deadline = time.monotonic() + seconds
    tag = imap._command("IDLE")
    while imap._get_response() is not None:  # None is the server's "+"
        if imap.tagged_commands.get(tag):
            break
    else:
        _listen(imap, client.socket(), deadline)
        imap.send(b"DONE\r\n")
    kind, data = imap._command_complete("IDLE", tag)
    if kind != "OK":
        raise imaplib.IMAP4.error(f"IDLE failed: {data[0]!r}")
    return _has_news(imap)


def forget_news(client: IMAPClient) -> None:
    """The folder is being looked at: only what comes from here on is news."""
    client._imap.untagged_responses.pop("EXISTS", None)


def _has_news(imap: Any) -> bool:
    return "EXISTS" in imap.untagged_responses


def _listen(imap: Any, sock: Any, deadline: float) -> None:
    while not _has_news(imap) and _is_readable(imap, sock, deadline):
        imap._get_response()
        imap._check_bye()


def _is_readable(imap: Any, sock: Any, deadline: float) -> bool:
    poll = select.poll()
    poll.register(sock.fileno(), select.POLLIN)
    while not _read_ahead(imap, sock):
        left = deadline - time.monotonic()
        if left <= 0:
            return False
        if poll.poll(left * 1000) and _read_ahead(imap, sock) is not None:
            break  # a line, or the end of the connection, which reading it will tell
    return True


def _read_ahead(imap: Any, sock: Any) -> bytes | None:
    """What lies in the connection's buffer, filled with what has come; None when TLS waits for the rest of a record."""
    timeout = sock.gettimeout()
    sock.setblocking(False)
    try:
        ahead: bytes = imap.file.peek(1)
    except ssl.SSLWantReadError:
        return None
    finally:
        sock.settimeout(timeout)
    return ahead
