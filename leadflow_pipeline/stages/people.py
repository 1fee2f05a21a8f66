"""Recognises the people behind due leads, and which leads are copies of one inquiry; keeps both.

Who is who is decided in `domain.identity`. Called under the rotation's lock, so that two runs that meet the same
person one after the other agree.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from leadflow_pipeline.domain.identity import (
    SHARED_BY_MANY,
    Contact,
    EarlierInquiry,
    Inquiry,
    Recognition,
    person_keys,
    property_keys,
    recognise,
)
from leadflow_pipeline.stages.store import StoreTransaction, as_json_rows

Row = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class People:
    """What became known of a batch's people."""

    contact_of: Mapping[int, int]  # lead → contact
    agent_of: Mapping[int, str]  # contact → the agent who has them
    copies: frozenset[int]  # leads that are copies of others and get no place of their own


def recognise_people(
    transaction: StoreTransaction, due: Sequence[Row], *, batch_id: uuid.UUID, window: timedelta
) -> People:
    """Recognise the people of these leads and write down who is who."""
    ours = {value.casefold() for row in transaction.rows("list_agents_own_keys") for value in row.values() if value}
    inquiries = {row["lead_id"]: _read_inquiry(row, ours) for row in due}
    known = [inquiry for inquiry in inquiries.values() if inquiry.keys]
    if not known:
        return People(contact_of={}, agent_of={}, copies=frozenset())
    contacts = _find_contacts(transaction, known)
    earlier = _find_earlier(transaction, known, contacts, window)
    found = recognise(known, contacts, earlier, window=window)
    _write(transaction, batch_id, found, inquiries)
    contact_ids = sorted({each.contact_id for each in found})
    agents = transaction.rows("list_contact_agents", contact_ids=contact_ids)
    return People(
        contact_of={each.lead_id: each.contact_id for each in found},
        agent_of={row["contact_id"]: row["agent_id"] for row in agents},
        copies=frozenset(each.lead_id for each in found if each.same_as is not None),
    )


def _read_inquiry(row: Row, ours: set[str]) -> Inquiry:
    return Inquiry(
        lead_id=row["lead_id"],
        received_at=row["received_at"],
        bucket=row["bucket"],
        name=row["name"],
        keys=person_keys(
            email=row["email"], email_kind=row["email_kind"], phone=row["phone"], name=row["name"], ours=ours
        ),
        properties=property_keys(
            mls_id=row["property_mls_id"], address=row["property_address"], url=row["property_url"]
        ),
    )


def _find_contacts(transaction: StoreTransaction, inquiries: Sequence[Inquiry]) -> list[Contact]:
    keys = {key for inquiry in inquiries for key in inquiry.keys}
    rows = transaction.rows(
        "find_contacts",
        emails=sorted({value for kind, value in keys if kind != "phone"}),
        phones=sorted({value for kind, value in keys if kind == "phone"}),
        most=SHARED_BY_MANY,
    )
    return [
        Contact(
            contact_id=row["contact_id"],
            name=row["name"],
            keys=frozenset((kind, value) for kind, value in row["keys"]),
        )
        for row in rows
    ]


def _find_earlier(
    transaction: StoreTransaction, inquiries: Sequence[Inquiry], contacts: Sequence[Contact], window: timedelta
) -> dict[int, list[EarlierInquiry]]:
    rows = transaction.rows(
        "list_inquiries_between",
        contact_ids=[contact.contact_id for contact in contacts],
        since=min(inquiry.received_at for inquiry in inquiries) - window,
        until=max(inquiry.received_at for inquiry in inquiries) + window,
    )
    earlier: dict[int, list[EarlierInquiry]] = {}
    for row in rows:
        earlier.setdefault(row["contact_id"], []).append(
            EarlierInquiry(
                lead_id=row["lead_id"],
                received_at=row["received_at"],
                properties=frozenset((kind, value) for kind, value in row["properties"]),
            )
        )
    return earlier


def _write(
    transaction: StoreTransaction,
    batch_id: uuid.UUID,
    found: Sequence[Recognition],
    inquiries: Mapping[int, Inquiry],
) -> None:
    names: dict[int, str | None] = {}
    for each in found:
        names[each.contact_id] = names.get(each.contact_id) or inquiries[each.lead_id].name
    keys = {(kind, value, each.contact_id) for each in found for kind, value in inquiries[each.lead_id].keys}
    transaction.execute(
        "write_inquiries",
        batch_id=batch_id,
        contacts=as_json_rows({"contact_id": contact_id, "name": name} for contact_id, name in names.items()),
        keys=as_json_rows(
            {"kind": kind, "value": value, "contact_id": contact_id} for kind, value, contact_id in sorted(keys)
        ),
        inquiries=as_json_rows(
            {
                "lead_id": each.lead_id,
                "contact_id": each.contact_id,
                "received_at": inquiries[each.lead_id].received_at.isoformat(),
                "properties": sorted(inquiries[each.lead_id].properties),
                "merged_into": each.same_as,
            }
            for each in found
        ),
    )
