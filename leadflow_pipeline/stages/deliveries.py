"""Carries effects from the outbox to the outside world: claims what is due, lets a sender try, marks what came of it.

How one kind of effect is sent is its sender's business; what an effect is, is decided where it is caused. No lock and
no transaction is held while a vendor is asked, and each vendor has its own line: one that hangs delays no other.
"""

import random
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Protocol

from leadflow_pipeline.domain.effects import VENDORS, NewEffect
from leadflow_pipeline.domain.errors import PermanentError, TransientError
from leadflow_pipeline.domain.retries import seconds_until_next_try
from leadflow_pipeline.domain.vendor_budgets import CallReport, Permission, report_error
from leadflow_pipeline.stages.effects import queue_effects
from leadflow_pipeline.stages.store import Store, StoreTransaction
from leadflow_pipeline.stages.vendor_budgets import ask_vendor, report_calls, write_report

LEASE_SECONDS = 60.0  # longer than any sender may take: each has its time-outs
SENDERS_AT_ONCE = 6  # per vendor; an effect is claimed when a sender is free, so that its lease begins with its try
SETTLING_SECONDS = 10.0  # what a vendor did without telling may not show at once; whoever looks waits this long
LONGEST_BUDGET_WAIT_SECONDS = 2.0  # a long code sends a text a second; what takes longer is the next run's
# What a batch's own run does not deliver within these is due for a run of its own.
FIRST_TRY_SECONDS, CROWDED_SECONDS = 5.0, 0.5
TRIES_BEFORE_ALERT = 8  # some three minutes: a vendor that stumbles is no news, one that is down is


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
class Budget:
    """The budget in `vendors.budgets` that a line asks before it sends. One call for an effect is the usual case."""

    vendor: str
    scope: str = ""


NO_BUDGETS: Mapping[str, Budget] = {}


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
    budgets: Mapping[str, Budget] = NO_BUDGETS,
    lease_seconds: float = LEASE_SECONDS,
    chance: Callable[[], float] = random.random,
) -> DeliveryCounts:
    """Deliver what is due, for at most about `seconds`; what is left stays due for the next deliverer.

    `budgets`: by line (the values of `domain.effects.VENDORS`). A budget that refuses ends its line: nothing has been
    claimed, so no attempt is counted, and the effects wait until the budget allows them.
    """
    deadline = time.monotonic() + seconds
    lines: dict[str, dict[str, Sender]] = {}
    for kind, sender in senders.items():
        lines.setdefault(VENDORS[kind], {})[kind] = sender
    counts: Counter[str] = Counter()
    if lines:
        with ThreadPoolExecutor(len(lines), thread_name_prefix="line") as pool:
            works = [
                _Line(store, name, kinds, budgets.get(name), lease_seconds, chance) for name, kinds in lines.items()
            ]
            for done in pool.map(lambda line: line.work(deadline), works):
                counts += done
    return DeliveryCounts(sent=counts["sent"], put_off=counts["put_off"], set_aside=counts["set_aside"])


def seconds_for_first_tries(store: Store) -> float:
    """How long a batch's own run may deliver: it makes room at once where more events wait for a run."""
    with store.transaction() as transaction:
        return CROWDED_SECONDS if transaction.value("count_events_behind", waited_seconds=0) else FIRST_TRY_SECONDS


def has_due_effects(
    store: Store, kinds: Iterable[str], budgets: Mapping[str, Budget] = NO_BUDGETS, *, grace_seconds: float = 0.0
) -> bool:
    """Whether a deliverer would find anything to do: due for at least `grace_seconds`, and its vendor may be called."""
    with store.transaction() as transaction:

        def is_due(kinds: Sequence[str]) -> bool:
            vendors = list({VENDORS[kind] for kind in kinds})
            return bool(transaction.value("has_due_effects", vendors=vendors, kinds=kinds, grace_seconds=grace_seconds))

        if not is_due(kinds := list(kinds)):
            return False
        resting = {
            line
            for line, budget in budgets.items()
            if transaction.value("is_vendor_resting", vendor=budget.vendor, scope=budget.scope)
        }
        return is_due([kind for kind in kinds if VENDORS[kind] not in resting])


@dataclass(frozen=True)
class Try:
    """An effect that is being sent, and what allows it."""

    effect: Effect
    permission: Permission | None


@dataclass
class _Line:
    """The effects of one vendor, a few at a time."""

    store: Store
    vendor: str
    senders: Mapping[str, Sender]
    budget: Budget | None
    lease_seconds: float
    chance: Callable[[], float]
    token: uuid.UUID = field(default_factory=uuid.uuid4)
    refused_seconds: float = 0.0  # how long the budget last told us to wait

    def work(self, deadline: float) -> Counter[str]:
        """Keep the senders busy until nothing is due, or time is up and the last tries have ended."""
        counts: Counter[str] = Counter()
        tries: dict[Future[str | None], Try] = {}
        with ThreadPoolExecutor(SENDERS_AT_ONCE, thread_name_prefix="send") as pool:
            while True:
                free = SENDERS_AT_ONCE - len(tries)
                started = self._claim(free) if free and time.monotonic() < deadline else []
                for one in started:
                    tries[pool.submit(self.senders[one.effect.kind].send, one.effect)] = one
                if not tries and not self._wait_for_budget(deadline):
                    return counts
                if not tries:
                    continue
                ended = wait(tries, return_when=FIRST_COMPLETED).done
                counts += self._mark({attempt: tries.pop(attempt) for attempt in ended})

    def _claim(self, most: int) -> list[Try]:
        """As many effects as there are free senders and the budget allows."""
        if self.budget is None:
            return [Try(effect, None) for effect in self._claim_effects(most)]
        permission = ask_vendor(self.store, self.budget.vendor, scope=self.budget.scope, calls=most)
        self.refused_seconds = 0.0 if permission.calls else permission.wait_seconds
        effects = self._claim_effects(permission.calls) if permission.calls else []
        if permission.calls > len(effects):
            report_calls(self.store, replace(permission, calls=permission.calls - len(effects)), CallReport())
        return [Try(effect, replace(permission, calls=1)) for effect in effects]

    def _wait_for_budget(self, deadline: float) -> bool:
        """Wait for a budget that allows the next call within moments, where there is something to call for."""
        seconds, self.refused_seconds = self.refused_seconds, 0.0
        if not 0 < seconds <= LONGEST_BUDGET_WAIT_SECONDS or time.monotonic() + seconds > deadline:
            return False
        if not has_due_effects(self.store, self.senders):
            return False
        time.sleep(seconds)
        return True

    def _claim_effects(self, most: int) -> list[Effect]:
        with self.store.transaction() as transaction:
            rows = transaction.rows(
                "claim_effects",
                vendor=self.vendor,
                kinds=list(self.senders),
                most=most,
                lease_seconds=self.lease_seconds,
                lease_token=self.token,
            )
        return [Effect(**row) for row in sorted(rows, key=lambda row: row["outbox_id"])]

    def _mark(self, ended: Mapping[Future[str | None], Try]) -> Counter[str]:
        """Write down what came of some tries."""
        counts: Counter[str] = Counter()
        with self.store.transaction() as transaction:
            for attempt, one in ended.items():
                counts[self._mark_one(transaction, one.effect, attempt)] += 1
                if one.permission is not None:
                    error = attempt.exception()
                    report = report_error(error) if isinstance(error, Exception) else CallReport(succeeded=1)
                    write_report(transaction, one.permission, report)
        return counts

    def _mark_one(self, transaction: StoreTransaction, effect: Effect, attempt: Future[str | None]) -> str:
        held = {"outbox_id": effect.outbox_id, "lease_token": self.token}
        error = attempt.exception()
        if error is None:
            transaction.execute("mark_effect_sent", **held, vendor_reference=attempt.result())
            return "sent"
        pause = None
        if isinstance(error, TransientError):
            wish = max(error.retry_after or 0.0, SETTLING_SECONDS) if error.may_have_acted else error.retry_after
            pause = seconds_until_next_try(effect.attempts, retry_after=wish, chance=self.chance())
        if pause is None:
            if transaction.execute("set_effect_aside", **held, last_error=_describe(error)):
                _queue_alert(transaction, effect, error, "given up")
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
        if effect.attempts == TRIES_BEFORE_ALERT:
            _queue_alert(transaction, effect, error, "failing")
        return "put_off"


def _queue_alert(transaction: StoreTransaction, effect: Effect, error: BaseException, state: str) -> None:
    """Tell the people who run this; once an hour for each kind of effect, however many there are."""
    if effect.kind == "ops_alert":
        return  # an alert about alerts would go the same way
    hour = f"{datetime.now(UTC):%Y-%m-%dT%H}"
    text = (
        f"Delivery {effect.idempotency_key} is {state} after {effect.attempts} tries: {_describe(error)} "
        "There may be more of this kind. `leadflow deliveries list` shows them, and `leadflow deliveries retry` tries "
        "those again that were given up."
    )
    alert = NewEffect(
        idempotency_key=f"delivery:{state}:{effect.kind}:{hour}", kind="ops_alert", payload={"text": text}
    )
    queue_effects(transaction, [alert])


def _describe(error: BaseException) -> str:
    """An error as a line; of a fault of our own only its kind, since its text may hold a lead's words."""
    if isinstance(error, PermanentError | TransientError):
        return str(error)
    return f"{type(error).__name__}: a fault in leadflow itself"
