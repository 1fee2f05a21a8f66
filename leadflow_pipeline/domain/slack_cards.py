"""What stands on a lead's card and in the messages about it, as Slack's Block Kit (grade A, docs.slack.dev).

Whatever a lead or an agent wrote goes into `plain_text`: no mention, link or formatting of theirs ever works. Only the
line for notifications has no such form; there it is escaped.
"""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from leadflow_pipeline.domain.score_reasons import describe_score, shorten_dollars

CLAIM_ACTION = "claim_lead"
TOUCH_ACTION = "touched_lead"
CARD_EVENT = "leadflow_card"  # the metadata event type by which a card is found again
_LONGEST_MESSAGE = 1_900  # Slack takes 3,000 characters in a section
_LONGEST_FIELD = 350  # and 2,000 in a field; in the notification an escaped character can become five
_LONGEST_HEADER = 140  # and 150 in a header
HIDDEN = "shown to whoever claims it"

Blocks = list[dict[str, Any]]
Facts = Mapping[str, Any]  # a row of `read_card` or `read_message_facts`


def escape(text: str) -> str:
    """Text that Slack shows as it is in mark-up: only these three characters mean anything to it (grade A)."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def open_card(facts: Facts, *, closes_at: datetime, hides_contact: bool) -> Blocks:
    """The card of a lead that is offered, with its button."""
    return [
        *_facts(facts, hides_contact=hides_contact),
        {
            "type": "actions",
            "block_id": f"lead_{facts['lead_id']}",
            "elements": [
                {
                    "type": "button",
                    "action_id": CLAIM_ACTION,
                    "style": "primary",
                    "text": _plain("Claim"),
                    "value": str(facts["lead_id"]),
                }
            ],
        },
        _context(f"Open until {_clock(closes_at)}; then it goes to whoever is next in turn."),
    ]


def closed_card(facts: Facts, *, hides_contact: bool) -> Blocks:
    """The card's last state: who has the lead."""
    name = facts["agent_name"] or "Nobody"
    if facts["method"] == "claim":
        outcome = f"{name} claimed it in {facts['claim_seconds'] or 0:.1f} s."
    elif facts["agent_name"]:
        outcome = f"Nobody claimed it in time; it went to {name}."
    else:
        outcome = "Nobody claimed it in time; it waits for an agent."
    return [*_facts(facts, hides_contact=hides_contact), {"type": "section", "text": _plain(outcome)}]


def contact_message(facts: Facts, *, opening: str) -> Blocks:
    """Everything an agent needs to call: for the winner and for whoever was given the lead."""
    return [
        _section(opening),
        *_facts(facts, hides_contact=False),
        {
            "type": "actions",
            "block_id": f"touch_{facts['lead_id']}",
            "elements": [
                {
                    "type": "button",
                    "action_id": TOUCH_ACTION,
                    "text": _plain("I've called"),
                    "value": str(facts["lead_id"]),
                }
            ],
        },
    ]


def summarize(facts: Facts) -> str:
    """One line for notifications, without contact."""
    where = facts["property_address"] or facts["city"] or "no property named"
    return escape(f"Hot lead, score {facts['score']}: {where}"[:_LONGEST_FIELD])


def opening_line(facts: Facts) -> str:
    """Why the lead is this agent's."""
    return {
        "claim": "You were first: this lead is yours.",
        "claim_timeout": "Nobody claimed this lead in time, and you are next in turn: it is yours.",
        "owner": "Somebody you know has written again: this lead is yours.",
    }.get(facts["method"], "This lead is yours.")


def _facts(facts: Facts, *, hides_contact: bool) -> Blocks:
    title = _title(facts)
    fields = [
        ("Score", f"{facts['score']} ({facts['bucket']})"),
        ("Property", facts["property_address"]),
        ("Price", _dollars(facts["property_price"])),
        ("Where", _where(facts)),
        ("Budget", _dollars(facts["budget"])),
        ("Rent a month", _dollars(facts["rent_monthly"])),
        ("When", facts["timeframe"]),
        ("Source", facts["source"]),
        ("Phone", HIDDEN if hides_contact and facts["phone_e164"] else facts["phone_e164"]),
        ("E-mail", HIDDEN if hides_contact and _email(facts) else _email(facts)),
    ]
    blocks: Blocks = [{"type": "header", "text": _plain(title[:_LONGEST_HEADER])}]
    given = [_plain(f"{label}\n{str(value)[:_LONGEST_FIELD]}") for label, value in fields if value]
    # A section takes ten fields at most.
    blocks.append({"type": "section", "fields": given[:10]})
    if reasons := describe_score(facts["contributions"] or ()):
        blocks.append({"type": "context", "elements": [_plain(f"Why: {reasons}"[:_LONGEST_FIELD])]})
    if facts["message"] and not hides_contact:
        blocks.append({"type": "section", "text": _plain(facts["message"][:_LONGEST_MESSAGE])})
    return blocks


def _title(facts: Facts) -> str:
    kind = {"buyer": "Buyer", "seller": "Seller", "renter": "Renter"}.get(facts["lead_type"] or "", "Lead")
    return f"{kind}: {facts['full_name'] or 'no name given'}"


def _email(facts: Facts) -> str | None:
    email: str | None = facts["email"] or facts["relay_email"]
    return email


def _where(facts: Facts) -> str | None:
    return " ".join(part for part in (facts["city"], facts["state"], facts["zip"]) if part) or None


def _dollars(amount: Decimal | None) -> str | None:
    return None if amount is None else shorten_dollars(int(amount))


def _clock(moment: datetime) -> str:
    """A time that Slack shows on each reader's own clock; UTC for whoever cannot."""
    return f"<!date^{int(moment.timestamp())}^{{time_secs}}|{moment:%H:%M:%S} UTC>"


def _plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text, "emoji": False}


def _section(mrkdwn: str) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": mrkdwn}}


def _context(mrkdwn: str) -> dict[str, Any]:
    return {"type": "context", "elements": [{"type": "mrkdwn", "text": mrkdwn}]}
