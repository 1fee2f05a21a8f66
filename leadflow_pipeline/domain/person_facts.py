"""What an enrichment provider's answer says of a person: Clearbit's combined find, People Data Labs' person record.

Which facts win. What the person wrote stays as it is, in columns of its own; a provider never changes it. Among the
providers the first in the configured order that knows the person wins with all its facts: they are not mixed, so that
a job title and a company belong together. A later answer adds only where there was none.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from leadflow_pipeline.domain.plain_text import clean_line

_LIMIT = 200
# Network → the address of a profile, given its handle.
_CLEARBIT_NETWORKS = {
    "linkedin": "https://www.linkedin.com/{}",
    "twitter": "https://twitter.com/{}",
    "facebook": "https://www.facebook.com/{}",
    "github": "https://github.com/{}",
}
# People Data Labs names levels of a job; the highest is kept (docs.peopledatalabs.com, canonical data; grade A).
_LEVELS = ("cxo", "owner", "partner", "vp", "director", "manager", "senior", "entry", "training", "unpaid")


@dataclass(frozen=True, kw_only=True)
class PersonFacts:
    """What a provider knows of a person. Untrusted text of bounded length."""

    company: str | None = None
    job_title: str | None = None
    seniority: str | None = None
    social_profiles: Mapping[str, str] = field(default_factory=dict)
    location: str | None = None

    @property
    def is_empty(self) -> bool:
        """Whether nothing was told."""
        return not (self.company or self.job_title or self.seniority or self.social_profiles or self.location)


def read_clearbit(body: object) -> PersonFacts | None:
    """The facts of a combined answer, of which either half may be missing; None when it tells nothing."""
    person = _mapping(_mapping(body).get("person"))
    company = _mapping(_mapping(body).get("company"))
    employment = _mapping(person.get("employment"))
    facts = PersonFacts(
        company=_text(employment.get("name")) or _text(company.get("name")),
        job_title=_text(employment.get("title")),
        seniority=_lower(employment.get("seniority")),
        social_profiles={
            network: address.format(handle)
            for network, address in _CLEARBIT_NETWORKS.items()
            if (handle := _text(_mapping(person.get(network)).get("handle")))
        },
        location=_text(person.get("location")),
    )
    return None if facts.is_empty else facts


def read_people_data_labs(body: object) -> PersonFacts | None:
    """The facts of an answer's `data`; None when it tells nothing."""
    person = _mapping(_mapping(body).get("data"))
    levels = person.get("job_title_levels")
    named = [level for level in levels if isinstance(level, str)] if isinstance(levels, Sequence) else []
    facts = PersonFacts(
        company=_text(person.get("job_company_name")),
        job_title=_text(person.get("job_title")),
        seniority=next((level for level in _LEVELS if level in named), None),
        social_profiles={
            network: f"https://{profile.removeprefix('https://').removeprefix('http://')}"
            for network in ("linkedin", "twitter", "facebook", "github")
            if (profile := _text(person.get(f"{network}_url")))
        },
        location=_text(person.get("location_name")),
    )
    return None if facts.is_empty else facts


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _text(value: object) -> str | None:
    return clean_line(value, _LIMIT) or None if isinstance(value, str) else None


def _lower(value: object) -> str | None:
    text = _text(value)
    return text.lower() if text else None
