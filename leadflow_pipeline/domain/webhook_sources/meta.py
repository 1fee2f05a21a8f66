"""Meta Lead Ads: a signed notice that holds ids only; who the person is has to be fetched from the Graph API.

Until that client exists, a notice is stored and waits in quarantine. It is answered with a 2xx all the same:
nothing is wrong with it, and Meta would switch off a webhook that keeps refusing.
"""

import hmac
from collections.abc import Mapping

from leadflow_pipeline.domain.staged_leads import StagedLead
from leadflow_pipeline.domain.webhook_sources import unconfirmed
from leadflow_pipeline.domain.webhook_sources.payloads import (
    JSON_TYPE,
    block_of,
    blocks_of,
    clean_extra,
    clean_text,
    parse_json,
)
from leadflow_pipeline.domain.webhook_sources.signatures import hex_signatures, matches_any
from leadflow_pipeline.domain.webhook_sources.source import Post, Reading, RefusedError, Source, Trust

_FIELD = "leadgen"
_KEPT = ("leadgen_id", "form_id", "page_id", "ad_id", "adgroup_id", "created_time")
NO_IDS = "entry: no change of the field leadgen with a leadgen_id"
HELD = (
    "Meta sends ids only: the contact has to be fetched from the Graph API, which leadflow cannot do yet; "
    "kept until it can"
)


def answer_challenge(query: Mapping[str, str], verify_token: str) -> str:
    """What Meta wants to read when the webhook is set up. Raises `RefusedError` for anybody else."""
    given = query.get(unconfirmed.META_VERIFY_TOKEN, "")
    if query.get(unconfirmed.META_MODE) != "subscribe" or not hmac.compare_digest(
        given.encode(), verify_token.encode()
    ):
        raise RefusedError("The verify token is missing or wrong.")
    challenge = query.get(unconfirmed.META_CHALLENGE, "")
    if not challenge.isalnum() or len(challenge) > 255:
        raise RefusedError("hub.challenge is missing, or no number or word.")
    return challenge


def _authenticate(post: Post, trust: Trust) -> None:
    expected = [f"sha256={digits}" for digits in hex_signatures(trust.secrets, post.raw)]
    if not matches_any(post.headers.get("x-hub-signature-256", ""), expected):
        raise RefusedError("X-Hub-Signature-256 is not that of the body with our secret.")


def _read(raw: bytes, _: str) -> Reading:
    leads = [
        {name: value.get(name) for name in _KEPT if value.get(name) is not None}
        for entry in blocks_of(parse_json(raw), "entry")
        for change in blocks_of(entry, "changes")
        if change.get("field") == _FIELD and (value := block_of(change, "value")) and clean_text(value.get(_KEPT[0]))
    ]
    if not leads:
        return Reading(lead=StagedLead(), problems=(NO_IDS,))
    only_id = clean_text(leads[0][_KEPT[0]]) if len(leads) == 1 else None
    return Reading(lead=StagedLead(extra=clean_extra({"leads": leads})), held=HELD, vendor_id=only_id)


META = Source(
    name="meta",
    title="Meta Lead Ads",
    content_types=(JSON_TYPE,),
    secret_place="header",
    secret_note="the secret is the app secret, which Meta signs with",
    rule="meta_leadgen",
    rule_version=1,
    authenticate=_authenticate,
    read=_read,
)
