"""What vendors are asked about a lead, in which order, for how long, and what becomes of the answers.

A function of the lead's clean facts and of what is known so far. How an answer reads is told in `geocodes` and
`person_facts`; asking is the work of `stages.vendor_answers`.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

GEOCODER = "google"
ENRICHERS = ("clearbit", "pdl")

PROMISE_SECONDS = 90.0
_HOUSE_NUMBER = re.compile(r"\d")
# What most often makes a lead hot (dbt's seeds hold the formula itself): such leads' questions go first.
_READY = re.compile(r"\b(?:pre[\s-]?approved|cash[\s-]buyer|investor)", re.IGNORECASE)
_HIGH_BUDGET = Decimal(500_000)


@dataclass(frozen=True, kw_only=True)
class Question:
    """One question to one vendor."""

    vendor: str
    key: str  # the same for everything that gives the same answer: the cache's key
    inputs: Mapping[str, str] = field(compare=False)


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a vendor said: facts, or None when it knows nothing."""

    facts: Mapping[str, Any] | None
    is_billed: bool = True
    is_queued: bool = False  # the vendor looks for it; ask again later, it is billed once
    remaining: int | None = None  # calls left in the vendor's window
    reset_seconds: float | None = None


@dataclass(frozen=True, kw_only=True)
class LeadQuestions:
    """What to ask about a lead. `people` is asked in this order until somebody knows the person."""

    place: Question | None
    people: tuple[Question, ...]


# (vendor, key) → its facts, or None when the vendor knows nothing. A question that is not in it has no answer yet.
Known = Mapping[tuple[str, str], Mapping[str, Any] | None]


def plan_questions(lead: Mapping[str, Any], *, geocoder: bool, enrichers: Sequence[str]) -> LeadQuestions:
    """What is worth asking about a lead (a row of `leads.normalized_leads`) with these vendors at hand."""
    person = {"clearbit": _ask_clearbit, "pdl": _ask_people_data_labs}
    asked = [person[name](lead) for name in enrichers]
    return LeadQuestions(
        place=_ask_geocoder(lead) if geocoder else None, people=tuple(question for question in asked if question)
    )


def urgency(lead: Mapping[str, Any]) -> int:
    """How much a lead looks like a hot one; questions about those that look so most go first."""
    ready = 4 if _READY.search(lead["message"] or "") else 0
    rich = 2 if (lead["budget"] or 0) >= _HIGH_BUDGET else 0
    return ready + rich + (1 if lead["phone_valid"] else 0)


def seconds_for_vendors(oldest_age: float, batches_behind: int, *, most: float, share: float) -> float:
    """How long a batch may wait for vendors: a share of what its oldest lead has left of the 90 s, at most `most`.

    Batches that wait behind it share that time: in a spike leads go on without, and the rest is fetched later.
    """
    left = max(0.0, PROMISE_SECONDS - oldest_age)
    return min(most, share * left) / (1 + batches_behind)


def tell_lead(questions: LeadQuestions, known: Known) -> dict[str, Any]:
    """A lead's row of `leads.enriched_leads` by what is known: facts, and the vendors that it still waits for."""
    waits_for = []
    place: Mapping[str, Any] = {}
    is_geocoded = False
    if questions.place is not None:
        is_geocoded = (questions.place.vendor, questions.place.key) in known
        place = (known[questions.place.vendor, questions.place.key] or {}) if is_geocoded else {}
        waits_for += [] if is_geocoded else [questions.place.vendor]
    person, enriched_by = _first_found(questions.people, known)
    if person is None and enriched_by is not None:
        waits_for.append(enriched_by)
    told = person or {}
    return {
        "address_verified": bool(place.get("address_verified")),
        "formatted_address": place.get("formatted_address"),
        "place_id": place.get("place_id"),
        "latitude": place.get("latitude"),
        "longitude": place.get("longitude"),
        "county": place.get("county"),
        "zip": place.get("zip"),
        "is_geocoded": is_geocoded,
        "company": told.get("company"),
        "job_title": told.get("job_title"),
        "seniority": told.get("seniority"),
        "social_profiles": told.get("social_profiles") or {},
        "location": told.get("location"),
        "enriched_by": enriched_by if person is not None else None,
        "waits_for": waits_for,
    }


def list_verdicts(questions: LeadQuestions, known: Known) -> list[tuple[Question, str]]:
    """Who was asked about a lead and what came of it: verified or found, none, awaited. For the record: no facts."""
    verdicts = []
    if questions.place is not None:
        verdict, facts = _judge(questions.place, known)
        verdicts.append((questions.place, "verified" if facts and facts.get("address_verified") else verdict))
    for question in questions.people:
        verdict, _ = _judge(question, known)
        verdicts.append((question, verdict))
        if verdict != "none":
            break
    return verdicts


def list_tellers(questions: LeadQuestions, known: Known, waited_for: Collection[str]) -> tuple[str, ...]:
    """Of a lead that waited for these vendors, who has told something of it now; who knows nothing told nothing.

    A provider that was not waited for is asked when the one before it knows nothing.
    """
    people_came = bool(set(waited_for) - {GEOCODER})
    return tuple(
        question.vendor
        for question, verdict in list_verdicts(questions, known)
        if verdict in ("verified", "found")
        and (question.vendor in waited_for or (people_came and question.vendor != GEOCODER))
    )


def _judge(question: Question, known: Known) -> tuple[str, Mapping[str, Any] | None]:
    if (question.vendor, question.key) not in known:
        return "awaited", None
    facts = known[question.vendor, question.key]
    return ("found" if facts else "none"), facts


def _first_found(people: Sequence[Question], known: Known) -> tuple[Mapping[str, Any] | None, str | None]:
    """The facts and who said them; or no facts and whose answer is missing; or neither."""
    for question in people:
        if (question.vendor, question.key) not in known:
            return None, question.vendor
        if facts := known[question.vendor, question.key]:
            return facts, question.vendor
    return None, None


def address_to_ask(lead: Mapping[str, Any]) -> str | None:
    """The lead's own address where it names a house, else the property's. Without a number no house can be found."""
    for line, has_place in (
        (lead["address"], lead["street"] and (lead["city"] or lead["zip"] or lead["state"])),
        (lead["property_address"], lead["property_city"] or lead["property_zip"] or lead["property_state"]),
    ):
        if line and has_place and _HOUSE_NUMBER.search(line.partition(",")[0]):
            return str(line)
    return None


def _ask_geocoder(lead: Mapping[str, Any]) -> Question | None:
    line = address_to_ask(lead)
    return None if line is None else Question(vendor=GEOCODER, key=line.casefold(), inputs={"address": line})


def _email_to_ask(lead: Mapping[str, Any]) -> str | None:
    """The e-mail, if it is a person's own: relay, role and disposable addresses are never sent to anybody."""
    return lead["email"] if lead["email"] and lead["email_kind"] == "person" else None


def _ask_clearbit(lead: Mapping[str, Any]) -> Question | None:
    email = _email_to_ask(lead)
    return Question(vendor="clearbit", key=email.casefold(), inputs={"email": email}) if email else None


def _ask_people_data_labs(lead: Mapping[str, Any]) -> Question | None:
    """By e-mail, phone, or name and place; all that is there helps to find the right person."""
    place = ", ".join(filter(None, (lead["city"], lead["state"], lead["zip"])))
    known = {
        "email": _email_to_ask(lead),
        "phone": lead["phone_e164"] if lead["phone_valid"] else None,
        "first_name": lead["first_name"],
        "last_name": lead["last_name"],
        "location": place or None,
    }
    inputs = {name: value for name, value in known.items() if value}
    named = {"first_name", "last_name", "location"} <= inputs.keys()
    key = inputs.get("email") or inputs.get("phone")
    if key is None and named:
        key = f"{inputs['first_name']} {inputs['last_name']}, {place}"
    return Question(vendor="pdl", key=key.casefold(), inputs=inputs) if key else None
