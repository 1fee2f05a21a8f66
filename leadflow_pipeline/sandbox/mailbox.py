"""Puts mails into an IMAP inbox, as a mail server would deliver them.

Belongs here: the account of the sandbox mailbox and appending to it. Does not belong here: making mails
(samples.py) and reading them (the inbox adapter).
"""

from collections.abc import Iterable

from imapclient import IMAPClient, SocketTimeout
from imapclient.exceptions import IMAPClientError

from leadflow_pipeline.adapters.imap_mailbox import ImapAccount

SANDBOX_HOST = "127.0.0.1"
SANDBOX_USER = "leads@sandbox.test"
SANDBOX_PASSWORD = "sandbox"
INBOX = "INBOX"

CONNECT_TIMEOUT_SECONDS = 5.0
READ_TIMEOUT_SECONDS = 30.0


def build_account(port: int) -> ImapAccount:
    """The sandbox mailbox as the pipeline reads it."""
    return ImapAccount(
        host=SANDBOX_HOST, port=port, tls=False, user=SANDBOX_USER, password=SANDBOX_PASSWORD, folder=INBOX
    )


class MailboxUnreachableError(Exception):
    """The mailbox does not answer; the message names it and the remedy."""


def append_mails(host: str, port: int, user: str, password: str, mails: Iterable[bytes]) -> int:
    """Append each mail to INBOX without TLS and return how many there were."""
    appended = 0
    with _connect(host, port) as client:
        client.login(user, password)
        for raw in mails:
            client.append(INBOX, raw)
            appended += 1
    return appended


def _connect(host: str, port: int) -> IMAPClient:
    timeout = SocketTimeout(connect=CONNECT_TIMEOUT_SECONDS, read=READ_TIMEOUT_SECONDS)
    try:
        return IMAPClient(host, port=port, ssl=False, timeout=timeout)
    except (OSError, IMAPClientError) as error:
        raise MailboxUnreachableError(
            f"No IMAP server answers on {host}:{port}: start the stack with `make up`, or check the port."
        ) from error
