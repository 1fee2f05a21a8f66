"""Cleans the facts of a batch's leads. What clean means is decided in `domain.normalized_leads`.

A lead that cannot be cleaned or stored goes into quarantine; the others go on.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from leadflow_pipeline.domain.normalized_leads import NormalizedLead, normalize_lead
from leadflow_pipeline.domain.staged_leads import StagedLead
from leadflow_pipeline.stages.isolation import UNKNOWN_VERSION, judge_each, write_or_quarantine
from leadflow_pipeline.stages.store import Store, StoreTransaction, as_json_rows

STAGE = "normalized_leads"

STAGED_FIELDS = {field.name for field in fields(StagedLead)}


@dataclass(frozen=True, kw_only=True)
class NormalizedCounts:
    """What was found in a batch."""

    leads: int
    valid_phones: int
    invalid_phones: int
    emails: int
    relay_emails: int
    quarantined: int


def normalize_leads(
    store: Store, *, batch_id: uuid.UUID, region: str, rules_version: str = UNKNOWN_VERSION
) -> NormalizedCounts:
    """Normalize every staged lead of the batch. `region` is the country of phone numbers without a prefix."""
    with store.transaction() as transaction:
        rows = transaction.rows("read_staged_leads", batch_id=batch_id)

    def clean(row: Mapping[str, Any]) -> NormalizedLead:
        return normalize_lead(StagedLead(**{name: row[name] for name in STAGED_FIELDS}), region=region)

    def write(transaction: StoreTransaction, part: Sequence[tuple[int, NormalizedLead]]) -> None:
        facts = as_json_rows({"lead_id": lead_id, **vars(lead)} for lead_id, lead in part)
        transaction.execute("write_normalized_leads", batch_id=batch_id, rows=facts)

    normalized, bad = judge_each(rows, clean, doing="normalizing")
    quarantined = write_or_quarantine(
        store, write, leads=normalized, bad=bad, batch_id=batch_id, stage=STAGE, version=rules_version
    )
    leads = normalized.values()
    return NormalizedCounts(
        leads=len(normalized),
        valid_phones=sum(lead.phone_valid for lead in leads),
        invalid_phones=sum(lead.phone_problem is not None for lead in leads),
        emails=sum(lead.email is not None for lead in leads),
        relay_emails=sum(lead.relay_email is not None for lead in leads),
        quarantined=quarantined,
    )
