"""ADF/XML, the lead format of car dealers that some home sites send too: one prospect, its customer and its wish.

Read without document types and entities, which is where XML from strangers turns into files read and memory filled.
"""

from xml.etree.ElementTree import Element, ParseError

from leadflow_pipeline.domain.webhook_sources.payloads import Facts, clean_text, postal_line
from leadflow_pipeline.domain.webhook_sources.signatures import require_path_secret
from leadflow_pipeline.domain.webhook_sources.source import Reading, Source, UnreadablePostError

XML_TYPES = ("application/xml", "text/xml", "application/adf+xml", "application/x-adf+xml")
_NAME_PARTS = {"first": "first_name", "last": "last_name", "full": "name", "": "name"}


def _read(raw: bytes, _: str) -> Reading:
    prospect = _parse(raw)
    contact = prospect.find("customer/contact")
    facts = Facts()
    if contact is not None:
        for name in contact.findall("name"):
            fact = _NAME_PARTS.get((name.get("part") or "").strip().lower())
            if fact is not None:
                facts.take(fact, name.text, "name")
        facts.take("email", contact.findtext("email"), "email")
        for phone in contact.findall("phone"):
            facts.take("phone", phone.text, "phone")
        facts.take("address", _address(contact.find("address")), "address")
    for path in ("customer/comments", "vehicle/comments", "comments"):
        facts.take("message", prospect.findtext(path), path)
    facts.take("timeframe", prospect.findtext("customer/timeframe/description"), "timeframe")
    return facts.reading(_extra(prospect))


def _parse(raw: bytes) -> Element:
    # Loads a parser of XML; most processes never meet any.
    from defusedxml.common import DefusedXmlException
    from defusedxml.ElementTree import fromstring

    try:
        root = fromstring(raw, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError) as error:
        raise UnreadablePostError(
            "The body is not XML, or has a document type or entities, which are not taken."
        ) from error
    prospect = root if root.tag == "prospect" else root.find("prospect")
    if not isinstance(prospect, Element):
        raise UnreadablePostError("The body must be ADF: adf, and in it prospect.")
    return prospect


def _address(address: Element | None) -> str | None:
    if address is None:
        return None
    streets = sorted(address.findall("street"), key=lambda street: street.get("line") or "")
    street = ", ".join(text for one in streets if (text := clean_text(one.text)))
    return postal_line(
        street,
        address.findtext("apartment"),
        address.findtext("city"),
        address.findtext("regioncode"),
        address.findtext("postalcode"),
    )


def _extra(prospect: Element) -> dict[str, object]:
    vehicle = prospect.find("vehicle")
    return {
        "status": prospect.get("status"),
        "id": prospect.findtext("id"),
        "requestdate": prospect.findtext("requestdate"),
        "vehicle": {} if vehicle is None else {**vehicle.attrib, **{part.tag: part.text for part in vehicle}},
        "vendor": prospect.findtext("vendor/contact/name") or prospect.findtext("vendor/vendorname"),
        "provider": prospect.findtext("provider/name"),
    }


ADF = Source(
    name="adf",
    title="ADF/XML",
    content_types=XML_TYPES,
    secret_place="path",
    secret_note="the secret is the last part of the path",
    rule="adf_xml",
    rule_version=1,
    authenticate=require_path_secret,
    read=_read,
)
