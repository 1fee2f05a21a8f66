"""The lines of a mail that a person sees: text as it stands, HTML as lines.

Tables keep label and value on one line with a tab between them, quotes keep their `>`; links are listed
beside the lines. Quotes and forwards are told in `mail_quotes`, labels in `mail_labels`.
"""

import re
from dataclasses import dataclass, replace

from selectolax.lexbor import LexborHTMLParser, LexborNode

from leadflow_pipeline.domain.mail_characters import clean_text

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
