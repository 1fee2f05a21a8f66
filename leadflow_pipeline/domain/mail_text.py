"""The lines of a mail that a person sees: HTML to lines, quoted replies, forwarded mails.

Tables keep label and value on one line with a tab between them, quotes keep their `>`; links are listed
beside the lines. What the lines mean is the business of `mail_labels` and the rules.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from selectolax.lexbor import LexborHTMLParser, LexborNode

from leadflow_pipeline.domain.mail_message import addresses_in, clean_text

_LINES_LIMIT = 6_000
_LINE_LIMIT = 20_000
_NODES_LIMIT = 60_000
_LINKS_LIMIT = 1_000
_TAGS_LIMIT = 5_000
_DEPTH_LIMIT = 2_000

_DROPPED = frozenset(
    [
        "script",
        "style",
        "head",
        "title",
        "noscript",
        "template",
        "svg",
        "math",
        "select",
        "textarea",
        "object",
        "iframe",
    ]
)
_BLOCKS = frozenset(
    [
        "address",
        "article",
        "aside",
        "blockquote",
        "body",
        "caption",
        "center",
        "dd",
        "div",
        "dl",
        "dt",
        "fieldset",
        "figure",
        "footer",
        "form",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "header",
        "hr",
        "legend",
        "li",
        "main",
        "nav",
        "ol",
        "p",
        "pre",
        "section",
        "table",
        "tbody",
        "tfoot",
        "thead",
        "tr",
        "ul",
    ]
)
_VOID = frozenset({"br", "hr", "img", "input", "meta", "link", "col", "area", "base", "wbr", "source"})
_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9]{0,20})")
_ANY_TAG = re.compile(r"<[^<>]{0,2000}>")
_DROPPED_PART = re.compile(r"<(style|script|head|title)\b.{0,50000}?</\1\s*>", re.IGNORECASE | re.DOTALL)
_CELLS = frozenset({"td", "th"})
_HIDDEN = re.compile(
    r"display\s*:\s*none|visibility\s*:\s*hidden|mso-hide\s*:\s*all|opacity\s*:\s*0(?:\.0+)?\s*(?:;|!|$)"
    r"|max-height\s*:\s*0(?:px)?\s*(?:;|!|$)",
    re.IGNORECASE,
)
_SPACES = re.compile(r"\s+")
_TAB_RUN = re.compile(r" *\t[ \t]*")

_QUOTED = re.compile(r"^\s{0,3}>")
_UNQUOTE = re.compile(r"^\s{0,3}(?:> ?)+")
_ATTRIBUTION = re.compile(
    r"^\s*(?:on|el|le|am|il|em)\b.{4,300}?\b(?:wrote|escribió|escribio|a écrit|schrieb|ha scritto|escreveu)\s*:\s*$",
    re.IGNORECASE,
)
_FORWARD_MARK = re.compile(
    r"^\W*(?:begin )?(?:forwarded (?:message|mail)|mensaje reenviado|message transféré|weitergeleitete nachricht"
    r"|inicio del mensaje reenviado)\s*:?\W*$",
    re.IGNORECASE,
)
_ORIGINAL_MARK = re.compile(r"^\s*-{2,}\s*(?:original message|mensaje original)\s*-{2,}\s*$", re.IGNORECASE)
_RULER = re.compile(r"^\s*_{8,}\s*$")
_HEADER_LINE = re.compile(
    r"^[\s*_]*(from|de|sent|enviado(?: el)?|date|fecha|to|para|cc|subject|asunto|reply-to|responder a)"
    r"[\s*_]*:[\s*_]*(.*)$",
    re.IGNORECASE,
)
_HEADER_NAMES = {
    "de": "from", "sent": "date", "enviado": "date", "enviado el": "date", "fecha": "date", "para": "to",
    "asunto": "subject", "responder a": "reply-to",
}  # fmt: skip
_FORWARD_SUBJECT = re.compile(r"^\s*(?:fwd?|rv|reenv|wg|tr|enc)\s*:", re.IGNORECASE)
_SENT_FROM = re.compile(
    r"^\s*(?:sent from my|get outlook for|enviado desde mi|sent via|sent from yahoo mail)\b.{0,60}$",
    re.IGNORECASE,
)


@dataclass(frozen=True, kw_only=True)
class Link:
    """A link of the HTML part."""

    target: str  # as written: `mailto:…`, `tel:…`, `https://…`
    text: str
    line: int = 0  # the line it stands on


@dataclass(frozen=True, kw_only=True)
class VisibleText:
    """What a person sees of one part. Lines are free of line ends; a tab stands between table cells."""

    lines: tuple[str, ...] = ()
    links: tuple[Link, ...] = ()

    @property
    def is_blank(self) -> bool:
        """Whether there is nothing to read."""
        return not any(line.strip() for line in self.lines)


@dataclass(frozen=True, kw_only=True)
class Forwarded:
    """A mail that somebody forwarded by hand: its headers as the forwarder's program wrote them, and its lines."""

    from_address: str | None
    from_name: str | None
    reply_to: str | None
    subject: str
    recipients: tuple[str, ...]
    lines: tuple[str, ...]


def read_plain(text: str | None) -> VisibleText:
    """The lines of a text part."""
    lines = (line[:_LINE_LIMIT].rstrip() for line in (text or "").split("\n", _LINES_LIMIT)[:_LINES_LIMIT])
    return VisibleText(lines=tuple(lines))


def read_html(html: str | None) -> VisibleText:
    """The visible lines and the links of an HTML part. Never raises; markup without end is read as it stands."""
    if not html:
        return VisibleText()
    if is_too_deep(html):
        return read_plain(clean_text(_ANY_TAG.sub("\n", _DROPPED_PART.sub("\n", html))))
    root = LexborHTMLParser(html).root
    if root is None:
        return VisibleText()
    page = _Page()
    page.walk(root)
    return page.finished()


def own_words(lines: Sequence[str], *, subject: str = "") -> tuple[str, ...]:
    """The lines a sender wrote now: no quoted reply, no `Sent from my phone`. Quotes alone count as own words."""
    kept = _before_original(lines) if not _FORWARD_SUBJECT.match(subject) else list(lines)
    start = _attribution(kept)
    if start is not None:
        first, after = start
        answers = [line for line in kept[after:] if not _QUOTED.match(line)]
        kept = kept[:first] + (answers if len(answers) < len(kept[after:]) else [])
    unquoted = [line for line in kept if not _QUOTED.match(line)]
    if not any(line.strip() for line in unquoted):
        unquoted = [_UNQUOTE.sub("", line) for line in (kept if any(kept) else lines)]
    return tuple(line for line in unquoted if not _SENT_FROM.match(line))


def forwarded_mail(lines: Sequence[str], *, subject: str = "") -> Forwarded | None:
    """The mail that was forwarded by hand in `lines` (trap 9), None where there is none.

    Seen are Gmail's and Apple's marks; Outlook's block of From, Sent, To, Subject counts after a ruler, or
    where the subject says `Fwd:`. The block needs a sender and one more header, as a contact form's own
    `From:` line is none.
    """
    is_forward = bool(_FORWARD_SUBJECT.match(subject))
    bare = [_UNQUOTE.sub("", line) for line in lines]
    for number, line in enumerate(bare):
        if _FORWARD_MARK.match(line) and ("-" in line or ":" in line or is_forward):
            return _forwarded_from(bare, number + 1)
        if is_forward and (_ORIGINAL_MARK.match(line) or _RULER.match(line)):
            found = _forwarded_from(bare, number + 1)
            if found:
                return found
        if is_forward and (header := _HEADER_LINE.match(line)) and header[1].lower() in ("from", "de"):
            found = _forwarded_from(bare, number, least=3)
            if found:
                return found
    return None


def _forwarded_from(lines: Sequence[str], start: int, *, least: int = 2) -> Forwarded | None:
    headers: dict[str, str] = {}
    number, last = start, ""
    while number < len(lines) and number < start + 20:
        line = lines[number]
        match = _HEADER_LINE.match(line)
        if match:
            last = _HEADER_NAMES.get(match[1].lower(), match[1].lower())
            headers.setdefault(last, match[2].strip())
        elif not line.strip():
            if headers:
                break
        elif headers and last in ("to", "cc", "subject", "from"):
            headers[last] += " " + line.strip()
        elif not headers:
            return None
        number += 1
    if len(headers) < least or "from" not in headers:
        return None
    addresses = addresses_in(headers["from"])
    replies = addresses_in(headers.get("reply-to", ""))
    name = re.split(r"[<\[(]|mailto:", headers["from"])[0].strip(" \"'*")
    return Forwarded(
        from_address=addresses[0] if addresses else None,
        from_name=name if name and "@" not in name else None,
        reply_to=replies[0] if replies else None,
        subject=headers.get("subject", ""),
        recipients=tuple(addresses_in(headers.get("to", "") + " " + headers.get("cc", ""))),
        lines=tuple(lines[number:]),
    )


def _before_original(lines: Sequence[str]) -> list[str]:
    for number, line in enumerate(lines):
        ruled = _RULER.match(line) and any(_HEADER_LINE.match(each) for each in lines[number + 1 : number + 3])
        if (ruled or _ORIGINAL_MARK.match(line) or _begins_headers(lines, number)) and any(
            each.strip() for each in lines[:number]
        ):
            return list(lines[:number])
    return list(lines)


def _begins_headers(lines: Sequence[str], number: int) -> bool:
    """Whether Outlook's block of a quoted mail begins here: From, then Sent and To. A form has no Sent."""
    names = [match[1].lower() for line in lines[number : number + 4] if (match := _HEADER_LINE.match(line))]
    kinds = [_HEADER_NAMES.get(name, name) for name in names]
    return kinds[:1] == ["from"] and "date" in kinds and ("to" in kinds or "subject" in kinds)


def _attribution(lines: Sequence[str]) -> tuple[int, int] | None:
    """First and next line of `On …, … wrote:`, which programs wrap over two or three lines."""
    for number, line in enumerate(lines):
        if not line[:12].lstrip().lower().startswith(("on ", "el ", "le ", "am ", "il ", "em ")):
            continue
        for length in (1, 2, 3):
            if _ATTRIBUTION.match(" ".join(each.strip() for each in lines[number : number + length])):
                return number, number + length
    return None


def is_too_deep(html: str) -> bool:
    """Whether elements nest deeper than any page: the parser's time grows with the square of the depth."""
    if html.count("<") <= _TAGS_LIMIT:
        return False
    open_tags: dict[str, int] = {}
    depth = 0
    for match in _TAG.finditer(html):
        name = match[2].lower()
        if name in _VOID:
            continue
        here = open_tags.get(name, 0)
        if not match[1]:
            open_tags[name], depth = here + 1, depth + 1
        elif here:
            open_tags[name], depth = here - 1, depth - 1
        if depth > _DEPTH_LIMIT:
            return True
    return False


class _Page:
    """One walk over an HTML tree, with a stack of its own: mail nests deeper than Python recurses."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.links: list[Link] = []
        self._line: list[str] = []
        self._quotes = 0
        self._pre = 0
        self._rows: list[int] = []  # the number of lines there were when the row began

    def walk(self, root: LexborNode) -> None:
        stack: list[tuple[LexborNode, bool]] = [(root, False)]
        for _ in range(2 * _NODES_LIMIT):
            if not stack or len(self.lines) > _LINES_LIMIT:
                break
            node, leaving = stack.pop()
            if leaving:
                self._leave(node)
                continue
            following = node.next if node is not root else None
            if following is not None:
                stack.append((following, False))
            if self._enter(node):
                stack.append((node, True))
                if (child := node.child) is not None:
                    stack.append((child, False))
        self._break()

    def finished(self) -> VisibleText:
        """The lines, runs of empty ones cut to one, and the links with the lines they came to stand on."""
        kept: list[str] = []
        places: list[int] = []
        for line in self.lines[:_LINES_LIMIT]:
            places.append(len(kept))
            if line or (kept and kept[-1]):
                kept.append(line[:_LINE_LIMIT])
        links = [replace(link, line=places[link.line]) for link in self.links if link.line < len(places)]
        return VisibleText(lines=tuple(kept), links=tuple(links))

    def _enter(self, node: LexborNode) -> bool:
        """Take what a node shows; whether its children count."""
        tag = node.tag
        if tag == "-text":
            text = node.text_content or ""
            self._line.append(text if self._pre and "\n" not in text else _SPACES.sub(" ", text))
            if self._pre and "\n" in text:
                self._line.pop()
                self._pre_lines(text)
            return False
        if tag is None or tag in _DROPPED or tag.startswith(("-", "_", "!")):
            return False
        if _is_hidden(node):
            return False
        if tag == "br":
            self._break(blank=True)
            return False
        if tag == "dd" and self._line:
            self._line.append("\t")
        elif tag in _CELLS:
            self._open_cell()
        elif tag in _BLOCKS:
            self._break()
        if tag == "tr":
            self._rows.append(len(self.lines))
        elif tag == "blockquote":
            self._quotes += 1
        elif tag == "pre":
            self._pre += 1
        elif tag == "a" and len(self.links) < _LINKS_LIMIT:
            self._link(node)
        return True

    def _leave(self, node: LexborNode) -> None:
        tag = node.tag or ""
        if tag in _BLOCKS:
            self._break()
        if tag == "tr" and self._rows:
            self._rows.pop()
        elif tag == "blockquote":
            self._quotes -= 1
        elif tag == "pre":
            self._pre -= 1

    def _open_cell(self) -> None:
        """A cell goes on the line of its row, unless a cell before it took several lines."""
        if self._line and self._rows and self._rows[-1] == len(self.lines):
            self._line.append("\t")
        else:
            self._break()

    def _pre_lines(self, text: str) -> None:
        first, *others = text.split("\n", _LINES_LIMIT)[:_LINES_LIMIT]
        self._line.append(first)
        for other in others:
            self._break(blank=True)
            self._line.append(other)

    def _link(self, node: LexborNode) -> None:
        target = (node.attributes.get("href") or "").strip()
        if target and not target.startswith("#"):
            text = _SPACES.sub(" ", node.text(deep=True) or "").strip()
            self.links.append(Link(target=clean_text(target)[:4000], text=clean_text(text)[:500], line=len(self.lines)))

    def _break(self, *, blank: bool = False) -> None:
        line = _TAB_RUN.sub("\t", clean_text("".join(self._line)).replace("\n", " ")).strip()
        self._line.clear()
        if not line and not blank:
            return
        self.lines.append(("> " * min(self._quotes, 5) + line).rstrip() if self._quotes else line)


def _is_hidden(node: LexborNode) -> bool:
    attributes = node.attributes
    if not attributes:
        return False
    style = attributes.get("style")
    return "hidden" in attributes or bool(style and _HIDDEN.search(style))
