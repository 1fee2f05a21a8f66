"""Zillow's Rentals Lead API: a url-encoded form in Zillow's own words, unsigned, so with a secret in the path."""

from leadflow_pipeline.domain.webhook_sources.payloads import FORM_TYPE, Facts, parse_urlencoded, postal_line
from leadflow_pipeline.domain.webhook_sources.signatures import require_path_secret
from leadflow_pipeline.domain.webhook_sources.source import Reading, Source

_NAMES = {"name": "name", "email": "email", "phone": "phone", "message": "message", "introduction": "message"}
_TIMES = {"movingDate": "timeframe", "moveInTimeframe": "timeframe"}
_ADDRESS = ("listingStreet", "listingUnit", "listingCity", "listingState", "listingPostalCode")


def _read(raw: bytes, _: str) -> Reading:
    fields = parse_urlencoded(raw)
    facts = Facts()
    facts.take_all(fields, _NAMES | _TIMES)
    facts.take("property_address", postal_line(*(fields.get(name) for name in _ADDRESS)), "listingStreet")
    facts.take("lead_type", "renter", "source")
    known = {*_NAMES, *_ADDRESS} - {"introduction"}
    return facts.reading({key: value for key, value in fields.items() if key not in known})


ZILLOW_RENTALS = Source(
    name="zillow_rentals",
    title="Zillow Rentals Lead API",
    content_types=(FORM_TYPE,),
    secret_place="path",
    secret_note="the secret is the last part of the path",
    rule="zillow_rentals_api",
    rule_version=1,
    authenticate=require_path_secret,
    read=_read,
)
