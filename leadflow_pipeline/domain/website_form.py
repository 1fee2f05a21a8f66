"""The plain website form, as it is posted: JSON or url-encoded, six known fields, the rest kept as it is.

Reads bytes into a `StagedLead` or says what is wrong with them. Nothing a payload says sets a score, an
owner or a status: such fields are unknown ones like any other. Whether a post is let in is the receiver's business.
"""

from dataclasses import dataclass

from leadflow_pipeline.domain.staged_leads import StagedLead
from leadflow_pipeline.domain.webhook_sources.payloads import (
    EXTRA_LIMIT,
    NO_CONTACT,
    clean_extra,
    clean_message,
    clean_text,
    parse_form,
)

KNOWN_FIELDS = ("name", "email", "phone", "message", "address", "budget")


@dataclass(frozen=True, kw_only=True)
class WebsiteForm:
    """A form that could be read: the lead, and what keeps it from being one (empty when it is fine)."""

    lead: StagedLead
    problems: tuple[str, ...]


def read_website_form(raw: bytes, content_type: str) -> WebsiteForm:
    """Read a posted form. Raises `UnreadablePostError` for bytes that are no JSON object and no form."""
    fields = parse_form(raw, content_type)
    problems: list[str] = []
    known: dict[str, str | None] = {}
    for name in KNOWN_FIELDS:
        value = fields.get(name)
        if isinstance(value, dict | list | bool):
            problems.append(f"{name}: must be text or a number")
        known[name] = clean_message(value) if name == "message" else clean_text(value)
    unknown = {key: value for key, value in list(fields.items())[:EXTRA_LIMIT] if key not in KNOWN_FIELDS}
    lead = StagedLead(
        **known,
        origins={name: f"field {name}" for name, value in known.items() if value is not None},
        extra=clean_extra(unknown),
    )
    if not lead.has_contact:
        problems.append(NO_CONTACT)
    return WebsiteForm(lead=lead, problems=tuple(problems))
