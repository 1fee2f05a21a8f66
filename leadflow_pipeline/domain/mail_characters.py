"""Bytes and characters of a mail: charsets in steps, text that can be seen and stored, the addresses in it.

Nothing here raises on any bytes.
"""

import codecs
import html as html_entities
import quopri
import re

from leadflow_pipeline.domain.plain_text import composed

BODY_LIMIT = 1_000_000  # characters of text, and of HTML

# Codecs that Python takes as a charset but no mail may name: slow, or not a charset at all.
_REFUSED_CODECS = frozenset({"punycode", "idna", "unicode_escape", "raw_unicode_escape", "undefined"})
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


def clean_text(text: str) -> str:
    """Text in which every character can be seen or is a line end or tab: composed, storable as UTF-8."""
    if _PRINTABLE_ASCII.fullmatch(text):
        return text
    lines = _CONTROLS.sub("", _LINE_ENDS.sub("\n", text))
    if lines.isascii():
        return lines
    seen = _IDLE_JOINERS.sub("", _WIDE_SPACES.sub(" ", _INVISIBLE.sub("", lines)))
    return composed(seen)


def addresses_in(text: str) -> list[str]:
    """The e-mail addresses in `text`, in order, in lower case, without the full stop of the sentence (trap 4)."""
    return [each.strip(".,;:!?*_'’").lower() for each in _ADDRESS.findall(text)] if "@" in text else []


def decoded(content: bytes, charset: str | None) -> str:
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


def without_leftovers(text: str) -> str:
    """Text a forwarder passed on undecoded: quoted-printable and HTML entities left in it (trap 8)."""
    if len(_QUOTED_PRINTABLE.findall(text)) >= 2:
        text = clean_text(decoded(quopri.decodestring(text.encode("utf-8")), None))
    if _ENTITIES.search(text) and "<adf" not in text.lower():
        text = clean_text(html_entities.unescape(text))
    return text
