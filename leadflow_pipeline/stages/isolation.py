"""Keeps one bad lead from stopping its batch: finds the culprits of a set-based write and quarantines them.

A write that fails as a whole is tried with halves until the rows that cannot be written stand alone. What is wrong
with the statement or the server itself is nobody's row: it goes up as it came.
"""

import uuid
from collections.abc import Callable, Iterable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from leadflow_pipeline.domain.errors import BadRowsError, PermanentError
from leadflow_pipeline.stages.store import Store, StoreTransaction, as_json_rows

# A batch of 500 with ten culprits takes about 100 tries; beyond this it is not some rows that are bad.
MOST_TRIES = 400

# For callers that keep no rules: what they quarantine is tried again as soon as any are in force.
UNKNOWN_VERSION = "unknown"

Item = TypeVar("Item")
Found = TypeVar("Found")


@dataclass(frozen=True, kw_only=True)
class BadLead:
    """A lead that a stage cannot go on with. The reason is ours and never holds the lead's words."""

    lead_id: int
    reason: str


def write_without_culprits(items: Sequence[Item], write: Callable[[Sequence[Item]], object]) -> list[tuple[Item, str]]:
    """Write all items, in parts where the whole is refused; gives those that are refused alone, with why.

    `write` is one transaction: it writes all it is given, or raises `BadRowsError` and has written nothing.
    """
    culprits: list[tuple[Item, str]] = []
    waiting = [items] if items else []
    tries = 0
    while waiting:
        part = waiting.pop()
        tries += 1
        try:
            write(part)
        except BadRowsError as error:
            if tries > MOST_TRIES:
                raise PermanentError(f"Too many rows are refused to be single bad leads. {error}") from error
            if len(part) == 1:
                culprits.append((part[0], _reason(error)))
            else:
                middle = len(part) // 2
                waiting += [part[middle:], part[:middle]]
    return culprits


def describe_fault(doing: str, error: Exception) -> str:
    """The reason for a lead whose handling failed in our own code; of the error only its kind."""
    return f"{doing} it failed with {type(error).__name__}; a fault in leadflow, not in the lead"


def quarantine_leads(store: Store, *, batch_id: uuid.UUID, stage: str, bad: Iterable[BadLead], version: str) -> int:
    """Take leads out of the batch and their events into quarantine; gives how many. `version`: the rules in force."""
    rows: list[Mapping[str, Any]] = [{"lead_id": lead.lead_id, "reason": lead.reason} for lead in bad]
    if not rows:
        return 0
    with store.transaction() as transaction:
        taken = transaction.rows(
            "quarantine_leads", batch_id=batch_id, stage=stage, rules_version=version, rows=as_json_rows(rows)
        )
    return len(taken)


def judge_each(
    leads: Iterable[Mapping[str, Any]], judge: Callable[[Mapping[str, Any]], Found], *, doing: str
) -> tuple[dict[int, Found], list[BadLead]]:
    """What `judge` says of each lead, by `lead_id`; and the leads over which our own code stumbled."""
    found: dict[int, Found] = {}
    bad: list[BadLead] = []
    for lead in leads:
        try:
            found[lead["lead_id"]] = judge(lead)
        except Exception as error:  # noqa: BLE001 - one bad lead must not stop the batch; the reason keeps its kind
            bad.append(BadLead(lead_id=lead["lead_id"], reason=describe_fault(doing, error)))
    return found, bad


def write_or_quarantine(
    store: Store,
    write: Callable[[StoreTransaction, Sequence[tuple[int, Item]]], object],
    *,
    leads: MutableMapping[int, Item],
    bad: Iterable[BadLead],
    batch_id: uuid.UUID,
    stage: str,
    version: str,
) -> int:
    """Write what is known of each lead. Those that are refused leave `leads` and go into quarantine, as do the `bad`.

    Gives how many went there.
    """

    def write_part(part: Sequence[tuple[int, Item]]) -> None:
        with store.transaction() as transaction:
            write(transaction, part)

    refused = [
        BadLead(lead_id=lead_id, reason=reason)
        for (lead_id, _), reason in write_without_culprits(list(leads.items()), write_part)
    ]
    for lead in refused:
        del leads[lead.lead_id]
    return quarantine_leads(store, batch_id=batch_id, stage=stage, bad=[*bad, *refused], version=version)


def work_without_culprits(
    store: Store, *, batch_id: uuid.UUID, stage: str, version: str, work: Callable[[Sequence[int] | None], Item]
) -> tuple[list[Item], int]:
    """Do a set-based step for the whole batch (None), or for parts of it where the whole is refused.

    Gives the results, one for each part that was written, and how many leads went into quarantine.
    """
    results: list[Item] = []
    try:
        return [work(None)], 0
    except BadRowsError:
        lead_ids = list_batch_leads(store, batch_id=batch_id)
    refused = write_without_culprits(lead_ids, lambda part: results.append(work(part)))
    bad = [BadLead(lead_id=lead_id, reason=reason) for lead_id, reason in refused]
    return results, quarantine_leads(store, batch_id=batch_id, stage=stage, bad=bad, version=version)


def list_batch_leads(store: Store, *, batch_id: uuid.UUID) -> list[int]:
    """The ids of the batch's leads."""
    with store.transaction() as transaction:
        return [row["lead_id"] for row in transaction.rows("list_batch_leads", batch_id=batch_id)]


def stamp_rules(store: Store, *, batch_id: uuid.UUID, version: str) -> None:
    """Note which rules judged the events of the batch that could not be read."""
    with store.transaction() as transaction:
        transaction.execute("stamp_rules", batch_id=batch_id, rules_version=version)


def _reason(error: BadRowsError) -> str:
    return str(error).rstrip(".") + "; the values of this lead do not fit"
