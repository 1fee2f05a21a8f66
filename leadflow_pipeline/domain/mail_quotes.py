"""Whose words the lines of a mail are: the sender's own, a quoted reply's, or a forwarded mail's."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from leadflow_pipeline.domain.mail_characters import addresses_in

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
class Forwarded:
    """A mail that somebody forwarded by hand: its headers as the forwarder's program wrote them, and its lines."""

    from_address: str | None
    from_name: str | None
    reply_to: str | None
    subject: str
    recipients: tuple[str, ...]
    lines: tuple[str, ...]


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
