"""The plain website form of `domain.website_form`, with a secret in the path; open without one on the sandbox."""

from leadflow_pipeline.domain.webhook_sources.payloads import FORM_TYPE, JSON_TYPE
from leadflow_pipeline.domain.webhook_sources.signatures import require_path_secret
from leadflow_pipeline.domain.webhook_sources.source import Post, Reading, Source, Trust
from leadflow_pipeline.domain.website_form import read_website_form


def _authenticate(post: Post, trust: Trust) -> None:
    if trust.secrets:
        require_path_secret(post, trust)


def _read(raw: bytes, content_type: str) -> Reading:
    form = read_website_form(raw, content_type)
    return Reading(lead=form.lead, problems=form.problems)


WEBSITE = Source(
    name="website",
    title="Website form",
    content_types=(JSON_TYPE, FORM_TYPE),
    secret_place="path",
    secret_note="the secret is the last part of the path",
    rule="website_form",
    rule_version=1,
    authenticate=_authenticate,
    read=_read,
    is_open_on_sandbox=True,
)
