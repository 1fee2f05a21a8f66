"""Carries effects from the outbox to the outside world: claims what is due, lets a sender try, marks what came of it.

How one kind of effect is sent is its sender's business; what an effect is, is decided where it is caused. No lock and
no transaction is held while a vendor is asked.
"""

import random
import time
import uuid
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from leadflow_pipeline.domain.errors import PermanentError, TransientError
from leadflow_pipeline.domain.retries import seconds_until_next_try
from leadflow_pipeline.stages.store import Store

LEASE_SECONDS = 60  # longer than any sender may take: each has its time-outs
SENDERS_AT_ONCE = 8
CLAIMED_AT_ONCE = 40


@dataclass(frozen=True, kw_only=True)
class Effect:
    """One thing to be done in the outside world."""

    outbox_id: int
    idempotency_key: str  # the same for every attempt: what to give to a vendor that knows such keys
    kind: str
    lead_id: int | None
    agent_id: str | None
    payload: Mapping[str, Any]
    attempts: int  # this one included
    created_at: datetime
    may_have_acted: bool  # an earlier attempt ended without an answer: ask the vendor before doing it again


class Sender(Protocol):
    """Does one kind of effect. Called from several threads at once."""

    def send(self, effect: Effect) -> str | None:
        """Do it, or find that it is done; gives what the vendor calls it.

        Raises `TransientError` to be tried again later (with what the vendor said of when, and whether it may have
        acted), `PermanentError` to be set aside. Messages never hold the lead's words.
        """
        ...


@dataclass(frozen=True, kw_only=True)
class DeliveryCounts:
    """What became of the effects that were due."""

    sent: int
    put_off: int
    set_aside: int


def deliver_effects(
    store: Store,
    senders: Mapping[str, Sender],
    *,
    seconds: float,
    chance: Callable[[], float] = random.random,
) -> DeliveryCounts:
    """Deliver what is due, for at most about `seconds`; what is left stays due for the next deliverer."""
    deadline = time.monotonic() + seconds
    counts: Counter[str] = Counter()
    with ThreadPoolExecutor(SENDERS_AT_ONCE, thread_name_prefix="deliver") as pool:
        while senders and time.monotonic() < deadline:
            token = uuid.uuid4()
            effects = _claim(store, list(senders), token)
            if not effects:
                break
            tries = {pool.submit(senders[effect.kind].send, effect): effect for effect in effects}
            for attempt in as_completed(tries):
                counts[_mark(store, tries[attempt], token, attempt, chance)] += 1
    return DeliveryCounts(sent=counts["sent"], put_off=counts["put_off"], set_aside=counts["set_aside"])


def has_due_effects(store: Store, kinds: list[str]) -> bool:
    """Whether a deliverer would find anything to do now."""
    with store.transaction() as transaction:
        return bool(transaction.value("has_due_effects", kinds=kinds))


def _claim(store: Store, kinds: list[str], token: uuid.UUID) -> list[Effect]:
    with store.transaction() as transaction:
        rows = transaction.rows(
            "claim_effects", kinds=kinds, most=CLAIMED_AT_ONCE, lease_seconds=LEASE_SECONDS, lease_token=token
        )
    return [Effect(**row) for row in sorted(rows, key=lambda row: row["outbox_id"])]


def _mark(
    store: Store, effect: Effect, token: uuid.UUID, attempt: Future[str | None], chance: Callable[[], float]
) -> str:
    """Write down what came of an attempt; gives the outcome's name."""
    held = {"outbox_id": effect.outbox_id, "lease_token": token}
    error = attempt.exception()
    with store.transaction() as transaction:
        if error is None:
            transaction.execute("mark_effect_sent", **held, vendor_reference=attempt.result())
            return "sent"
        pause = None
        if isinstance(error, TransientError):
            pause = seconds_until_next_try(effect.attempts, retry_after=error.retry_after, chance=chance())
        if pause is None:
            transaction.execute("set_effect_aside", **held, last_error=_describe(error))
            return "set_aside"
        assert isinstance(error, TransientError)
        transaction.execute(
            "put_effect_off",
            **held,
            seconds=pause,
            # An attempt that found no answer to "is it done?" leaves the question open.
            keep_lease=error.may_have_acted or effect.may_have_acted,
            last_error=_describe(error),
        )
        return "put_off"


def _describe(error: BaseException) -> str:
    """An error as a line; of a fault of our own only its kind, since its text may hold a lead's words."""
    if isinstance(error, PermanentError | TransientError):
        return str(error)
    return f"{type(error).__name__}: a fault in leadflow itself"
