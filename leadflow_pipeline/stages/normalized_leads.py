"""Cleans the facts of a batch's leads. What clean means is decided in `domain.normalized_leads`.

A lead that cannot be cleaned or stored goes into quarantine; the others go on.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, fields

from leadflow_pipeline.domain.normalized_leads import NormalizedLead, normalize_lead
from leadflow_pipeline.domain.staged_leads import StagedLead
from leadflow_pipeline.stages.isolation import (
    UNKNOWN_VERSION,
    BadLead,
    describe_fault,
    quarantine_leads,
    write_without_culprits,
)
from leadflow_pipeline.stages.store import Store, as_json_rows

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
    normalized: dict[int, NormalizedLead] = {}
    bad: list[BadLead] = []
    for row in rows:
        try:
            staged = StagedLead(**{name: row[name] for name in STAGED_FIELDS})
            normalized[row["lead_id"]] = normalize_lead(staged, region=region)
        except Exception as error:  # noqa: BLE001 - one bad lead must not stop the batch; the reason keeps its kind
            bad.append(BadLead(lead_id=row["lead_id"], reason=describe_fault("normalizing", error)))

    def write(part: Sequence[tuple[int, NormalizedLead]]) -> None:
        with store.transaction() as transaction:
            transaction.execute(
                "write_normalized_leads",
                batch_id=batch_id,
                rows=as_json_rows({"lead_id": lead_id, **vars(lead)} for lead_id, lead in part),
            )

    for (lead_id, _), reason in write_without_culprits(list(normalized.items()), write):
        del normalized[lead_id]
        bad.append(BadLead(lead_id=lead_id, reason=reason))
    quarantined = quarantine_leads(store, batch_id=batch_id, stage=STAGE, bad=bad, version=rules_version)
    leads = normalized.values()
    return NormalizedCounts(
        leads=len(normalized),
        valid_phones=sum(lead.phone_valid for lead in leads),
        invalid_phones=sum(lead.phone_problem is not None for lead in leads),
        emails=sum(lead.email is not None for lead in leads),
        relay_emails=sum(lead.relay_email is not None for lead in leads),
        quarantined=quarantined,
    )
