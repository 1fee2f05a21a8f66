"""The sandbox IMAP server: pymap on loopback, without TLS, one account, one folder that survives restarts.

Belongs here: how pymap serves a MailFolder, and starting and ending the process. Does not belong here:
the files themselves (mail_folder.py). Why not pymap's maildir backend: it rewrites mails, see
docs/decisions/0001-sandbox-mailbox.md. Flags live as long as the process; only INBOX exists.
"""

import argparse
import asyncio
import logging
import os
import secrets
import signal
import socket
import ssl
import sys
import traceback
from asyncio import StreamReader, StreamWriter
from collections.abc import Callable, Iterable, Sequence
from contextlib import AsyncExitStack, closing
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any, SupportsBytes, TypeVar
from uuid import uuid4

from proxyprotocol.sock import SocketInfo
from pymap.backend.dict import Config, Login
from pymap.backend.dict.filter import FilterSet
from pymap.backend.dict.mailbox import MailboxData, MailboxSet, Message
from pymap.bytes import Writeable
from pymap.concurrent import Event
from pymap.config import BackendCapability
from pymap.context import connection_exit
from pymap.exceptions import NotSupportedError
from pymap.imap import IMAPConnection, IMAPServer
from pymap.imap.state import ConnectionState
from pymap.interfaces.message import MessageInterface
from pymap.message import BaseLoadedMessage
from pymap.mime import MessageBody, MessageContent, MessageHeader
from pymap.parsing.message import AppendMessage
from pymap.parsing.response import Response
from pymap.parsing.response.fetch import BodyStructure, EnvelopeStructure
from pymap.parsing.specials import FetchRequirement, ObjectId
from pymap.parsing.specials.flag import Flag
from pymap.selected import SelectedMailbox
from pymap.user import Passwords, UserMetadata
from pysasl.hashing import Cleartext

from leadflow_pipeline.sandbox.mail_folder import FolderError, MailFolder
from leadflow_pipeline.sandbox.mailbox import SANDBOX_HOST, SANDBOX_PASSWORD, SANDBOX_USER

LOG = logging.getLogger(__name__)

LINE_LIMIT = 2**20  # a FETCH that names ten thousand UIDs is one line

T = TypeVar("T", bound=SupportsBytes)


class PortError(Exception):
    """The port cannot be opened; the message says why and what to do."""


class RawContent(BaseLoadedMessage):
    """A whole mail is answered with the stored bytes; it is parsed only for its parts and headers."""

    def __init__(self, message: MessageInterface, requirement: FetchRequirement, raw: bytes) -> None:
        super().__init__(message, requirement, None)
        self._raw = raw

    @property
    def content(self) -> MessageContent:
        if self._content is None:
            self._content = parse_leniently(self._raw)
        return self._content

    def get_body(self, section: Sequence[int] | None = None, binary: bool = False) -> Writeable:
        if section or binary:
            return super().get_body(section, binary)
        return Writeable.wrap(self._raw)

    def get_size(self, section: Sequence[int] | None = None) -> int:
        return super().get_size(section) if section else len(self._raw)

    def get_envelope_structure(self) -> EnvelopeStructure:
        return render_leniently(super().get_envelope_structure, EnvelopeStructure.empty)

    def get_body_structure(self) -> BodyStructure:
        return render_leniently(super().get_body_structure, BodyStructure.empty)


def render_leniently(build: Callable[[], T], build_empty: Callable[[], T]) -> T:
    # Rendered here because a broken header may fail only then, in the middle of an answer.
    try:
        structure = build()
        bytes(structure)
    except Exception:  # noqa: BLE001 - the standard library's header parser fails in many ways on broken mails
        return build_empty()
    return structure


def parse_leniently(raw: bytes) -> MessageContent:
    try:
        return MessageContent.parse(raw)
    except Exception:  # noqa: BLE001 - as in render_leniently
        body = MessageBody(raw, [(0, len(raw), len(raw))], MessageBody.empty().content_type, [])
        return MessageContent(raw, MessageHeader.empty(), body)


class StoredMessage(Message):
    """A message whose content stays on disk until it is asked for."""

    __slots__ = ["_folder"]

    def __init__(
        self,
        uid: int,
        arrived_at: datetime,
        folder: MailFolder,
        *,
        flags: Iterable[Flag] = (),
        recent: bool = False,
    ) -> None:
        super().__init__(uid, arrived_at, flags, email_id=ObjectId.random_email_id(), recent=recent)
        self._folder = folder

    async def load_content(self, requirement: FetchRequirement) -> Any:
        needs_bytes = not requirement.has_none(FetchRequirement.HEADER | FetchRequirement.CONTENT)
        try:
            raw = self._folder.read(self.uid) if needs_bytes else b""
        except FileNotFoundError:  # expunged by another connection
            raw = b""
        return RawContent(self, requirement, raw)


class StoredMailbox(MailboxData):
    """pymap's in-memory mailbox over a MailFolder."""

    def __init__(self, in_memory: MailboxSet, folder: MailFolder) -> None:
        super().__init__(in_memory._content_cache, in_memory._thread_cache)
        self._folder = folder
        self._uid_validity = folder.uid_validity
        self._max_uid = folder.last_uid
        self._messages = {uid: StoredMessage(uid, arrived_at, folder) for uid, arrived_at in folder.mails()}

    async def update_selected(self, selected: SelectedMailbox, *, wait_on: Event | None = None) -> SelectedMailbox:
        # A mail that arrived while the last update was being written would otherwise wait for the next one.
        if selected.mod_sequence != self._mod_sequences.highest:
            wait_on = None
        return await super().update_selected(selected, wait_on=wait_on)

    async def append(self, append_msg: AppendMessage, *, recent: bool = False) -> Message:
        arrived_at = (append_msg.when or datetime.now(UTC)).astimezone(UTC).replace(microsecond=0)
        async with self.messages_lock.write_lock():
            uid = self._folder.append(bytes(append_msg.literal), arrived_at)
            message = StoredMessage(uid, arrived_at, self._folder, flags=append_msg.flag_set, recent=recent)
            self._max_uid = uid
            self._messages[uid] = message
            self._mod_sequences.update([uid])
            self._updated.set()
        return message

    async def delete(self, uids: Iterable[int]) -> None:
        uids = list(uids)
        for uid in uids:
            self._folder.delete(uid)
        await super().delete(uids)

    async def copy(self, uid: int, destination: MailboxData, *, recent: bool = False) -> int | None:
        message = self._messages.get(uid)
        if message is None:
            return None
        same = AppendMessage(self._folder.read(uid), message.internal_date, message.permanent_flags)
        return (await destination.append(same, recent=recent)).uid

    async def move(self, uid: int, destination: MailboxData, *, recent: bool = False) -> int | None:
        new_uid = await self.copy(uid, destination, recent=recent)
        if new_uid is not None:
            await self.delete([uid])
        return new_uid


class InboxOnly(MailboxSet):
    """The account's folders: INBOX."""

    def __init__(self, folder: MailFolder) -> None:
        super().__init__()
        self._inbox = StoredMailbox(self, folder)

    async def add_mailbox(self, name: str) -> ObjectId:
        raise NotSupportedError(f"The sandbox mailbox has no folder but INBOX, not {name}.")

    async def rename_mailbox(self, before: str, after: str) -> None:
        raise NotSupportedError(f"The sandbox mailbox keeps its folder {before}, no {after} is made.")


class PlainPassword(Cleartext):
    """Compares bytes: the comparison of texts fails on any that is not ASCII, and with it the connection."""

    def verify(self, secret: str, hash: str) -> bool:
        return secrets.compare_digest(secret.encode(), hash.encode())


class SandboxConfig(Config):
    """One public account: hashing its password would only cost a quarter of a second per login."""

    def __init__(self) -> None:
        super().__init__(
            argparse.Namespace(passlib_cfg=None, proxy_protocol=None),
            host=SANDBOX_HOST,
            port=0,
            demo_data=False,
            demo_user=SANDBOX_USER,
            demo_password=SANDBOX_PASSWORD,
            ssl_context=ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER),
            tls_enabled=False,
            hash_context=PlainPassword(),
        )

    @property
    def backend_capability(self) -> BackendCapability:
        # No OBJECTID: the ids would change with every restart.
        return BackendCapability(idle=True, object_id=False, multi_append=True)

    @property
    def greeting(self) -> bytes:
        # pymap's own greeting looks this host up in the DNS.
        return b"leadflow sandbox mailbox"


class WholeResponseConnection(IMAPConnection):
    """Sends each response in one piece: imapclient's idle_check breaks on a line that comes in two."""

    async def write_response(self, resp: Response) -> None:
        whole = BytesIO()
        await resp.async_write(whole)
        try:
            self.writer.write(whole.getvalue())
            await self.writer.drain()
        except ConnectionError:
            LOG.debug("A client left before its answer.")
        self._acknowledge_at_once()

    def _acknowledge_at_once(self) -> None:
        # imaplib sends a mail and the line end after it apart; a delayed ACK makes each append 44 ms.
        client: socket.socket = self.writer.get_extra_info("socket")
        if hasattr(socket, "TCP_QUICKACK"):
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)


class SandboxServer(IMAPServer):
    """Runs a WholeResponseConnection per client."""

    def __init__(self, login: Login, config: SandboxConfig) -> None:
        super().__init__(login, config)
        self._sandbox_login = login
        self._sandbox_config = config
        self._clients: set[StreamWriter] = set()

    def cut_connections(self) -> None:
        """End every connection at once and without a word, as a network does."""
        for writer in self._clients:
            writer.transport.abort()

    async def __call__(self, reader: StreamReader, writer: StreamWriter, sock_info: SocketInfo) -> None:
        connection = WholeResponseConnection(self.commands, self._sandbox_config, reader, writer, sock_info)
        async with AsyncExitStack() as stack:
            connection_exit.set(stack)
            stack.enter_context(closing(connection))
            await connection.run(ConnectionState(self._sandbox_login, self._sandbox_config))

    async def serve_client(self, reader: StreamReader, writer: StreamWriter) -> None:
        self._clients.add(writer)
        try:
            await self(reader, writer, SocketInfo.get(writer, None, unique_id=uuid4().bytes))
        finally:
            self._clients.discard(writer)


async def build_server(folder: MailFolder) -> SandboxServer:
    config = SandboxConfig()
    config.apply_context()
    login = Login(config)
    password = await Passwords(config).hash_password(SANDBOX_PASSWORD)
    await login.demo_user_identity.set(UserMetadata(config, SANDBOX_USER, password=password))
    config.set_cache[SANDBOX_USER] = (InboxOnly(folder), FilterSet())
    return SandboxServer(login, config)


def report_error(_: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Log the kind and place of an error only: its text may quote a mail."""
    error = context.get("exception")
    if error is None:
        LOG.error("%s", context.get("message"))
        return
    place = traceback.extract_tb(error.__traceback__)[-1:]
    LOG.error("A connection ended with %s in %s.", type(error).__name__, [(at.filename, at.lineno) for at in place])


async def open_port(sandbox: SandboxServer, port: int) -> asyncio.Server:
    try:
        return await asyncio.start_server(sandbox.serve_client, SANDBOX_HOST, port, limit=LINE_LIMIT)
    except (OSError, OverflowError) as error:
        reason = os.strerror(error.errno or 0) if isinstance(error, OSError) else "no such port"
        raise PortError(
            f"Port {port} on {SANDBOX_HOST} cannot be opened ({reason}): end the process that uses it,"
            " or set LEADFLOW_SANDBOX_IMAP_PORT to another port."
        ) from error


async def serve(port: int, folder_path: Path) -> None:
    """Serve the folder until SIGTERM or SIGINT; SIGUSR1 cuts the connections that are open."""
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(report_error)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    sandbox = await build_server(MailFolder(folder_path))
    loop.add_signal_handler(signal.SIGUSR1, sandbox.cut_connections)
    listener = await open_port(sandbox, port)
    LOG.info("The sandbox mailbox listens on %s:%d, mails in %s.", SANDBOX_HOST, port, folder_path)
    await stop.wait()
    # Open connections end with the event loop, which cancels them; waiting for idling clients has no end.
    listener.close()


def main() -> int:
    parser = argparse.ArgumentParser(description="Serve the sandbox mailbox over IMAP on loopback.")
    parser.add_argument("--port", type=int, required=True, help="port on 127.0.0.1")
    parser.add_argument("--folder", type=Path, required=True, help="directory that keeps the mails")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s")
    try:
        asyncio.run(serve(arguments.port, arguments.folder))
    except (FolderError, PortError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
