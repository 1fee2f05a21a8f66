"""Raw mail bytes to a `MailMessage`: headers, text and HTML as Unicode that can be stored, whatever the bytes.

Here is only MIME: parsing, charsets, caps, clean-up of characters. What a mail means is decided elsewhere.
Nothing in this module raises on any bytes; what was wrong with them stands in `MailMessage.defects`.
"""

import codecs
import email
import html as html_entities
import itertools
import logging
import quopri
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from email.errors import MessageError
from email.header import decode_header
from email.message import Message
from email.parser import BytesHeaderParser
from email.utils import getaddresses

import mailparser
from mailparser.exceptions import MailParserError

# It logs whole headers it cannot decode; a lead's text must never be in a log.
logging.getLogger("mailparser").setLevel(logging.CRITICAL + 1)

BODY_LIMIT = 1_000_000  # characters of text, and of HTML
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

# Codecs that Python takes as a charset but no mail may name: slow, or not a charset at all.
_REFUSED_CODECS = frozenset({"punycode", "idna", "unicode_escape", "raw_unicode_escape", "undefined"})
_REFUSED_CHARSET = re.compile(rb"punycode|idna|unicode.escape", re.IGNORECASE)
_BOUNDARY = re.compile(rb"boundary\s*=", re.IGNORECASE)
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)

_LINE_ENDS = re.compile("\r\n?|[\x0b\x0c\x85\u2028\u2029]")
_CONTROLS = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x9f]")
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f"
    "\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\ufffe\uffff\ud800-\udfff\U000e0000-\U000e0fff]"
)
# Joiners shape Persian, Indic and emoji text; beside ASCII or spaces they only hide words from a reader.
_IDLE_JOINERS = re.compile("(?<![^\x00-\x7f])[\u200c\u200d]+|[\u200c\u200d]+(?![^\x00-\x7f])")
_WIDE_SPACES = re.compile(r"[^\S\n\t\x20-\x7e]")
_PRINTABLE_ASCII = re.compile(r"[\x20-\x7e\n\t]*")
_QUOTED_PRINTABLE = re.compile(r"=(?:3D|20$|C3=[89AB][0-9A-F]|C2=A0|E2=80=[0-9A-F]{2}|\n)", re.MULTILINE)
_ENTITIES = re.compile(r"&(?:nbsp|amp|quot|apos|lt|gt|#\d{2,5}|#x[0-9a-f]{2,4});", re.IGNORECASE)
_ADDRESS = re.compile(
    r"[^\s<>()\[\],;:\"'|@]{1,64}@[^\s<>()\[\],;:\"'@|]{1,190}\.[^\s<>()\[\],;:\"'@|.]{1,63}(?![^\s<>()\[\],;:\"'@|.])"
)
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


def clean_text(text: str) -> str:
    """Text in which every character can be seen or is a line end or tab: composed, storable as UTF-8."""
    if _PRINTABLE_ASCII.fullmatch(text):
        return text
    lines = _CONTROLS.sub("", _LINE_ENDS.sub("\n", text))
    if lines.isascii():
        return lines
    seen = _WIDE_SPACES.sub(" ", _INVISIBLE.sub("", lines))
    return unicodedata.normalize("NFC", _IDLE_JOINERS.sub("", seen))


def addresses_in(text: str) -> list[str]:
    """The e-mail addresses in `text`, in order, in lower case, without the full stop of the sentence (trap 4)."""
    return [each.strip(".,;:!?*_'’").lower() for each in _ADDRESS.findall(text)] if "@" in text else []


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
        text=_without_leftovers(text) if text and text.strip() else None,
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
        cut = _decoded(cut.encode("utf-8", "surrogateescape"), None) if _escaped(cut) else cut
    if "=?" not in cut:
        return clean_text(_one_line(cut))
    try:
        pieces = decode_header(_one_line(cut))  # folded lines would lose the space between them
    except _PARSE_ERRORS:
        return clean_text(_one_line(cut))
    words = [
        piece if isinstance(piece, str) else _decoded(piece, charset) if charset else _decoded(piece, None)
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
            self.xmls.append(clean_text(_decoded(payload, part.get_content_charset())))

    def _read_text(self, part: Message, kind: str) -> None:
        payload = part.get_payload(decode=True)
        content = payload if isinstance(payload, bytes) else str(part.get_payload()).encode("utf-8", "replace")
        charset = part.get_content_charset()
        read = clean_text(_decoded(content[: 4 * BODY_LIMIT], charset))
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


def _decoded(content: bytes, charset: str | None) -> str:
    """Bytes as text in steps: byte order mark, the charset named, UTF-8, then Windows-1252.

    Mail that says ISO-8859-1 means Windows-1252, as browsers know; UTF-8 with a few broken bytes stays UTF-8.
    """
    for mark, codec in _BOMS:
        if content.startswith(mark):
            return content.decode(codec, "replace")
    for name in (_codec(charset), "utf-8"):
        if name is None:
            continue
        try:
            return content.decode(name)
        except (ValueError, LookupError):
            continue
    read = content.decode("utf-8", "replace")
    broken = read.count("\ufffd")
    if broken * 4 < sum(1 for letter in read if letter > "\x7f"):
        return read
    try:
        return content.decode("cp1252")
    except UnicodeDecodeError:
        return content.decode("latin-1")


def _codec(charset: str | None) -> str | None:
    try:
        name = codecs.lookup((charset or "").strip("\"' ").replace("\x00", "")).name
    except (LookupError, ValueError):
        return None
    if name.replace("-", "_") in _REFUSED_CODECS:
        return None
    return "cp1252" if name in ("iso8859-1", "ascii") and charset and "ascii" not in charset.lower() else name


def _without_leftovers(text: str) -> str:
    """Text a forwarder passed on undecoded: quoted-printable and HTML entities left in it (trap 8)."""
    if len(_QUOTED_PRINTABLE.findall(text)) >= 2:
        text = clean_text(_decoded(quopri.decodestring(text.encode("utf-8")), None))
    if _ENTITIES.search(text) and "<adf" not in text.lower():
        text = clean_text(html_entities.unescape(text))
    return text
