"""What routing looks at in a lead, and the steps that narrow the pool to the agents whom it suits."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from leadflow_pipeline.domain.routing.agents import RoutingAgent
from leadflow_pipeline.domain.routing.territories import NOWHERE_KNOWN, Place


@dataclass(frozen=True, kw_only=True)
class DueLead:
    """A scored lead that has no place yet, with what routing looks at."""

    lead_id: int
    bucket: str
    received_at: datetime
    place: Place = NOWHERE_KNOWN  # of the property, else of the person
    price: Decimal | None = None  # US dollars, of a purchase
    lead_type: str | None = None
    language: str | None = None  # ISO 639-1
    listing: str | None = None  # MLS number, in small letters
    contact_id: int | None = None  # the person, where they are known by anything
    owner_id: str | None = None  # the agent who has the person
    was_offered: bool = False  # its card is closed, or could not be posted


def _suits_territory(agent: RoutingAgent, lead: DueLead) -> bool:
    return agent.territories.contains(lead.place)


def _suits_price(agent: RoutingAgent, lead: DueLead) -> bool:
    if lead.price is None:
        return True
    return (agent.price_low is None or lead.price >= agent.price_low) and (
        agent.price_high is None or lead.price <= agent.price_high
    )


def _suits_type(agent: RoutingAgent, lead: DueLead) -> bool:
    return not agent.lead_types or lead.lead_type is None or lead.lead_type in agent.lead_types


def _suits_language(agent: RoutingAgent, lead: DueLead) -> bool:
    return not agent.languages or lead.language is None or lead.language in agent.languages


Filter = tuple[str, str, Callable[[RoutingAgent, DueLead], bool]]
# The steps that narrow the pool, in order. What is not known of a lead excludes nobody.
FILTERS: Sequence[Filter] = (
    ("territory", "elsewhere", _suits_territory),
    ("price band", "outside the band", _suits_price),
    ("lead type", "takes other types", _suits_type),
    ("language", "speaks others", _suits_language),
)
