"""Meta Lead Ads: a signed notice that holds ids only; who the person is, the pipeline asks the Graph API.

One notice may name several leads. Each becomes a post of its own, so that one that cannot be had keeps no other.
"""

import hmac
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from leadflow_pipeline.domain.staged_leads import StagedLead
from leadflow_pipeline.domain.webhook_sources import unconfirmed
from leadflow_pipeline.domain.webhook_sources.labels import take_labelled
from leadflow_pipeline.domain.webhook_sources.payloads import (
    JSON_TYPE,
    Facts,
    block_of,
    blocks_of,
    clean_text,
    parse_json,
    postal_line,
)
from leadflow_pipeline.domain.webhook_sources.signatures import hex_signatures, matches_any
from leadflow_pipeline.domain.webhook_sources.source import Post, Reading, RefusedError, Source, Trust

_FIELD = "leadgen"
_KEPT = ("form_id", "page_id", "ad_id", "adgroup_id", "created_time")
_ID = re.compile(r"[0-9]{1,40}")  # goes into the path of a call
NO_IDS = "entry: no change of the field leadgen with a leadgen_id"


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
    notices = dict(_notices(parse_json(raw)))
    if not notices:
        return Reading(lead=StagedLead(), problems=(NO_IDS,))
    if len(notices) > 1:
        return Reading(lead=StagedLead(), parts=tuple(json.dumps(notice).encode() for notice in notices.values()))
    [only_id] = notices
    return Reading(lead=StagedLead(), contact_id=only_id, vendor_id=only_id)


def _notices(body: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Each lead's id, with a notice of it alone."""
    for entry in blocks_of(body, "entry"):
        for change in blocks_of(entry, "changes"):
            lead_id = clean_text(block_of(change, "value").get("leadgen_id")) or ""
            if change.get("field") == _FIELD and _ID.fullmatch(lead_id):
                yield lead_id, {**body, "entry": [{**entry, "changes": [change]}]}


def _read_contact(raw: bytes, contact: bytes) -> Reading:
    """The lead of a notice and what the Graph API told about it."""
    [(lead_id, notice)] = dict(_notices(parse_json(raw))).items()
    answer = parse_json(contact)
    answers = {str(field.get("name")): _value(field.get("values")) for field in blocks_of(answer, "field_data")}
    facts = Facts()
    street, city, state, postal_code = (_first(answers, names) for names in unconfirmed.META_ADDRESS)
    facts.take("address", postal_line(street, None, city, state, postal_code), "street_address")
    in_address = {name for names in unconfirmed.META_ADDRESS for name in ([names] if isinstance(names, str) else names)}
    extra = take_labelled(facts, [(name, value) for name, value in answers.items() if name not in in_address])
    value = block_of(notice["entry"][0]["changes"][0], "value")
    extra |= {name: value.get(name) for name in _KEPT} | {"leadgen_id": lead_id}
    extra["custom_disclaimer_responses"] = list(blocks_of(answer, "custom_disclaimer_responses"))
    is_test = any(text.startswith(unconfirmed.META_TEST_ANSWER) for text in answers.values())
    return facts.reading(
        extra, vendor_id=lead_id, ignored="a test lead of Meta's (its testing tool filled it in)" if is_test else None
    )


def _value(values: object) -> str:
    """An answer; several choices of one question as one text."""
    return ", ".join(text for value in values if (text := clean_text(value))) if isinstance(values, list) else ""


def _first(answers: Mapping[str, str], names: str | tuple[str, ...]) -> str | None:
    return next((answers[name] for name in ([names] if isinstance(names, str) else names) if answers.get(name)), None)


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
    read_contact=_read_contact,
)
