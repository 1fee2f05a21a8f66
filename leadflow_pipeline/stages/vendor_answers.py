"""Gets answers from vendors: out of the cache, else asked for, each paid for once, within a time that is given.

A question is claimed in its row of `vendors.answers` before it is asked, so that processes at the same time do not
ask twice. While a vendor is asked no connection and no lock is held. A call that has not answered when the time is
over goes on in its thread, and its answer is kept for whoever asks next.
"""

import json
import logging
import time
import uuid
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from threading import Lock
from typing import Any, Protocol

from leadflow_pipeline.domain.enrichment import Answer, Known, Question
from leadflow_pipeline.domain.errors import PermanentError, TransientError
from leadflow_pipeline.domain.vendor_budgets import CallReport, Permission, RefusedError, report_error
from leadflow_pipeline.stages.effects import NewEffect, queue_effects
from leadflow_pipeline.stages.store import Store, StoreTransaction, as_json_rows
from leadflow_pipeline.stages.vendor_budgets import ask_within, note_cache_hits, write_report

# Longer than any call may take with its time-outs: until then nobody else asks the same.
CLAIM_SECONDS = 30.0
TRIES = 3  # within one batch, of a call that failed
QUEUED_SECONDS = 60.0  # until a vendor that is still looking is asked again

logger = logging.getLogger(__name__)


class VendorClient(Protocol):
    """Asks one vendor. Called from several threads at once."""

    @property
    def vendor(self) -> str: ...

    def close(self) -> None: ...

    def ask(self, question: Question) -> Answer:
        """One call. Raises `RefusedError`, `LimitedError`, `TransientError`, or `PermanentError` for this question."""
        ...


@dataclass(frozen=True, kw_only=True)
class FetchTerms:
    """How much may be asked at once, and how long answers are kept."""

    seconds: float  # after this, what has not answered counts as not yet
    rate_seconds: Mapping[str, float]  # per vendor: after this nobody waits any more for its budget's next call
    at_once: int  # calls under way per chain kind
    keep_days: Mapping[str, int]  # per vendor


def read_cache(store: Store, questions: Iterable[Question]) -> dict[tuple[str, str], Mapping[str, Any] | None]:
    """What is known already of these questions."""
    asked = {(question.vendor, question.key) for question in questions}
    if not asked:
        return {}
    rows = as_json_rows({"vendor": vendor, "request_key": key} for vendor, key in sorted(asked))
    with store.transaction() as transaction:
        found = transaction.rows("read_answers", questions=rows)
    return {(row["vendor"], row["request_key"]): row["facts"] for row in found}


def fetch_answers(
    store: Store, clients: Mapping[str, VendorClient], chains: Sequence[Sequence[Question]], terms: FetchTerms
) -> Known:
    """What is known of the chains' questions after at most `terms.seconds`; the most urgent chain stands first.

    A chain is asked in its order until a vendor knows something. Chains that begin with the same vendor share
    `terms.at_once` threads.
    """
    started = time.monotonic()
    deadline = started + terms.seconds
    questions = [question for chain in chains for question in chain]
    known = read_cache(store, questions)
    _count_hits(store, known)
    fetch = _Fetch(store, clients, known, terms, started)
    pools: dict[str, ThreadPoolExecutor] = {}
    work: list[Future[None]] = []
    for chain in dict.fromkeys(tuple(chain) for chain in chains if chain):
        if not fetch.is_open(chain):
            continue
        first = chain[0].vendor
        if first not in pools:
            pools[first] = ThreadPoolExecutor(terms.at_once, thread_name_prefix=f"ask {first}")
        work.append(pools[first].submit(fetch.follow, chain))
    wait(work, timeout=max(0.0, deadline - time.monotonic()))
    for pool in pools.values():
        pool.shutdown(wait=False, cancel_futures=True)
    for done in work:
        if done.done() and not done.cancelled() and (error := done.exception()) is not None:
            # A vendor never makes a lead late, and neither does a fault in asking it.
            logger.warning("Asking a vendor failed with %s", type(error).__name__)
    return {**read_cache(store, (question for question in questions if not fetch.knows(question))), **fetch.known()}


class _Fetch:
    """One round of asking, shared by its threads."""

    def __init__(
        self,
        store: Store,
        clients: Mapping[str, VendorClient],
        known: Mapping[tuple[str, str], Mapping[str, Any] | None],
        terms: FetchTerms,
        started: float,
    ) -> None:
        self._store = store
        self._clients = clients
        self._known = dict(known)
        self._terms = terms
        self._started = started
        self._deadline = started + terms.seconds
        self._closed: set[str] = set()  # vendors that take no more calls in this round
        # One thread at a time asks a budget: the others would only ask it in vain.
        self._turns = {vendor: Lock() for vendor in clients}
        self._lock = Lock()

    def known(self) -> dict[tuple[str, str], Mapping[str, Any] | None]:
        """What is known by now."""
        with self._lock:
            return dict(self._known)

    def knows(self, question: Question) -> bool:
        with self._lock:
            return (question.vendor, question.key) in self._known

    def is_open(self, chain: Sequence[Question]) -> bool:
        """Whether something of the chain is still to be asked."""
        for question in chain:
            if not self.knows(question):
                return True
            if self._known[question.vendor, question.key]:
                return False
        return False

    def follow(self, chain: Sequence[Question]) -> None:
        """Ask along the chain until somebody knows something or an answer has to wait."""
        for question in chain:
            if not self.knows(question) and not self._fetch(question):
                return
            if self._known[question.vendor, question.key]:
                return

    def _fetch(self, question: Question) -> bool:
        """Whether there is an answer now."""
        for _ in range(TRIES):
            token = uuid.uuid4()
            permission, is_paid = self._claim(question, token)
            if permission is None:
                return False
            try:
                answer = self._clients[question.vendor].ask(question)
            except Exception as error:  # noqa: BLE001 - whatever it is, the budget has to be told and the lead goes on
                if self._note_failure(question, token, permission, error):
                    return True
            else:
                return self._keep(question, token, permission, answer, is_paid=is_paid)
        return False

    def _claim(self, question: Question, token: uuid.UUID) -> tuple[Permission | None, bool]:
        """Permission to ask, and whether the answer is paid for; None when it is not for us to ask now."""
        turn = self._turns[question.vendor]
        if not turn.acquire(timeout=max(0.0, self._deadline - time.monotonic())):
            return None, False
        try:
            return self._claim_in_turn(question, token)
        finally:
            turn.release()

    def _claim_in_turn(self, question: Question, token: uuid.UUID) -> tuple[Permission | None, bool]:
        while True:
            left = self._deadline - time.monotonic()
            if left <= 0 or question.vendor in self._closed:
                return None, False
            named = {"vendor": question.vendor, "request_key": question.key, "claim_token": str(token)}
            with self._store.transaction() as transaction:
                claimed = transaction.row("claim_question", **named, lease_seconds=CLAIM_SECONDS)
                if claimed is None:
                    return None, False
                permission = ask_within(transaction, question.vendor)
                if not permission.calls:
                    transaction.execute(
                        "release_question", **named, seconds=0, is_paid=False, cost=0, reason=permission.reason
                    )
            if permission.calls:
                return permission, bool(claimed["is_paid"])
            # Any other refusal (breaker, cap, pause) lasts longer than a batch.
            patience = self._started + self._terms.rate_seconds.get(question.vendor, self._terms.seconds)
            comes_at = time.monotonic() + permission.wait_seconds
            if permission.reason != "rate" or comes_at >= min(patience, self._deadline):
                self._closed.add(question.vendor)
            else:
                time.sleep(max(permission.wait_seconds, 0.01))

    def _keep(
        self, question: Question, token: uuid.UUID, permission: Permission, answer: Answer, *, is_paid: bool
    ) -> bool:
        """Keep an answer together with what it cost; whether it is one."""
        cost = permission.unit_cost if answer.is_billed and not is_paid else Decimal(0)
        report = CallReport(
            succeeded=1,
            cost=cost,
            remaining=answer.remaining,
            reset_seconds=answer.reset_seconds if not answer.remaining else None,
        )
        with self._store.transaction() as transaction:
            if answer.is_queued:
                transaction.execute(
                    "release_question",
                    vendor=question.vendor,
                    request_key=question.key,
                    claim_token=str(token),
                    seconds=QUEUED_SECONDS,
                    is_paid=True,
                    cost=cost,
                    reason="queued by the vendor",
                )
            else:
                self._save(transaction, question, answer.facts, cost=cost, reason=None)
            write_report(transaction, permission, report)
        if not answer.is_queued:
            self._learn(question, answer.facts)
        return not answer.is_queued

    def _note_failure(self, question: Question, token: uuid.UUID, permission: Permission, error: Exception) -> bool:
        """Tell the budget; whether the failure is itself an answer: the vendor cannot use this question."""
        is_answer = isinstance(error, PermanentError) and not isinstance(error, RefusedError)
        reason = str(error) if isinstance(error, PermanentError | TransientError) else type(error).__name__
        with self._store.transaction() as transaction:
            if is_answer:
                self._save(transaction, question, None, cost=Decimal(0), reason=reason)
            else:
                transaction.execute(
                    "release_question",
                    vendor=question.vendor,
                    request_key=question.key,
                    claim_token=str(token),
                    seconds=0,
                    is_paid=False,
                    cost=0,
                    reason=reason,
                )
            write_report(transaction, permission, report_error(error))
            if isinstance(error, RefusedError):
                self._alert(transaction, question.vendor, reason)
        if is_answer:
            self._learn(question, None)
        elif isinstance(error, RefusedError):
            self._closed.add(question.vendor)
        return is_answer

    def _save(
        self,
        transaction: StoreTransaction,
        question: Question,
        facts: Mapping[str, Any] | None,
        *,
        cost: Decimal,
        reason: str | None,
    ) -> None:
        transaction.execute(
            "save_answer",
            vendor=question.vendor,
            request_key=question.key,
            status="found" if facts else "none",
            facts=json.dumps(facts) if facts else None,
            reason=reason,
            cost=cost,
            keep_days=self._terms.keep_days[question.vendor],
        )

    def _learn(self, question: Question, facts: Mapping[str, Any] | None) -> None:
        with self._lock:
            self._known[question.vendor, question.key] = facts

    def _alert(self, transaction: StoreTransaction, vendor: str, reason: str) -> None:
        """Once a day: a person has to act."""
        today = datetime.now(UTC).date()
        text = f"{reason} Leads go on without; what is missing is fetched when {vendor} answers again."
        queue_effects(
            transaction,
            [NewEffect(idempotency_key=f"ops_alert:vendor:{vendor}:{today}", kind="ops_alert", payload={"text": text})],
        )


def _count_hits(store: Store, known: Known) -> None:
    hits: dict[str, int] = {}
    for vendor, _ in known:
        hits[vendor] = hits.get(vendor, 0) + 1
    if hits:
        with store.transaction() as transaction:
            for vendor, count in sorted(hits.items()):
                note_cache_hits(transaction, vendor, count)
