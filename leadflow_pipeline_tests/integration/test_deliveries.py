"""The outbox: every effect is written once, tried until it is done, and never done by two at the same time."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from leadflow_pipeline.adapters.database import Database
from leadflow_pipeline.domain.effects import VENDORS
from leadflow_pipeline.domain.errors import PermanentError, TransientError
from leadflow_pipeline.stages.deliveries import (
    SENDERS_AT_ONCE,
    TRIES_BEFORE_ALERT,
    Budget,
    DeliveryCounts,
    Effect,
    deliver_effects,
    has_due_effects,
)
from leadflow_pipeline.stages.effects import NewEffect, queue_effects

Query = Callable[..., list[tuple[Any, ...]]]


class Recorder:
    """A sender that notes each effect and then does what it is told."""

    def __init__(self, do: Callable[[Effect], str | None] = lambda effect: f"ref-{effect.outbox_id}") -> None:
        self.effects: list[Effect] = []
        self._do = do
        self._lock = threading.Lock()

    def send(self, effect: Effect) -> str | None:
        with self._lock:
            self.effects.append(effect)
        return self._do(effect)


def raising(*errors: Exception | None) -> Callable[[Effect], str | None]:
    """Raises these one after the other; None, and what comes behind the last, succeeds."""
    left = list(errors)

    def do(_: Effect) -> str | None:
        error = left.pop(0) if left else None
        if error is not None:
            raise error
        return "done"

    return do


def queue(database: Database, *keys: str, kind: str = "sms", after_key: str | None = None) -> list[str]:
    effects = (NewEffect(idempotency_key=key, kind=kind, after_key=after_key) for key in keys)
    with database.transaction() as transaction:
        return queue_effects(transaction, effects)


def deliver(database: Database, sender: Recorder, *, seconds: float = 20) -> DeliveryCounts:
    return deliver_effects(database, {"sms": sender}, seconds=seconds, chance=lambda: 0.0)


def make_due(query: Query) -> None:
    query("update delivery.outbox set due_at = now() - interval '1 s' where status = 'pending'")


def test_each_kind_waits_in_its_vendors_line(database: Database, query: Query) -> None:
    """The table tells by itself; it has to agree with those who take from the lines."""
    for kind in VENDORS:
        queue(database, f"{kind}:1", kind=kind)
    assert dict(query("select kind, vendor from delivery.outbox")) == dict(VENDORS)


def test_an_effect_is_written_once_however_often_its_cause_comes(database: Database) -> None:
    assert queue(database, "sms:1", "sms:2") == ["sms:1", "sms:2"]
    assert queue(database, "sms:2", "sms:3") == ["sms:3"]


def test_an_effect_for_later_waits_until_then(database: Database, query: Query) -> None:
    later = datetime.now(UTC) + timedelta(hours=1)
    with database.transaction() as transaction:
        queue_effects(transaction, [NewEffect(idempotency_key="sms:1", kind="sms", due_at=later)])
    assert deliver(database, Recorder()).sent == 0
    make_due(query)
    assert deliver(database, Recorder()).sent == 1


def test_what_is_due_is_sent_and_keeps_the_vendor_s_reference(database: Database, query: Query) -> None:
    queue(database, "sms:1", "sms:2")
    sender = Recorder(lambda effect: f"SM-{effect.idempotency_key}")
    assert deliver(database, sender) == DeliveryCounts(sent=2, put_off=0, set_aside=0)
    rows = query(
        "select idempotency_key, status, vendor_reference, sent_at is not null from delivery.outbox order by 1"
    )
    assert rows == [("sms:1", "sent", "SM-sms:1", True), ("sms:2", "sent", "SM-sms:2", True)]
    assert deliver(database, sender) == DeliveryCounts(sent=0, put_off=0, set_aside=0)


def test_a_deliverer_is_wanted_for_what_is_overdue_and_nobody_has_in_hand(database: Database, query: Query) -> None:
    queue(database, "sms:1")
    assert has_due_effects(database, ["sms"])
    assert not has_due_effects(database, ["sms"], grace_seconds=1)  # its own run is about to send it
    make_due(query)
    assert has_due_effects(database, ["sms"], grace_seconds=1)
    query("update delivery.outbox set lease_until = now() + interval '1 min'")
    assert not has_due_effects(database, ["sms"])


def test_a_kind_without_a_sender_waits(database: Database, query: Query) -> None:
    queue(database, "alert:1", kind="ops_alert")
    assert not has_due_effects(database, ["sms"])
    assert deliver(database, Recorder()).sent == 0
    assert query("select status, attempts from delivery.outbox") == [("pending", 0)]


def test_a_transient_failure_is_tried_again_when_its_time_has_come(database: Database, query: Query) -> None:
    queue(database, "sms:1")
    sender = Recorder(raising(TransientError("Twilio is busy.", retry_after=600)))
    assert deliver(database, sender).put_off == 1
    [(status, attempts, error, seconds)] = query(
        "select status, attempts, last_error, extract(epoch from due_at - now()) from delivery.outbox"
    )
    assert (status, attempts, error) == ("pending", 1, "Twilio is busy.")
    assert 590 < seconds <= 600
    assert deliver(database, sender).sent == 0
    make_due(query)
    assert deliver(database, sender).sent == 1
    assert [effect.attempts for effect in sender.effects] == [1, 2]
    assert not sender.effects[1].may_have_acted


def test_a_permanent_failure_is_set_aside_with_its_reason(database: Database, query: Query) -> None:
    queue(database, "sms:1")
    assert deliver(database, Recorder(raising(PermanentError("The number cannot take texts.")))).set_aside == 1
    rows = query("select status, last_error from delivery.outbox where kind = 'sms'")
    assert rows == [("set_aside", "The number cannot take texts.")]


def test_a_fault_of_our_own_is_set_aside_without_the_text_it_may_quote(database: Database, query: Query) -> None:
    queue(database, "sms:1")
    assert deliver(database, Recorder(raising(ValueError("Zebulon Quux")))).set_aside == 1
    errors = query("select last_error from delivery.outbox where kind = 'sms'")
    assert errors == [("ValueError: a fault in leadflow itself",)]


def test_an_attempt_without_an_answer_makes_the_next_one_look_first(database: Database, query: Query) -> None:
    """The vendor may have acted before its answer got lost; asking again blindly would do it twice."""
    queue(database, "sms:1")
    lost = TransientError("no answer", may_have_acted=True)
    sender = Recorder(raising(lost, TransientError("busy"), None))
    for _ in range(3):
        deliver(database, sender)
        make_due(query)
    assert [effect.may_have_acted for effect in sender.effects] == [False, True, True]


def test_an_effect_of_a_deliverer_that_died_is_taken_over_with_the_warning(database: Database, query: Query) -> None:
    queue(database, "sms:1")
    died = threading.Event()

    def take_too_long(_: Effect) -> str:
        query("update delivery.outbox set lease_until = now() - interval '1 s'")  # as after a minute of silence
        second = Recorder(lambda _: "second")
        assert deliver(database, second).sent == 1
        assert second.effects[0].may_have_acted
        died.set()
        return "first"

    deliver(database, Recorder(take_too_long))
    assert died.is_set()
    assert query("select status, vendor_reference, attempts from delivery.outbox") == [("sent", "second", 2)]


def test_what_comes_after_waits_for_what_comes_before(database: Database, query: Query) -> None:
    queue(database, "task:1", after_key="contact:1")
    queue(database, "contact:1")
    sender = Recorder(raising(TransientError("busy"), None, None))
    deliver(database, sender)
    assert [effect.idempotency_key for effect in sender.effects] == ["contact:1"]
    make_due(query)
    deliver(database, sender)
    assert [effect.idempotency_key for effect in sender.effects[1:]] == ["contact:1", "task:1"]


def test_what_comes_after_something_given_up_is_given_up_with_it(database: Database, query: Query) -> None:
    queue(database, "contact:1")
    queue(database, "task:1", after_key="contact:1")
    queue(database, "note:1", after_key="task:1")
    deliver(database, Recorder(raising(PermanentError("unknown account"))))
    rows = query(
        "select idempotency_key, status, last_error from delivery.outbox where kind = 'sms' order by outbox_id"
    )
    assert rows == [
        ("contact:1", "set_aside", "unknown account"),
        ("task:1", "set_aside", "what has to come before it was given up: contact:1"),
        ("note:1", "set_aside", "what has to come before it was given up: task:1"),
    ]


@pytest.mark.parametrize("deliverers", [4])
def test_many_deliverers_send_each_effect_once(database: Database, deliverers: int) -> None:
    queue(database, *(f"sms:{number}" for number in range(200)))
    sender = Recorder()
    with ThreadPoolExecutor(deliverers) as pool:
        counts = list(pool.map(lambda _: deliver(database, sender), range(deliverers)))
    assert sum(count.sent for count in counts) == 200
    assert len({effect.idempotency_key for effect in sender.effects}) == len(sender.effects) == 200


def test_what_a_budget_refuses_waits_and_counts_as_no_attempt(database: Database, query: Query) -> None:
    query("update vendors.budgets set not_before = now() + interval '1 hour' where vendor = 'twilio' and scope = ''")
    queue(database, "sms:1")
    budgets = {"twilio": Budget(vendor="twilio")}
    assert has_due_effects(database, ["sms"])
    assert not has_due_effects(database, ["sms"], budgets)
    counts = deliver_effects(database, {"sms": Recorder()}, seconds=20, budgets=budgets)
    assert counts == DeliveryCounts(sent=0, put_off=0, set_aside=0)
    assert query("select status, attempts from delivery.outbox") == [("pending", 0)]


def test_a_budget_of_a_call_a_moment_is_waited_for_and_settled(database: Database, query: Query) -> None:
    query("update vendors.budgets set calls_per_second = 20, burst = 1 where vendor = 'twilio' and scope = ''")
    queue(database, *(f"sms:{number}" for number in range(5)))
    budgets = {"twilio": Budget(vendor="twilio")}
    sender = Recorder(raising(TransientError("busy")))
    counts = deliver_effects(database, {"sms": sender}, seconds=20, budgets=budgets)
    assert counts == DeliveryCounts(sent=4, put_off=1, set_aside=0)
    assert query("select calls, failed from vendors.usage where vendor = 'twilio'") == [(5, 1)]


def test_a_vendor_that_hangs_delays_no_other(database: Database) -> None:
    """With one line for all, texts would wait until the CRM's time-outs had run out."""
    queue(database, *(f"crm_contact:{number}" for number in range(20)), kind="crm_contact")
    queue(database, "sms:1")
    texted = threading.Event()

    def hang(_: Effect) -> str:
        assert texted.wait(20), "the text waits for the CRM"
        return "contact"

    def text(_: Effect) -> str:
        texted.set()
        return "text"

    senders = {"crm_contact": Recorder(hang), "sms": Recorder(text)}
    assert deliver_effects(database, senders, seconds=20).sent == 21


def test_an_effect_is_claimed_when_a_sender_is_free_so_that_its_lease_begins_with_its_try(
    database: Database, query: Query
) -> None:
    queue(database, *(f"sms:{number}" for number in range(20)))
    held: list[int] = []

    def look(_: Effect) -> str:
        held.append(len(query("select from delivery.outbox where lease_until > now()")))
        return "sent"

    deliver_effects(database, {"sms": Recorder(look)}, seconds=20)
    assert max(held) <= SENDERS_AT_ONCE


def test_a_vendor_that_fails_again_and_again_makes_one_alert_an_hour(database: Database, query: Query) -> None:
    queue(database, "sms:1", "sms:2")
    for _ in range(TRIES_BEFORE_ALERT):
        deliver(database, Recorder(raising(*[TransientError("Twilio is in trouble (500).")] * 2)))
        make_due(query)
    [(text,)] = query("select payload->>'text' from delivery.outbox where kind = 'ops_alert'")
    assert "is failing after 8 tries: Twilio is in trouble (500)." in text
