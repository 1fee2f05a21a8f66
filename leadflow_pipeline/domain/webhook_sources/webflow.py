"""Webflow forms: free labels and their values, in the shape of version 2 or 1.

Webhooks made through the API are signed; those made in the dashboard may not be and carry the secret in the path.
A post that brings a signature is held to it.
"""

from leadflow_pipeline.domain.webhook_sources import unconfirmed
from leadflow_pipeline.domain.webhook_sources.labels import take_labelled
from leadflow_pipeline.domain.webhook_sources.payloads import JSON_TYPE, Facts, block_of, clean_text, parse_json
from leadflow_pipeline.domain.webhook_sources.signatures import (
    hex_signatures,
    matches_any,
    read_timestamp,
    require_fresh,
    require_path_secret,
)
from leadflow_pipeline.domain.webhook_sources.source import Post, Reading, RefusedError, Source, Trust

SIGNATURE = "x-webflow-signature"
TIMESTAMP = "x-webflow-timestamp"


def _authenticate(post: Post, trust: Trust) -> None:
    if SIGNATURE not in post.headers:
        require_path_secret(post, trust)
        return
    timestamp = post.headers.get(TIMESTAMP, "")
    expected = hex_signatures(trust.secrets, f"{timestamp}:".encode() + post.raw)
    if not matches_any(post.headers[SIGNATURE], expected):
        raise RefusedError("x-webflow-signature is not that of timestamp:body with our secret.")
    require_fresh(read_timestamp(timestamp, unit_seconds=0.001), trust.now)


def _read(raw: bytes, _: str) -> Reading:
    body = parse_json(raw)
    payload = block_of(body, "payload")
    is_second = bool(payload)
    submission = payload if is_second else body
    facts = Facts()
    extra = take_labelled(facts, block_of(submission, "data").items())
    names = ("name", "formId", "siteId", "pageId", "submittedAt") if is_second else ("name", "site", "d")
    extra |= {f"form_{name}": submission.get(name) for name in names}
    vendor_id = submission.get(unconfirmed.WEBFLOW_ID if is_second else unconfirmed.WEBFLOW_V1_ID)
    return facts.reading(extra, vendor_id=clean_text(vendor_id))


WEBFLOW = Source(
    name="webflow",
    title="Webflow form",
    content_types=(JSON_TYPE,),
    secret_place="path",
    secret_note="the secret is the last part of the path, or what Webflow signs with",
    rule="webflow_form",
    rule_version=1,
    authenticate=_authenticate,
    read=_read,
)
