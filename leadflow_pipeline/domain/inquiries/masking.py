"""Takes personal data out of a text before it leaves the house: e-mails, phones, web addresses, the person's names.

What stays is what the intent is read from, addresses of properties among it. The masked text is also what answers are
cached by, so that two people's same words are one question.
"""

import hashlib
import re
from collections.abc import Iterable

from leadflow_pipeline.domain.inquiries.tokens import TEXT_LIMIT

_EMAIL = re.compile(r"[\w.+%-]+\s?(?:@|\(at\)|\[at\])\s?[\w-]+(?:\s?(?:\.|\(dot\)|\[dot\])\s?[\w-]+)+", re.IGNORECASE)
_LINK = re.compile(r"(?:https?://|www\.)\S+", re.IGNORECASE)
_PHONE = re.compile(r"(?<![\w$])(?:\+?\d{1,3}[\s.-]?)?(?:\(\d{2,4}\)|\d{2,4})(?:[\s./-]?\d{2,4}){2,4}(?!\w)")
_LEAST_PHONE_DIGITS = 7
_NAME = r"[A-ZÁÉÍÓÚÑ][\w'’-]+(?:\s[A-ZÁÉÍÓÚÑ][\w'’.-]+){0,3}"
_INTRODUCED = re.compile(
    rf"\b(?P<lead>(?i:my name is|this is|me llamo|mi nombre es|i am called|name:|nombre:))\s+(?P<name>{_NAME})"
)
_SIGNED = re.compile(
    r"(?P<lead>\b(?i:regards|sincerely|thanks|thank you|best|cheers|saludos|gracias|atentamente),?\s*\n+\s*"
    r"|\n\s*[-–—]\s*"
    rf"|\b(?i:regards|sincerely|saludos|atentamente),\s)(?P<name>{_NAME})"
)
_SHORTEST_NAME = 3


def mask_personal_data(text: str, names: Iterable[str | None]) -> str:
    """The first `TEXT_LIMIT` characters with [email], [phone], [link] and [name] in place of what they name."""
    masked = _EMAIL.sub("[email]", text[:TEXT_LIMIT])
    masked = _LINK.sub("[link]", masked)
    masked = _PHONE.sub(_mask_phone, masked)
    for pattern in (_INTRODUCED, _SIGNED):
        masked = pattern.sub(_mask_name, masked)
    parts = {part for name in names if name for part in (name, *name.split()) if len(part) >= _SHORTEST_NAME}
    # Making a pattern costs ten times what looking costs, and few messages name their writer.
    if masked.isascii():
        said = masked.lower()
        parts = {part for part in parts if not part.isascii() or part.lower() in said}
    if parts:
        known = "|".join(re.escape(part) for part in sorted(parts, key=lambda part: (-len(part), part)))
        masked = re.sub(rf"(?<!\w)(?:{known})(?!\w)", "[name]", masked, flags=re.IGNORECASE)
    return masked


def hash_text(masked: str) -> str:
    """What answers are cached by."""
    return hashlib.sha256(masked.encode()).hexdigest()


def _mask_name(match: re.Match[str]) -> str:
    gap = "" if match["lead"][-1].isspace() else " "
    return f"{match['lead']}{gap}[name]"


def _mask_phone(match: re.Match[str]) -> str:
    digits = sum(letter.isdigit() for letter in match[0])
    return "[phone]" if digits >= _LEAST_PHONE_DIGITS else match[0]
