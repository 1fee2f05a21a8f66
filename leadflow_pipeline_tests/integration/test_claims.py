"""Hot leads in Slack: the card, the first click, everybody else's, the end of the window, and Slack's bad days."""

import json
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
import requests
from slack_sdk.signature import SignatureVerifier

from leadflow_pipeline.adapters.database import Database
from leadflow_pipeline.adapters.slack import SlackChat
from leadflow_pipeline.stages.assigned_leads import assign_leads
from leadflow_pipeline.stages.batches import BatchLimits, ask_for_batches, seconds_to_next_claim
from leadflow_pipeline.stages.checks import count_unplaced_leads
from leadflow_pipeline.stages.claims import UNKNOWN_USER
from leadflow_pipeline_tests.integration.slack_sandbox import (
    ANA,
    BEN,
    HOT,
    SLACK_ONLY,
    SlackSandbox,
    run_slack_sandbox,
    text_of,
    wait_for,
)
from leadflow_pipeline_tests.integration.test_pipeline import land, run

Query = Callable[..., list[tuple[Any, ...]]]
LIMITS = BatchLimits(batch_size=500, max_batches=2, lease_seconds=45)


@pytest.fixture
def sandbox(database: Database, tmp_path: Path) -> Iterator[SlackSandbox]:
    with run_slack_sandbox(database, tmp_path) as running:
        yield running


def end_windows(query: Query) -> None:
    query("update routing.claims set deadline_at = now() where status in ('announced', 'open')")


# The card


def test_a_hot_lead_is_offered_on_a_card_without_its_contact(sandbox: SlackSandbox, query: Query) -> None:
    sandbox.offer(name="Maria O'Neil", budget="$1.2M")
    [card] = sandbox.seen_by(BEN)
    for words in ("Maria O'Neil", "85 (hot)", "cash buyer, +50; $1.2M budget, +25; phone, +10", "Claim"):
        assert words in text_of(card).replace('\\"', '"').replace("\\'", "'"), words
    for hidden in ("5550142", "person1@example.com"):
        assert hidden not in text_of(card)
    assert query("select status, message_ts from routing.claims") == [("open", card["ts"])]
    assert query("select count(*) from leads.assigned_leads") == [(0,)]
    assert count_unplaced_leads(sandbox.database) == 0
    assert query("select count(*) from landing.events where lease_until is not null") == [(0,)]


def test_the_window_counts_from_the_posting_and_ends_75_seconds_after_arrival(
    sandbox: SlackSandbox, query: Query
) -> None:
    land(sandbox.database, 1, **HOT)
    land(sandbox.database, 2, **HOT)
    query("update landing.events set received_at = now() - interval '40 seconds' where event_id = 2")
    sandbox.run()
    sandbox.post_cards(2)
    rows = query(
        """select extract(epoch from deadline_at - posted_at)::float,
                  extract(epoch from deadline_at - received_at)::float
           from routing.claims join leads.staged_leads using (lead_id) order by lead_id"""
    )
    assert rows[0][0] == pytest.approx(45, abs=0.1)
    assert rows[1][1] == pytest.approx(75, abs=0.1)


def test_a_lead_s_own_words_are_never_mark_up(sandbox: SlackSandbox) -> None:
    """<!channel> in a name would wake everybody, <http://…|Claim> would be a link that looks like ours."""
    sandbox.offer(
        name="<!channel> *Bob* <http://evil.example|Click>",
        address="1 <@U0ANATORRES> & Main St, Austin, TX 78704",
        message="cash buyer <!here>",
    )
    sandbox.click(ANA)
    wait_for(lambda: sandbox.seen_by(ANA, "D0ANATORRES"))
    for message in (*sandbox.seen_by(ANA), *sandbox.seen_by(ANA, "D0ANATORRES")):
        for block in message["blocks"]:
            texts = [block.get("text"), *block.get("fields", []), *block.get("elements", [])]
            for text in filter(None, texts):
                if text.get("type") == "mrkdwn":
                    assert "<!channel" not in text["text"]
                    assert "<http" not in text["text"]
                    assert "<@" not in text["text"]
                    assert "<!here" not in text["text"]


# Clicks


def test_the_first_click_wins_and_everybody_else_is_told_who_it_was(sandbox: SlackSandbox, query: Query) -> None:
    sandbox.offer()
    assert sandbox.click(ANA).startswith("It is yours")
    assert sandbox.click(BEN).startswith("Ana Torres was first, after")
    assert query("select agent_id, method, bucket from leads.assigned_leads") == [("ana-torres", "claim", "hot")]
    assert query("select outcome from routing.claim_attempts order by 1") == [("lost",), ("won",)]
    wait_for(lambda: len(sandbox.seen_by(BEN)) == 2)
    assert "Ana Torres was first" in text_of(sandbox.seen_by(BEN)[1])


def test_the_winner_sees_the_whole_contact_at_once_and_the_card_names_the_winner(sandbox: SlackSandbox) -> None:
    sandbox.offer()
    sandbox.click(ANA)
    wait_for(lambda: sandbox.seen_by(ANA, "D0ANATORRES") and len(sandbox.seen_by(ANA)) == 2)
    for message in (sandbox.seen_by(ANA)[1], sandbox.seen_by(ANA, "D0ANATORRES")[0]):
        assert "+15125550142" in text_of(message)
        assert "person1@example.com" in text_of(message)
    wait_for(lambda: "claimed it in" in text_of(sandbox.seen_by(BEN)[0]))
    [card] = sandbox.seen_by(BEN)
    assert "Ana Torres claimed it in" in text_of(card)
    assert "Claim" not in [element["text"]["text"] for b in card["blocks"] for element in b.get("elements", [])
                           if element["type"] == "button"]  # fmt: skip
    assert "5550142" not in text_of(card)


def test_the_winner_s_second_click_is_harmless(sandbox: SlackSandbox, query: Query) -> None:
    sandbox.offer()
    cards = sandbox.seen_by(ANA)
    clicks = [sandbox.click(ANA), _click(sandbox, ANA, cards[0]["ts"])]
    assert clicks[1] == "It is yours already."
    assert query("select count(*) from leads.assigned_leads") == [(1,)]
    assert query("select outcome from routing.claim_attempts order by claim_attempt_id") == [("won",), ("again",)]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("update routing.agents set paused = true where slack_id = %s", "You cannot claim now: paused."),
        ("update routing.agents set active = false where slack_id = %s", "You are not among the agents"),
        ("update routing.agents set cap_per_day = 0 where slack_id = %s", "your cap per day is reached"),
        ("update routing.agents set cap_open = 0 where slack_id = %s", "your cap of open leads is reached"),
        ("update routing.agents set time_off = '2020-01-01..2099-12-31' where slack_id = %s", "day off"),
        ("update routing.agents set slack_id = 'U0SOMEBODY' where slack_id = %s", UNKNOWN_USER),
    ],
)
def test_who_may_not_claim_is_told_why_and_the_lead_stays_open(
    sandbox: SlackSandbox, query: Query, change: str, told: str
) -> None:
    sandbox.offer()
    query(change, ANA)
    assert told in sandbox.click(ANA)
    assert query("select status from routing.claims") == [("open",)]
    assert query("select outcome from routing.claim_attempts") == [("refused",)]
    assert sandbox.click(BEN).startswith("It is yours")


def test_two_clicks_of_one_agent_at_once_do_not_both_fit_under_a_cap(sandbox: SlackSandbox, query: Query) -> None:
    for number in range(1, 5):
        land(sandbox.database, number, **HOT)
    sandbox.run()
    sandbox.post_cards(4)
    query("update routing.agents set cap_per_day = 1 where slack_id = %s", ANA)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda card: sandbox.click(ANA, card), range(4)))
    assert query("select count(*) from leads.assigned_leads") == [(1,)]


# The end of the window


def test_a_lead_that_nobody_claims_goes_to_whoever_is_next_and_the_card_says_so(
    sandbox: SlackSandbox, query: Query
) -> None:
    sandbox.offer()
    assert seconds_to_next_claim(sandbox.database) == pytest.approx(45, abs=3)
    assert ask_for_batches(sandbox.database, LIMITS) == 0
    end_windows(query)
    assert ask_for_batches(sandbox.database, LIMITS) == 1
    assert ask_for_batches(sandbox.database, LIMITS) == 0, "asked for once"
    assert sandbox.run().claim_timeout == 1
    assert query("select agent_id, method from leads.assigned_leads") == [("ana-torres", "claim_timeout")]
    [card] = sandbox.seen_by(BEN)
    assert "Nobody claimed it in time; it went to Ana Torres." in text_of(card)
    assert "Nobody claimed this lead in time" in text_of(sandbox.seen_by(ANA, "D0ANATORRES")[0])


def test_offers_that_end_one_after_the_other_share_a_run_that_is_awaited(sandbox: SlackSandbox, query: Query) -> None:
    """After a spike they end by the dozen within seconds; a run for each would keep the others waiting."""
    for number in range(1, 4):
        land(sandbox.database, number, **HOT)
    sandbox.run()
    sandbox.post_cards(3)
    asked = []
    for (lead_id,) in query("select lead_id from routing.claims order by 1"):
        query("update routing.claims set deadline_at = now() - interval '1 second' where lead_id = %s", lead_id)
        asked.append(ask_for_batches(sandbox.database, LIMITS))
    assert asked == [1, 0, 0]
    assert sandbox.run().claim_timeout == 3


def test_a_click_after_the_end_comes_too_late(sandbox: SlackSandbox, query: Query) -> None:
    sandbox.offer()
    end_windows(query)
    assert "over" in sandbox.click(BEN)
    sandbox.run(deliver=False)
    assert "it went to Ana Torres" in sandbox.click(BEN)
    assert query("select count(*), min(agent_id) from leads.assigned_leads") == [(1, "ana-torres")]


def test_a_claim_and_the_end_of_the_window_at_the_same_moment_give_one_agent(
    sandbox: SlackSandbox, query: Query
) -> None:
    """Each lead is clicked four times while two runs close it."""
    for number in range(1, 6):
        land(sandbox.database, number, **HOT)
    sandbox.run()
    sandbox.post_cards(5)
    cards = [card["ts"] for card in sandbox.seen_by(ANA) if card["blocks"]]
    query("update routing.claims set deadline_at = now() + interval '0.4 seconds'")
    with ThreadPoolExecutor(8) as pool:
        runs = [pool.submit(_run_until_closed, sandbox, query) for _ in range(2)]
        list(pool.map(lambda card: _click_slowly(sandbox, card), cards * 4))
        for each in runs:
            each.result()
    assert query("select count(*), count(distinct lead_id) from leads.assigned_leads") == [(5, 5)]
    assert query(
        """select count(*) from routing.claims join leads.assigned_leads a using (lead_id)
           where (status = 'claimed') <> (method = 'claim') or (status = 'claimed' and claims.agent_id <> a.agent_id)"""
    ) == [(0,)]


# Slack's bad days


@pytest.mark.parametrize(
    "behaviour", [{"down": True}, {"limit_per_minute": 0}, {"failure_rate": 1.0}], ids=["down", "limited", "failing"]
)
def test_without_slack_a_hot_lead_goes_straight_to_the_rotation(
    sandbox: SlackSandbox, query: Query, behaviour: Mapping[str, Any]
) -> None:
    sandbox.control(**behaviour)
    land(sandbox.database, 1, **HOT)
    sandbox.run()
    assert query("select status from routing.claims") == [("withdrawn",)]
    assert ask_for_batches(sandbox.database, LIMITS) == 1
    sandbox.run()
    assert query("select method, extract(epoch from assigned_at - received_at) < 30 from leads.assigned_leads") == [
        ("claim_timeout", True)
    ]


def test_without_a_slack_account_or_anybody_in_it_nothing_is_offered(sandbox: SlackSandbox, query: Query) -> None:
    land(sandbox.database, 1, **HOT)
    batch = uuid.uuid4()
    run(sandbox.database, batch)  # without terms: as without an account
    query("update routing.agents set slack_id = null")
    land(sandbox.database, 2, **HOT)
    assert sandbox.run().rotation == 1
    assert query("select distinct method from leads.assigned_leads") == [("rotation",)]
    assert query("select count(*) from routing.claims") == [(0,)]


def test_a_run_that_dies_before_it_posts_the_card_delays_nothing(sandbox: SlackSandbox, query: Query) -> None:
    """The offer's own deadline counts although nobody ever saw a card."""
    land(sandbox.database, 1, **HOT)
    sandbox.run(deliver=False)
    assert query("select status, extract(epoch from deadline_at - received_at)::int from routing.claims join "
                 "leads.staged_leads using (lead_id)") == [("announced", 55)]  # fmt: skip
    end_windows(query)
    assert ask_for_batches(sandbox.database, LIMITS) == 1
    assert sandbox.run().claim_timeout == 1
    assert sandbox.seen_by(ANA) == [], "no card for a lead that has an agent"


def test_a_card_whose_mark_was_lost_is_found_again_and_not_posted_twice(sandbox: SlackSandbox, query: Query) -> None:
    """The process dies between Slack's answer and our commit; Slack knows no idempotency key."""
    sandbox.offer()
    [card] = sandbox.seen_by(ANA)
    query("update routing.claims set status = 'announced', message_ts = null, channel = null, posted_at = null")
    query("update delivery.outbox set status = 'pending', lease_until = now() - interval '1 second'")
    sandbox.deliver()
    assert [each["ts"] for each in sandbox.seen_by(ANA)] == [card["ts"]]
    assert query("select status, message_ts from routing.claims") == [("open", card["ts"])]


def test_cards_go_out_one_a_second_and_leads_that_cannot_be_offered_long_enough_go_to_the_rotation(
    sandbox: SlackSandbox, query: Query
) -> None:
    for number in range(1, 101):
        land(sandbox.database, number, **HOT)
    counts = sandbox.run(deliver=False)
    assert 50 <= counts.offered <= 56
    assert counts.offered + counts.rotation == 100
    gaps = query("select extract(epoch from post_at - lag(post_at) over (order by post_at))::float from routing.claims")
    assert all(gap == pytest.approx(1.0, abs=0.01) for (gap,) in gaps if gap is not None)


# What is no click of Slack's


def signed(sandbox: SlackSandbox, body: bytes, *, age: int = 0, secret: str = "sandbox-signing-secret") -> Any:
    timestamp = str(int(time.time()) - age)
    signature = SignatureVerifier(secret).generate_signature(timestamp=timestamp, body=body.decode("latin-1"))
    return requests.post(
        f"http://127.0.0.1:{sandbox.settings.receiver_port}/slack/interactions",
        data=body,
        headers={
            "content-type": "application/x-www-form-urlencoded",
            "x-slack-request-timestamp": timestamp,
            "x-slack-signature": str(signature),
        },
        timeout=5,
    )


def click_body(**changes: object) -> bytes:
    payload = {
        "type": "block_actions",
        "user": {"id": ANA},
        "channel": {"id": "C0HOTLEADS"},
        "actions": [{"action_id": "claim_lead", "value": "1"}],
        **changes,
    }
    return urlencode({"payload": json.dumps(payload)}).encode()


def test_a_wrong_signature_or_an_old_one_decides_nothing(sandbox: SlackSandbox, query: Query) -> None:
    sandbox.offer()
    assert signed(sandbox, click_body(), secret="another").status_code == 401
    assert signed(sandbox, click_body(), age=301).status_code == 401
    assert signed(sandbox, click_body(), age=-301).status_code == 401
    url = f"http://127.0.0.1:{sandbox.settings.receiver_port}/slack/interactions"
    for headers in ({}, {"x-slack-request-timestamp": "soon", "x-slack-signature": "v0=é".encode()}):
        assert requests.post(url, data=click_body(), headers=headers, timeout=5).status_code == 401
    assert query("select status from routing.claims") == [("open",)]
    assert query("select count(*) from routing.claim_attempts") == [(0,)]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"payload=",
        b"payload=%7B",
        b"payload=[]",
        b"other=1",
        click_body(user=None),
        click_body(actions="claim"),
        click_body(actions=[{"action_id": "claim_lead", "value": "one"}]),
        click_body(actions=[{"action_id": "claim_lead", "value": "-1"}]),
        click_body(actions=[{"action_id": "claim_lead", "value": str(2**70)}]),
    ],
)
def test_what_slack_would_not_send_is_refused(sandbox: SlackSandbox, body: bytes) -> None:
    assert signed(sandbox, body).status_code == 400


def test_other_buttons_and_other_interactions_are_answered_and_change_nothing(sandbox: SlackSandbox) -> None:
    for body in (
        click_body(actions=[{"action_id": "open_map"}]),
        click_body(type="view_closed"),
        click_body(actions=[]),
    ):
        assert signed(sandbox, body).status_code == 200


def test_a_click_on_a_lead_that_does_not_exist_is_answered(sandbox: SlackSandbox) -> None:
    answer = signed(sandbox, click_body(actions=[{"action_id": "claim_lead", "value": "4711"}]))
    assert answer.json()["text"] == "This lead is no longer here."


# The adapter


def test_the_bot_s_token_is_checked(sandbox: SlackSandbox) -> None:
    account = sandbox.settings.slack_account()
    assert account is not None
    assert SlackChat(account).check_token() == "U0LEADFLOWBOT"


def _click(sandbox: SlackSandbox, user: str, ts: str) -> str:
    body = click_body(user={"id": user}, container={"message_ts": ts})
    return str(signed(sandbox, body).json()["text"])


def _click_slowly(sandbox: SlackSandbox, ts: str) -> None:
    time.sleep(0.3)
    asked = {"user": BEN, "channel": "C0HOTLEADS", "ts": ts, "action_id": "claim_lead"}
    requests.post(f"{sandbox.settings.sandbox_url}/_page/slack/click", json=asked, timeout=10)


def _run_until_closed(sandbox: SlackSandbox, query: Query) -> None:
    deadline = time.monotonic() + 10
    while query("select count(*) from routing.claims where status in ('announced', 'open')") != [(0,)]:
        assign_leads(sandbox.database, batch_id=uuid.uuid4(), terms=sandbox.terms, channels=SLACK_ONLY)
        assert time.monotonic() < deadline


def test_a_direct_message_whose_answer_was_lost_is_not_written_again(sandbox: SlackSandbox, query: Query) -> None:
    """Its deliverer was killed, or Slack answered too late: whoever tries again looks before it writes."""
    land(sandbox.database, 1, message="Is it still available?", budget="$600k")
    assert sandbox.run().rotation == 1
    assert query("select status from delivery.outbox where kind = 'slack_message'") == [("sent",)]
    query(
        "update delivery.outbox set status = 'pending', sent_at = null, vendor_reference = null, due_at = now(),"
        " lease_until = now() - interval '1 second' where kind = 'slack_message'"
    )
    sandbox.deliver()
    assert query("select status, attempts from delivery.outbox where kind = 'slack_message'") == [("sent", 2)]
    calls = requests.get(f"{sandbox.settings.sandbox_url}/_calls/slack", timeout=5).json()
    assert [call["path"].rpartition("/")[2] for call in calls].count("chat.postMessage") == 1
