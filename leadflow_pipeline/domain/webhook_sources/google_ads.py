"""Google Ads lead forms: JSON with the shared secret inside the body, as `google_key`.

The key is read for the check and taken out of everything else; only the raw bytes, as they came, still hold it.
"""

from leadflow_pipeline.domain.webhook_sources import unconfirmed
from leadflow_pipeline.domain.webhook_sources.labels import take_labelled
from leadflow_pipeline.domain.webhook_sources.payloads import (
    JSON_TYPE,
    Facts,
    blocks_of,
    clean_text,
    is_true,
    parse_json,
    postal_line,
)
from leadflow_pipeline.domain.webhook_sources.signatures import matches_any
from leadflow_pipeline.domain.webhook_sources.source import Post, Reading, RefusedError, Source, Trust

KEY = "google_key"
_COLUMNS = "user_column_data"


def _authenticate(post: Post, trust: Trust) -> None:
    given = parse_json(post.raw).get(KEY)
    if not matches_any(given if isinstance(given, str) else "", trust.secrets):
        raise RefusedError("The field google_key is missing or wrong.")


def _read(raw: bytes, _: str) -> Reading:
    body = parse_json(raw)
    facts = Facts()
    answers = [
        (str(column.get("column_id") or column.get("column_name") or ""), column)
        for column in blocks_of(body, _COLUMNS)
    ]
    for column_id, column in answers:
        if column_id in unconfirmed.GOOGLE_COLUMNS:
            facts.take(unconfirmed.GOOGLE_COLUMNS[column_id], column.get("string_value"), column_id)
    values = {column_id: column.get("string_value") for column_id, column in answers}
    street, city, region, postal_code = (values.get(name) for name in unconfirmed.GOOGLE_ADDRESS_COLUMNS)
    facts.take("address", postal_line(street, None, city, region, postal_code), "STREET_ADDRESS")
    others = [
        (str(column.get("column_name") or column_id), column.get("string_value"))
        for column_id, column in answers
        if column_id not in unconfirmed.GOOGLE_COLUMNS and column_id not in unconfirmed.GOOGLE_ADDRESS_COLUMNS
    ]
    extra = take_labelled(facts, others)
    extra |= {key: value for key, value in body.items() if key not in (KEY, _COLUMNS)}
    return facts.reading(
        extra,
        vendor_id=clean_text(body.get("lead_id")),
        ignored="a test lead of Google Ads' (is_test)" if is_true(body.get("is_test")) else None,
    )


GOOGLE_ADS = Source(
    name="google_ads",
    title="Google Ads lead form",
    content_types=(JSON_TYPE,),
    secret_place="body",
    secret_note="the secret is the webhook's key in Google Ads",
    rule="google_ads_lead_form",
    rule_version=1,
    authenticate=_authenticate,
    read=_read,
)
