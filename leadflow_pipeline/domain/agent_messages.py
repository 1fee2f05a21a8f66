"""What an agent is told of a new lead by text: one segment where it can be.

Nothing of the lead's own words can act: control characters, line breaks and links are taken out, so that the only link
is ours and the only number is the lead's.
"""

import re
import unicodedata
from collections.abc import Mapping
from typing import Any

import phonenumbers

from leadflow_pipeline.domain.plain_text import clean_line

ONE_SEGMENT = 160  # of GSM-7; 70 where a text needs UCS-2
ONE_UCS2_SEGMENT = 70
_NAME_LIMIT, _PLACE_LIMIT = 40, 60

# GSM 03.38: the basic set and, behind an escape that counts too, the extension (3GPP TS 23.038, grade A).
GSM_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
GSM_EXTENDED = frozenset("^{}\\[~]|€")
_SAME_MEANING = str.maketrans(
    {"‘": "'", "’": "'", "‚": "'", "“": '"', "”": '"', "„": '"', "–": "-", "—": "-", "…": "...", "\u00a0": " "}
)
_LINKS = re.compile(
    r"(?:[a-z][a-z0-9+.-]*://|www\.)\S+|\b(?:[a-z0-9-]+\.)+[a-z]{2,24}\b(?:/\S*)?|\S+@\S+|javascript:\S*", re.IGNORECASE
)


def write_text(lead: Mapping[str, Any], link: str) -> str:
    """The text for an agent: how good, who, the number to tap, the property, our link to the rest."""
    name = plain_words(lead["full_name"], _NAME_LIMIT) or "No name"
    place = plain_words(_place(lead), _PLACE_LIMIT)
    first = f"{_label(lead)}: {name}"
    contact = format_phone(lead["phone_e164"], lead["phone_extension"])
    return _fit(first, contact, place, link)


def plain_words(text: str | None, limit: int) -> str:
    """One line of a lead's own text, without links and addresses that a phone would make tappable."""
    return clean_line(_LINKS.sub(" ", clean_line(text, limit * 4)), limit).strip(" ,;:-")


def format_phone(e164: str | None, extension: str | None) -> str | None:
    """A number as phones know it for one to call."""
    if e164 is None:
        return None
    try:
        shown = phonenumbers.format_number(phonenumbers.parse(e164), phonenumbers.PhoneNumberFormat.INTERNATIONAL)
    except phonenumbers.NumberParseException:
        return None
    return f"{shown} x{extension}" if extension else shown


def to_gsm(text: str) -> str:
    """The text with what GSM-7 lacks replaced by what comes near; what has nothing near stays."""
    return "".join(_near(character) for character in text.translate(_SAME_MEANING))


def count_septets(text: str) -> int | None:
    """The length of a text in GSM-7; None where it needs UCS-2."""
    length = 0
    for character in text:
        if character in GSM_BASIC:
            length += 1
        elif character in GSM_EXTENDED:
            length += 2
        else:
            return None
    return length


def _near(character: str) -> str:
    if character in GSM_BASIC or character in GSM_EXTENDED:
        return character
    if unicodedata.category(character) in ("So", "Sk", "Cn", "Co", "Cf", "Mn", "Me"):  # emoji and their joiners
        return ""
    bare = "".join(part for part in unicodedata.normalize("NFKD", character) if not unicodedata.combining(part))
    return bare if bare and all(part in GSM_BASIC for part in bare) else character


def _label(lead: Mapping[str, Any]) -> str:
    score = "" if lead["score"] is None else f" {lead['score']}"
    return f"{'HOT lead' if lead['bucket'] == 'hot' else 'New lead'}{score}"


def _place(lead: Mapping[str, Any]) -> str | None:
    if lead["property_address"]:
        return str(lead["property_address"])
    return f"MLS {lead['property_mls_id']}" if lead["property_mls_id"] else None


def _fit(first: str, contact: str | None, place: str, link: str) -> str:
    """One segment: the place gives way first, then the end of the name. The number and the link are whole."""
    while True:
        text = to_gsm("\n".join(part for part in (first, contact, place, link) if part))
        septets = count_septets(text)
        over = len(text) - ONE_UCS2_SEGMENT if septets is None else septets - ONE_SEGMENT
        if over <= 0:
            return text
        if place:
            place = place[: len(place) - over].rstrip(" ,") if len(place) - over >= 12 else ""
        elif septets is not None and len(first) - over >= 20:
            first = first[: len(first) - over].rstrip()
        else:
            return text
