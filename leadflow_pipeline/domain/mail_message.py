"""Raw mail bytes to a `MailMessage`: headers, text and HTML as Unicode that can be stored, whatever the bytes.

Here is only MIME: parsing and caps; charsets and clean-up of characters are in `mail_characters`. What a mail
means is decided elsewhere. Nothing in this module raises on any bytes; what was wrong with them stands in
`MailMessage.defects`.
"""

import codecs
import email
import itertools
import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from email.errors import MessageError
from email.header import decode_header
from email.message import Message
from email.parser import BytesHeaderParser
from email.utils import getaddresses

import mailparser
from mailparser.exceptions import MailParserError

from leadflow_pipeline.domain.mail_characters import BODY_LIMIT, addresses_in, clean_text, decoded, without_leftovers

# It logs whole headers it cannot decode; a lead's text must never be in a log.
logging.getLogger("mailparser").setLevel(logging.CRITICAL + 1)

_RAW_LIMIT = 40_000_000  # Gmail takes 35,651,584 bytes; nothing larger is a mail
_HEADER_LIMIT = 20_000
_HEADERS_LIMIT = 2_000
_HEAD_LIMIT = 300_000
_PARTS_LIMIT = 500
# Beyond these the parsers take seconds (measured), and no mail program makes such a tree.
_BOUNDARY_LINES_LIMIT = 2_000
_BOUNDARIES_LIMIT = 300
_ENCLOSED_DEPTH = 3
_XML_LIMIT = 300_000  # bytes
_XMLS_LIMIT = 5

# What the parsers were seen to raise on hostile bytes; RuntimeError holds RecursionError.
_PARSE_ERRORS = (
    ValueError, LookupError, TypeError, AttributeError, ArithmeticError, AssertionError, RuntimeError,
    MessageError, MailParserError,
)  # fmt: skip

_REFUSED_CHARSET = re.compile(rb"punycode|idna|unicode.escape", re.IGNORECASE)
_BOUNDARY = re.compile(rb"boundary\s*=", re.IGNORECASE)
_XML = re.compile(r"^(?:text|application)/(?:[\w.+-]*\+)?(?:xml|adf)$")
_HEAD_END = re.compile(rb"\r?\n\r?\n|\r\r")
_HEADER_START = re.compile(rb"(?:^|(?<=\n)|(?<=\r))(?![ \t\r\n])")
_HTML_START = re.compile(r"\s*(?:<!doctype html|<html|<head|<body|<div|<table|<p[ >]|<span|<br|<meta)", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class Attachment:
    """What hangs on a mail; its content is not read, but for XML (`MailMessage.xml`)."""

    filename: str | None
    content_type: str
    size: int


@dataclass(frozen=True, kw_only=True)
class MailMessage:
    """One mail as it can be stored: every text encodes as UTF-8 and is free of control characters."""

    from_address: str | None = None  # lower case
    from_name: str | None = None
    reply_to: str | None = None  # the first address, lower case
    reply_to_name: str | None = None
    recipients: tuple[str, ...] = ()  # To, Cc, Delivered-To and the like, lower case: never a lead's address
    subject: str = ""
    message_id: str | None = None
    date_text: str | None = None
    headers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # names in lower case
    text: str | None = None
    html: str | None = None
    content_types: tuple[str, ...] = ()  # of every part, outermost first
    calendar: bool = False  # a calendar method (REQUEST, REPLY, CANCEL) outside an attached file
    attachments: tuple[Attachment, ...] = ()
    xml: tuple[str, ...] = ()  # XML parts, attached or not: a lead may come as ADF
    enclosed: tuple["MailMessage", ...] = ()  # mails forwarded as attachment
    defects: tuple[str, ...] = ()

    def header(self, name: str) -> str:
        """The first value of a header, by its lower-case name; empty when absent."""
        return self.headers.get(name, ("",))[0]

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to read: no subject, no text, no enclosed mail."""
        return not (self.subject or self.text or self.html or self.enclosed)


def read_mail(raw: bytes) -> MailMessage:
    """The mail in `raw`. Never raises: mail-parser first, then the standard library, then headers and text."""
    defects: list[str] = []
    if len(raw) > _RAW_LIMIT:
        defects.append("cut: larger than any mail")
    whole = _with_bounded_head(raw[:_RAW_LIMIT].removeprefix(codecs.BOM_UTF8).lstrip(b"\r\n"), defects)
    message, senders, replies = _parsed(whole, defects)
    return _read(message, defects, senders=senders, replies=replies)


def _parsed(raw: bytes, defects: list[str]) -> tuple[Message, list[tuple[str, str]], list[tuple[str, str]]]:
    """The MIME tree with the senders and reply addresses mail-parser found in it."""
    crowded = (
        raw.count(b"\n--") + raw.count(b"\r--") > _BOUNDARY_LINES_LIMIT
        or len(_BOUNDARY.findall(raw)) > _BOUNDARIES_LIMIT
    )
    if crowded:
        defects.append("cut: too many parts")
    elif not _REFUSED_CHARSET.search(raw):
        try:
            parsed = mailparser.parse_from_bytes(raw)
            if parsed.message is not None:
                defects.extend(sorted(str(each) for each in parsed.defects_categories))
                return parsed.message, _pairs(parsed.from_), _pairs(parsed.reply_to)
        except _PARSE_ERRORS as error:
            defects.append(f"mail-parser: {type(error).__name__}")
    for name, parse in (("email", email.message_from_bytes), ("headers", BytesHeaderParser().parsebytes)):
        if crowded and name == "email":
            continue
        try:
            return parse(raw), [], []
        except _PARSE_ERRORS as error:
            defects.append(f"{name}: {type(error).__name__}")
    bare = Message()
    bare.set_payload(raw.decode("ascii", "surrogateescape"))
    return bare, [], []


def _with_bounded_head(raw: bytes, defects: list[str]) -> bytes:
    """The mail with headers cut to a size the parsers read in no time; they are quadratic in a header's length."""
    end = _HEAD_END.search(raw)
    head = raw[: end.start()] if end else raw
    if len(head) <= _HEADER_LIMIT:
        return raw
    starts = [match.start() for match in _HEADER_START.finditer(head)] + [len(head)]
    headers = [head[start:stop] for start, stop in itertools.pairwise(starts)]
    if all(len(each) <= _HEADER_LIMIT for each in headers) and len(head) <= _HEAD_LIMIT:
        return raw
    defects.append("cut: headers longer than any mail's")
    cut = b"".join(
        each if len(each) <= _HEADER_LIMIT else each[:_HEADER_LIMIT].rstrip(b"\r\n") + b"\r\n" for each in headers
    )
    return cut[:_HEAD_LIMIT].rstrip(b"\r\n") + (raw[end.start() :] if end else b"\r\n\r\n" + raw[:BODY_LIMIT])


def _pairs(found: object) -> list[tuple[str, str]]:
    """mail-parser's list of (name, address), or nothing where a sender made it something else."""
    if not isinstance(found, list):
        return []
    return [(str(each[0]), str(each[1])) for each in found if isinstance(each, tuple) and len(each) == 2]


def _read(
    message: Message,
    defects: list[str],
    *,
    senders: Sequence[tuple[str, str]] = (),
    replies: Sequence[tuple[str, str]] = (),
    depth: int = 0,
) -> MailMessage:
    headers = _headers(message, defects)
    bodies = _Bodies(defects=defects, depth=depth)
    bodies.collect(message)
    from_name, from_address = _mailbox(senders, headers.get("from", ()))
    reply_name, reply_to = _mailbox(replies, headers.get("reply-to", ()))
    recipients = [
        address
        for name in ("to", "cc", "delivered-to", "x-original-to", "envelope-to", "x-forwarded-to")
        for value in headers.get(name, ())
        for address in addresses_in(value)
    ]
    text, html = bodies.text, bodies.html
    if text and not html and _HTML_START.match(text):
        text, html = None, text
    return MailMessage(
        from_address=from_address,
        from_name=from_name,
        reply_to=reply_to,
        reply_to_name=reply_name,
        recipients=tuple(dict.fromkeys(recipients)),
        subject=_one_line(next(iter(headers.get("subject", ())), ""))[:1000],
        message_id=_one_line(next(iter(headers.get("message-id", ())), "")) or None,
        date_text=_one_line(next(iter(headers.get("date", ())), "")) or None,
        headers=headers,
        text=without_leftovers(text) if text and text.strip() else None,
        html=html if html and html.strip() else None,
        content_types=tuple(bodies.content_types),
        calendar=bodies.calendar,
        attachments=tuple(bodies.attachments),
        xml=tuple(bodies.xmls),
        enclosed=tuple(bodies.enclosed),
        defects=tuple(dict.fromkeys(clean_text(each)[:200] for each in defects)),
    )


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _headers(message: Message, defects: list[str]) -> dict[str, tuple[str, ...]]:
    collected: dict[str, list[str]] = {}
    try:
        items = list(message.raw_items())[:_HEADERS_LIMIT]
    except _PARSE_ERRORS as error:
        defects.append(f"headers: {type(error).__name__}")
        return {}
    for name, value in items:
        collected.setdefault(clean_text(str(name)).lower(), []).append(_header_text(str(value)))
    return {name: tuple(values) for name, values in collected.items()}


def _header_text(value: str) -> str:
    """A header's value as Unicode: raw 8-bit bytes first, then encoded words, each word on its own."""
    cut = value[:_HEADER_LIMIT]
    if not cut.isascii():
        cut = decoded(cut.encode("utf-8", "surrogateescape"), None) if _escaped(cut) else cut
    if "=?" not in cut:
        return clean_text(_one_line(cut))
    try:
        pieces = decode_header(_one_line(cut))  # folded lines would lose the space between them
    except _PARSE_ERRORS:
        return clean_text(_one_line(cut))
    words = [
        piece if isinstance(piece, str) else decoded(piece, charset) if charset else decoded(piece, None)
        for piece, charset in pieces
    ]
    return clean_text(_one_line("".join(words)))


def _escaped(text: str) -> bool:
    """Whether every surrogate in the text stands for one raw byte."""
    try:
        text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return False
    return True


def _mailbox(pairs: Sequence[tuple[str, str]], values: Sequence[str]) -> tuple[str | None, str | None]:
    """Name and address of the first mailbox that has an address; a broken one is searched for an address."""
    found = [(_header_text(name), _header_text(address)) for name, address in pairs]
    if not any(addresses_in(address) for _, address in found):
        try:
            found = getaddresses(list(values))
        except _PARSE_ERRORS:
            found = []
    for name, address in found:
        if addresses_in(address):
            return clean_text(_one_line(name)).strip("\"' ") or None, addresses_in(address)[0]
    for value in values:
        addresses = addresses_in(value)
        if addresses:
            return value.partition("<")[0].strip("\"' ") or None, addresses[-1]
    return (clean_text(_one_line(values[0])).strip("\"' ") or None) if values else None, None


@dataclass(kw_only=True)
class _Bodies:
    """What one walk over the parts of a mail collects. An enclosed mail's text stays its own."""

    defects: list[str]
    depth: int
    texts: list[str] = field(default_factory=list)
    htmls: list[str] = field(default_factory=list)
    content_types: list[str] = field(default_factory=list)
    calendar: bool = False
    attachments: list[Attachment] = field(default_factory=list)
    xmls: list[str] = field(default_factory=list)
    enclosed: list[MailMessage] = field(default_factory=list)

    @property
    def text(self) -> str | None:
        return "\n".join(self.texts)[:BODY_LIMIT] if self.texts else None

    @property
    def html(self) -> str | None:
        return "\n".join(self.htmls)[:BODY_LIMIT] if self.htmls else None

    def collect(self, message: Message) -> None:
        for count, part in enumerate(_parts(message)):
            if count >= _PARTS_LIMIT:
                self.defects.append("cut: too many parts")
                return
            try:
                self._take(part)
            except _PARSE_ERRORS as error:
                self.defects.append(f"part: {type(error).__name__}")

    def _take(self, part: Message) -> None:
        kind = clean_text(part.get_content_type()).lower()
        self.content_types.append(kind)
        if kind == "message/rfc822" and part.is_multipart():
            self._enclose(part)
            return
        if part.is_multipart():
            return
        filename = part.get_filename()
        is_file = bool(filename) or part.get_content_disposition() == "attachment"
        if kind == "text/calendar" and not is_file:
            self.calendar = True
        if kind in ("text/plain", "text/html") and (not is_file or part.get_content_disposition() == "inline"):
            self._read_text(part, kind)
            return
        name = _header_text(filename)[:300] if filename else None
        if _XML.search(kind) or (name and name.lower().endswith((".xml", ".adf"))):
            self._read_xml(part)
        if is_file or not kind.startswith("text/"):
            self.attachments.append(Attachment(filename=name, content_type=kind, size=len(str(part.get_payload()))))

    def _read_xml(self, part: Message) -> None:
        payload = part.get_payload(decode=True)
        if isinstance(payload, bytes) and len(payload) <= _XML_LIMIT and len(self.xmls) < _XMLS_LIMIT:
            self.xmls.append(clean_text(decoded(payload, part.get_content_charset())))

    def _read_text(self, part: Message, kind: str) -> None:
        payload = part.get_payload(decode=True)
        content = payload if isinstance(payload, bytes) else str(part.get_payload()).encode("utf-8", "replace")
        charset = part.get_content_charset()
        read = clean_text(decoded(content[: 4 * BODY_LIMIT], charset))
        (self.htmls if kind == "text/html" else self.texts).append(read[:BODY_LIMIT])

    def _enclose(self, part: Message) -> None:
        inner = part.get_payload()
        if self.depth < _ENCLOSED_DEPTH and isinstance(inner, list) and inner:
            first = inner[0]
            if isinstance(first, Message):
                self.enclosed.append(_read(first, [], depth=self.depth + 1))


def _parts(message: Message) -> Iterator[Message]:
    """Every part, outermost first, without going into enclosed mails; a stack, so depth costs no recursion."""
    waiting = [message]
    while waiting:
        part = waiting.pop()
        yield part
        inner = part.get_payload() if part.is_multipart() else None
        if isinstance(inner, list) and part.get_content_type() != "message/rfc822":
            waiting.extend(each for each in reversed(inner) if isinstance(each, Message))
