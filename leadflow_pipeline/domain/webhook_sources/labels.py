"""Free labels of form builders and the facts they stand for: `E-mail address`, `your_phone`, `What is your budget?`.

Labels are compared whole, without case, spaces and signs, so that `Name` is never found inside `Agent name`.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from leadflow_pipeline.domain.webhook_sources.payloads import LEAD_TYPES, Facts, clean_text

_SIGNS = re.compile(r"[\W_]+")
_LEADING = re.compile(r"^(?:your|whatisyour|whatsyour|please|enteryour|contact|customer)(?=[a-z])")

_LABELS: Mapping[str, tuple[str, ...]] = {
    "name": ("name", "fullname", "nombre", "nombrecompleto", "firstandlastname"),
    "first_name": ("firstname", "fname", "givenname"),
    "last_name": ("lastname", "lname", "surname", "familyname"),
    "email": ("email", "emailaddress", "mail", "workemail", "correo", "correoelectronico"),
    "phone": (
        "phone", "phonenumber", "telephone", "tel", "mobile", "mobilephone", "mobilenumber", "cell", "cellphone",
        "bestphone", "telefono",
    ),
    "address": ("address", "homeaddress", "mailingaddress", "currentaddress", "streetaddress"),
    "message": (
        "message", "comments", "comment", "question", "questions", "notes", "inquiry", "howcanwehelp",
        "howcanwehelpyou", "mensaje", "anythingelse",
    ),
    "budget": ("budget", "pricerange", "maxprice", "maximumprice", "budgetrange", "presupuesto"),
    "timeframe": ("timeframe", "timeline", "movedate", "moveindate", "moveintimeframe", "whenareyoulookingtomove"),
    "lead_type": ("leadtype", "iamlookingto", "imlookingto", "iama", "interestedin", "buyingorselling"),
    "property_address": ("propertyaddress", "listingaddress", "propertyofinterest", "property", "listing"),
    "property_mls_id": ("propertymlsid", "mlsid", "mls", "mlsnumber", "mlsno"),
    "property_price": ("propertyprice", "listprice", "listingprice"),
    "property_url": ("propertyurl", "listingurl", "propertylink"),
}  # fmt: skip
_FACTS = {label: fact for fact, labels in _LABELS.items() for label in labels}
_TYPE_WORDS = {
    "buy": "buyer",
    "buying": "buyer",
    "sell": "seller",
    "selling": "seller",
    "rent": "renter",
    "renting": "renter",
}


def find_fact(label: str) -> str | None:
    """The fact that a label stands for, if any."""
    key = _SIGNS.sub("", label.casefold())
    return _FACTS.get(key) or _FACTS.get(_LEADING.sub("", key))


def read_lead_type(value: Any) -> str | None:
    """Buyer, seller or renter, from whatever word a form has for it."""
    word = (clean_text(value) or "").casefold()
    return word if word in LEAD_TYPES else _TYPE_WORDS.get(word)


def take_labelled(facts: Facts, pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """Note what the labels say; gives back the pairs that stand for no fact of ours."""
    rest: dict[str, Any] = {}
    for label, value in pairs:
        fact = find_fact(label)
        if fact == "lead_type":
            value, kept = read_lead_type(value), value
            if value is None:
                rest[label] = kept
                continue
        if fact is None or facts.has(fact):
            rest[label] = value
        else:
            facts.take(fact, value, label)
    return rest
