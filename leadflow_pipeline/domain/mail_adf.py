"""Leads as ADF/XML, in a mail's text or attached: what CRMs and portals exchange among themselves.

Only the customer is the lead; vendor and provider have contacts too. The XML comes from strangers: no document
type, no entities, a cap on size.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from xml.etree import ElementTree

from leadflow_pipeline.domain.mail_message import MailMessage
from leadflow_pipeline.domain.mail_metadata import Stated, whole_address
from leadflow_pipeline.domain.mail_text import read_html
from leadflow_pipeline.domain.plain_text import clean_line

_SIZE_LIMIT = 300_000
_ELEMENTS_LIMIT = 5_000
_EXTRA_LIMIT = 500
# Entities are what makes XML dangerous: one line of them can fill the memory.
_REFUSED = re.compile(r"<!\s*(?:ENTITY|DOCTYPE[^>]*\[)", re.IGNORECASE)
_DOCTYPE = re.compile(r"<!DOCTYPE[^>\[]{0,500}>", re.IGNORECASE)
_LONE_AMPERSAND = re.compile(r"&(?!(?:amp|lt|gt|quot|apos|#\d{1,7}|#x[0-9a-fA-F]{1,6});)")
_PHONE_KINDS = ("cellphone", "mobile", "cell", "voice", "phone", "")
_WISHES = {"buy": "Buyer", "purchase": "Buyer", "sell": "Seller", "lease": "Renter", "rent": "Renter"}


def read_adf(mail: MailMessage) -> Stated | None:
    """What the mail's ADF says; None where it has none that can be read."""
    prospects = [prospect for text in _texts(mail) for prospect in _prospects(text)]
    if not prospects:
        return None
    stated = _stated(prospects[0])
    return replace(stated, extra={**stated.extra, "adf_prospects": len(prospects)}) if len(prospects) > 1 else stated


def _texts(mail: MailMessage) -> Iterator[str]:
    """Every stretch of the mail from `<adf` to `</adf>`; a mail carries the same one only once."""
    seen: set[str] = set()
    for text in (*mail.xml, mail.text or "", mail.html or ""):
        if "adf" not in text.lower():
            continue
        for found in (text, "\n".join(read_html(text).lines) if "&lt;adf" in text.lower() else ""):
            small = found.lower()
            start = small.find("<adf")
            end = small.find("</adf>", start)
            if 0 <= start < end <= start + _SIZE_LIMIT:
                piece = found[start : end + len("</adf>")]
                if piece not in seen:
                    seen.add(piece)
                    yield piece
                break


def _prospects(text: str) -> list[ElementTree.Element]:
    if _REFUSED.search(text):
        return []
    try:
        root = ElementTree.fromstring(_LONE_AMPERSAND.sub("&amp;", _DOCTYPE.sub("", text)))
    except (ElementTree.ParseError, ValueError):
        return []
    elements = [each for each, _ in zip(root.iter(), range(_ELEMENTS_LIMIT), strict=False)]
    for element in elements:
        element.tag = str(element.tag).rpartition("}")[2].lower()
    return [each for each in elements if each.tag == "prospect"] or [root]


def _stated(prospect: ElementTree.Element) -> Stated:
    contact = prospect.find("customer/contact")
    customer = prospect.find("customer")
    home = next(
        (each for tag in ("property", "listing", "realestate", "vehicle") for each in prospect.findall(tag)), None
    )
    values: dict[str, str] = {}
    if contact is not None:
        values |= _names(contact)
        values["email"] = _text(contact, "email")
        values["phone"] = _phone(contact)
        values["address"] = _address(contact.find("address"))
    if customer is not None:
        values["message"] = _text(customer, "comments")
        values["timeframe"] = _text(customer, "timeframe/description")
    if home is not None:
        values |= _home(home)
    provider = prospect.find("provider")
    source = "" if provider is None else _name(provider) or _text(provider, "service")
    identity = prospect.find("id")
    source = source or ("" if identity is None else identity.get("source", ""))
    values = {fact: text.strip() for fact, text in values.items() if text.strip()}
    paths = {fact: _PATHS.get(fact, "property") for fact in values}
    extra = {"lead_source": clean_line(source, _EXTRA_LIMIT)} if source else {}
    return Stated(values=values, origins=paths, extra=extra, source=source or None)


_PATHS = {
    **dict.fromkeys(("name", "first_name", "last_name"), "customer/contact/name"),
    "email": "customer/contact/email",
    "phone": "customer/contact/phone",
    "address": "customer/contact/address",
    "message": "customer/comments",
    "timeframe": "customer/timeframe",
}


def _names(contact: ElementTree.Element) -> dict[str, str]:
    parts = {each.get("part", "full").lower(): _inner(each) for each in contact.findall("name")}
    return {
        "name": parts.get("full", ""),
        "first_name": parts.get("first", "") or _text(contact, "firstname"),
        "last_name": parts.get("last", "") or _text(contact, "lastname"),
    }


def _name(owner: ElementTree.Element) -> str:
    return next((text for each in owner.findall("name") if (text := _inner(each))), "")


def _phone(contact: ElementTree.Element) -> str:
    """A mobile number before others; a fax never."""
    phones = [(each.get("type", "").lower(), _inner(each)) for each in contact.findall("phone")]
    usable = [(_PHONE_KINDS.index(kind), text) for kind, text in phones if kind in _PHONE_KINDS and text]
    return min(usable, key=lambda each: each[0])[1] if usable else ""


def _address(address: ElementTree.Element | None) -> str:
    if address is None:
        return ""
    streets = [text for each in address.findall("street") if (text := _inner(each))]
    street = " ".join([*streets, *filter(None, [_text(address, "apartment")])]) or _inner(address)
    return whole_address(street, _text(address, "city"), _text(address, "regioncode"), _text(address, "postalcode"))


def _home(home: ElementTree.Element) -> dict[str, str]:
    address = home.find("address")
    return {
        "property_address": _address(address) if address is not None else "",
        "property_mls_id": _first(home, ("mlsid", "mls", "mlsnumber", "listingid")),
        "property_price": _text(home, "price"),
        "property_url": _first(home, ("url", "link")),
        "lead_type": _WISHES.get(home.get("interest", "").lower(), ""),
    }


def _first(owner: ElementTree.Element, tags: Sequence[str]) -> str:
    return next((text for tag in tags if (text := _text(owner, tag))), "")


def _text(owner: ElementTree.Element, path: str) -> str:
    found = owner.find(path)
    return "" if found is None else _inner(found)


def _inner(element: ElementTree.Element) -> str:
    return (element.text or "").strip()
