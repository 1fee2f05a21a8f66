"""An agent as routing sees one: what they take, where and when, and how much they have."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from leadflow_pipeline.domain.routing.rotation import Seniority
from leadflow_pipeline.domain.routing.territories import EVERYWHERE, Territories, TerritoryError, read_territories
from leadflow_pipeline.domain.routing.working_hours import HoursError, Schedule, read_schedule

LEAD_TYPES = ("buyer", "seller", "renter")
ALWAYS = Schedule(zone=ZoneInfo("UTC"))


@dataclass(frozen=True, kw_only=True)
class RoutingAgent:
    """An active agent. Whatever is left empty restricts nothing."""

    agent_id: str
    rotation_order: int = 0
    last_turn: int = 0
    weight: int = 1
    slack_id: str | None = None
    territories: Territories = EVERYWHERE
    price_low: Decimal | None = None  # US dollars
    price_high: Decimal | None = None
    lead_types: frozenset[str] = frozenset()
    languages: frozenset[str] = frozenset()  # ISO 639-1
    listings: frozenset[str] = frozenset()  # MLS numbers, in small letters
    schedule: Schedule = ALWAYS
    paused: bool = False
    cap_open: int | None = None
    cap_per_day: int | None = None
    open_leads: int = 0  # given and not yet closed
    leads_today: int = 0  # given since midnight on their clock
    fault: str | None = None  # why the row cannot be read; such an agent is given nothing

    @property
    def seniority(self) -> Seniority:
        """Their place among equals."""
        return Seniority(last_turn=self.last_turn, rotation_order=self.rotation_order)

    def why_away(self, now: datetime) -> str | None:
        """Why nothing can be given to them at all, whatever the hour; None when it can."""
        if self.fault:
            return "row cannot be read"
        if self.paused:
            return "paused"
        return "day off" if self.schedule.is_day_off(now) else None

    def why_full(self, more: int = 0) -> str | None:
        """Which cap is reached, with `more` leads beyond those counted; None when there is room."""
        if self.cap_open is not None and self.open_leads + more >= self.cap_open:
            return "cap of open leads"
        if self.cap_per_day is not None and self.leads_today + more >= self.cap_per_day:
            return "cap per day"
        return None


def read_agent(row: Mapping[str, Any]) -> RoutingAgent:
    """An agent from a row of `routing.agents`. A row that a person has spoilt gives an agent with a fault."""
    fault = None
    territories, schedule = EVERYWHERE, ALWAYS
    try:
        territories = read_territories(row["territories"])
        schedule = read_schedule(row["time_zone"], row["working_hours"], row["time_off"])
    except (TerritoryError, HoursError) as error:
        fault = str(error)
    return RoutingAgent(
        agent_id=row["agent_id"],
        rotation_order=row["rotation_order"],
        last_turn=row["last_turn"],
        weight=row["weight"],
        slack_id=row["slack_id"],
        territories=territories,
        price_low=row["price_low"],
        price_high=row["price_high"],
        lead_types=frozenset(row["lead_types"]),
        languages=frozenset(row["languages"]),
        listings=frozenset(listing.casefold() for listing in row["listings"]),
        schedule=schedule,
        paused=row["paused"],
        cap_open=row["cap_open"],
        cap_per_day=row["cap_per_day"],
        fault=fault,
    )
