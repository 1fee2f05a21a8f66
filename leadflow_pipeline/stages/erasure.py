"""Erases a person: everything that arrived from them, all that was made of it, and what was still to be sent.

Which columns hold personal data is said in `sql/personal_data.yaml`. What stays: that there was a lead, its score and
its agent; and tombstones, so that the same mail or post stays empty when it comes again.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import unquote_plus

from leadflow_pipeline.domain.errors import TransientError
from leadflow_pipeline.domain.mail_message import MailMessage, read_mail
from leadflow_pipeline.domain.personal_data import Person, PersonalTable, mentions
from leadflow_pipeline.stages.store import Store, StoreTransaction

CHUNK = 200


@dataclass(frozen=True, kw_only=True)
class Erasure:
    """What was done."""

    leads: int
    events: int
    rows: Mapping[str, int]  # per table, how many rows were emptied or deleted
    at_vendors: Sequence[tuple[str, str]]  # kind of effect and the vendor's id: to be erased there


def erase_person(store: Store, person: Person, tables: Sequence[PersonalTable]) -> Erasure:
    """Erase in one transaction, all or nothing.

    Raises `TransientError` while a run is at work on one of the person's leads.
    """
    mentioned = list(_events_that_mention(store, person))
    with store.transaction() as transaction:
        rows = transaction.rows("find_person_leads", emails=list(person.emails), phones=list(person.phones))
        if any(row["is_leased"] for row in rows):
            raise TransientError("A run is at work on a lead of this person; try again in a minute.")
        hashes = sorted({row["content_hash"] for row in rows} | {content_hash for _, content_hash in mentioned})
        same = transaction.rows("find_same_contents", content_hashes=hashes)
        events = sorted(
            {row["event_id"] for row in rows} | {event_id for event_id, _ in mentioned}
            | {row["event_id"] for row in same}
        )  # fmt: skip
        leads = [row["lead_id"] for row in rows]
        keys = {
            "events": events,
            "leads": leads,
            "contacts": _listed(transaction, "list_person_contacts", "contact_id", leads, person),
            "questions": _listed(transaction, "list_person_questions", "request_key", leads, person),
            "emails": list(person.emails),
            "phones": list(person.phones),
        }
        at_vendors = transaction.rows("cancel_effects", lead_ids=leads)
        counts = _erase(transaction, tables, keys)
        counts["leads.scored_leads"] = transaction.execute("empty_scores", lead_ids=leads)
        transaction.execute("settle_erased_events", event_ids=events)
        transaction.execute("bury_contents", content_hashes=hashes)
        found = {table: count for table, count in counts.items() if count}
        for asked in (*person.emails, *person.phones):
            transaction.value("note_erasure", person=asked, counts=json.dumps(found))
    return Erasure(
        leads=len(leads),
        events=len(events),
        rows=found,
        at_vendors=[(row["kind"], row["vendor_reference"]) for row in at_vendors],
    )


def _listed(
    transaction: StoreTransaction, query: str, column: str, leads: Sequence[int], person: Person
) -> list[object]:
    rows = transaction.rows(query, lead_ids=list(leads), emails=list(person.emails), phones=list(person.phones))
    return [row[column] for row in rows]


def _erase(
    transaction: StoreTransaction, tables: Sequence[PersonalTable], keys: Mapping[str, Sequence[object]]
) -> dict[str, int]:
    counts: dict[str, int] = {}
    for table in tables:
        if table.key is None or table.of is None:
            continue
        wanted = [str(key) for key in keys[table.of]]
        if not wanted:
            continue
        place = {"target": table.table, "key_column": table.key, "keys": wanted}
        if table.delete:
            counts[table.table] = transaction.value("erase_rows", **place)
        elif table.erase:
            counts[table.table] = transaction.value("erase_columns", **place, emptied=list(table.erase))
    return counts


def _events_that_mention(store: Store, person: Person) -> Iterator[tuple[int, str]]:
    """What arrived and became no lead, where the person stands in it."""
    after = 0
    while True:
        with store.transaction() as transaction:
            rows = transaction.rows("list_raw_without_lead", after=after, most=CHUNK)
        for row in rows:
            if mentions(_readable(row["channel"], bytes(row["raw"])), person):
                yield row["event_id"], row["content_hash"]
        if len(rows) < CHUNK:
            return
        after = rows[-1]["event_id"]


def _readable(channel: str, raw: bytes) -> str:
    """All text of a mail, decoded, beside its bytes as they are."""
    text = raw.decode("utf-8", "replace")
    if channel != "email":
        return f"{text}\n{unquote_plus(text)}"
    return f"{text}\n{_words_of(read_mail(raw))}"


def _words_of(mail: MailMessage) -> str:
    parts = (mail.subject, mail.from_address, mail.reply_to, mail.text, mail.html, *mail.xml)
    return "\n".join([*(part for part in parts if part), *map(_words_of, mail.enclosed)])
