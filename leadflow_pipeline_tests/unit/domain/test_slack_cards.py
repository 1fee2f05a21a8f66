"""What stands on cards: enough to decide, nothing hidden that should be seen, nothing a lead wrote as mark-up."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadflow_pipeline.domain.score_reasons import shorten_dollars
from leadflow_pipeline.domain.slack_cards import HIDDEN, closed_card, contact_message, escape, open_card, summarize
from leadflow_pipeline.sandbox.vendors.slack_workspace import check_content

FACTS: dict[str, Any] = {
    "lead_id": 17,
    "source": "zillow",
    "full_name": "Maria O'Neil",
    "email": "maria@example.com",
    "relay_email": None,
    "phone_e164": "+15125550142",
    "phone_valid": True,
    "lead_type": "buyer",
    "timeframe": "this month",
    "budget": Decimal(1_200_000),
    "rent_monthly": None,
    "property_address": "1208 Alder Creek Dr, Austin, TX 78704",
    "property_price": Decimal(1_150_000),
    "property_url": None,
    "city": "Austin",
    "state": "TX",
    "zip": "78704",
    "message": "I am a cash buyer.",
    "score": 85,
    "bucket": "hot",
    "contributions": [
        {"rule": "ready_keywords", "points": 50, "evidence": "cash buyer"},
        {"rule": "high_budget", "points": 25, "evidence": "$1,200,000"},
        {"rule": "has_phone", "points": 10, "evidence": "valid number"},
    ],
    "method": "claim",
    "agent_name": "Ana Torres",
    "claim_seconds": 3.21,
}
SOON = datetime(2026, 11, 24, 12, 0, 45, tzinfo=UTC)


def test_a_card_has_what_a_person_needs_to_decide() -> None:
    shown = str(open_card(FACTS, closes_at=SOON, hides_contact=True))
    for words in (
        "Buyer: Maria O",
        "85 (hot)",
        "1208 Alder Creek Dr",
        "$1.15M",
        "Austin TX 78704",
        "this month",
        "cash buyer, +50; $1.2M budget, +25; phone, +10",
        f"<!date^{int(SOON.timestamp())}^{{time_secs}}|12:00:45 UTC>",
    ):
        assert words in shown, words


def test_contact_and_message_are_hidden_until_claimed_if_so_configured() -> None:
    hidden = str(open_card(FACTS, closes_at=SOON, hides_contact=True))
    assert hidden.count(HIDDEN) == 2
    for words in ("+15125550142", "maria@example.com", "I am a cash buyer."):
        assert words not in hidden
        assert words not in str(closed_card(FACTS, hides_contact=True))
        assert words in str(open_card(FACTS, closes_at=SOON, hides_contact=False))
        assert words in str(contact_message(FACTS, opening="Yours."))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "Ana Torres claimed it in 3.2 s."),
        ({"method": "claim_timeout"}, "Nobody claimed it in time; it went to Ana Torres."),
        ({"method": None, "agent_name": None}, "it waits for an agent"),
    ],
)
def test_the_last_state_says_who_has_the_lead(changes: dict[str, Any], words: str) -> None:
    assert words in str(closed_card({**FACTS, **changes}, hides_contact=True))


TEXTS = st.text(max_size=3_000) | st.just("<!channel> & <@U1> <http://x|y>") | st.just("&" * 3_000)


@given(st.fixed_dictionaries(dict.fromkeys(("full_name", "message", "property_address", "timeframe", "city"), TEXTS)))
def test_whatever_a_lead_wrote_slack_takes_the_card_and_reads_no_mark_up(words: dict[str, str]) -> None:
    """Slack refuses a card over its bounds, and a card that is refused is an offer that nobody sees."""
    facts = {**FACTS, **words, "source": "x", "agent_name": words["full_name"][:100]}
    for blocks in (
        open_card(facts, closes_at=SOON, hides_contact=False),
        closed_card(facts, hides_contact=True),
        contact_message(facts, opening="Yours."),
    ):
        check_content({"blocks": blocks, "text": summarize(facts)})
        for block in blocks:
            for text in (*block.get("fields", []), *block.get("elements", []), block.get("text") or {}):
                if text.get("type") == "mrkdwn":
                    bare = text["text"].replace(f"<!date^{int(SOON.timestamp())}^{{time_secs}}|12:00:45 UTC>", "")
                    assert "<" not in bare
                    assert ">" not in bare


def test_only_three_characters_are_escaped() -> None:
    assert escape("a & <b> \"c\" 'd' *e*") == "a &amp; &lt;b&gt; \"c\" 'd' *e*"


@pytest.mark.parametrize(
    ("amount", "text"),
    [(900, "$900"), (1_000, "$1K"), (650_000, "$650K"), (1_200_000, "$1.2M"), (12_345_678, "$12.34M")],
)
def test_dollars_are_short(amount: int, text: str) -> None:
    assert shorten_dollars(amount) == text
