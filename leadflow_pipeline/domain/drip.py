"""The drip's rules: how many mails, how far apart, at which hours, and when an old inquiry is no reason to write.

A round comes once a week; the days here only say which round. What the mails say stands in `leadflow_pipeline/mails/`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from leadflow_pipeline.domain.effects import NewEffect
from leadflow_pipeline.domain.quiet_hours import QuietHours, end_of_quiet, read_time_zone

TRACKS = ("buyer", "seller", "renter")
WEEKS_BEHIND = (1, 1, 2, 4)  # each mail's distance to the one before; of the first, to the inquiry
LATE_DAYS = 3  # a round that came late must not push the next mail a whole week away
STALE_DAYS = 28
# Nobody is written to at night: calls and texts are allowed from 8 to 21 in the recipient's zone (C); mails keep to it.
NIGHT = QuietHours(start=time(21), end=time(8))

# The zone that most of a state lives in; for people whose phone says nothing.
_STATE_ZONES = {
    "America/Chicago": "AL AR IA IL KS LA MN MO MS ND NE OK SD TN TX WI",
    "America/Denver": "CO ID MT NM UT WY",
    "America/Phoenix": "AZ",
    "America/Los_Angeles": "CA NV OR WA",
    "America/Anchorage": "AK",
    "Pacific/Honolulu": "HI",
    "America/New_York": "CT DC DE FL GA IN KY MA MD ME MI NC NH NJ NY OH PA RI SC VA VT WV",
    "America/Puerto_Rico": "PR VI",
}
ZONE_OF_STATE = {state: zone for zone, states in _STATE_ZONES.items() for state in states.split()}


@dataclass(frozen=True, kw_only=True)
class Move:
    """What becomes of a sequence in a round."""

    effect: NewEffect | None  # the mail to queue
    next_step: int
    next_on: date
    end_reason: str | None  # set where the sequence ends with this


def first_round(inquired_on: date) -> date:
    """From which day on the first mail may go out."""
    return inquired_on + timedelta(weeks=WEEKS_BEHIND[0], days=-LATE_DAYS)


def move_on(sequence: Mapping[str, Any], today: date, now: datetime, zone: ZoneInfo) -> Move:
    """One round of a sequence whose next mail is due."""
    lead_id, step = sequence["lead_id"], sequence["next_step"]
    if (today - sequence["next_on"]).days > STALE_DAYS:
        return Move(effect=None, next_step=step, next_on=sequence["next_on"], end_reason="stale")
    effect = NewEffect(
        idempotency_key=f"drip_mail:{lead_id}:{step}",
        kind="drip_mail",
        lead_id=lead_id,
        payload={"step": step},
        due_at=end_of_quiet(now, zone, NIGHT),
    )
    after = step + 1
    if after == len(WEEKS_BEHIND):
        return Move(effect=effect, next_step=after, next_on=today, end_reason="over")
    next_on = today + timedelta(weeks=WEEKS_BEHIND[after], days=-LATE_DAYS)
    return Move(effect=effect, next_step=after, next_on=next_on, end_reason=None)


def why_not(lead: Mapping[str, Any]) -> str | None:
    """Why a lead must not be written to now; None where it may. The last look before a mail leaves."""
    if lead["is_suppressed"]:
        return "is on the suppression list"
    if not lead["email"] or lead["email_kind"] != "person":
        return "has no address of the person's own"
    if lead["is_lead_again"]:
        return "is with an agent"
    if lead["end_reason"] not in (None, "over"):
        return f"has left the drip ({lead['end_reason']})"
    return None


def zone_of_lead(lead: Mapping[str, Any], default: str) -> ZoneInfo:
    """Where a lead lives: by the phone number's area, else by state."""
    # Its tables take a moment to load, and the hot path never needs them.
    from phonenumbers import parse
    from phonenumbers.timezone import time_zones_for_number

    if lead["phone_e164"]:
        zones = time_zones_for_number(parse(lead["phone_e164"]))
        if len(zones) == 1 and zones[0] != "Etc/Unknown":
            return read_time_zone(zones[0], default)
    return read_time_zone(ZONE_OF_STATE.get(lead["state"] or lead["property_state"] or ""), default)
