"""Cleans the facts of a batch's leads. What clean means is decided in `domain.normalized_leads`."""

import uuid
from dataclasses import asdict, dataclass, fields

from leadflow_pipeline.domain.normalized_leads import NormalizedLead, normalize_lead
from leadflow_pipeline.domain.staged_leads import StagedLead
from leadflow_pipeline.stages.store import Store, as_json_rows

STAGED_FIELDS = {field.name for field in fields(StagedLead)}


@dataclass(frozen=True, kw_only=True)
class NormalizedCounts:
    """What was found in a batch."""

    leads: int
    valid_phones: int
    invalid_phones: int
    emails: int
    relay_emails: int


def normalize_leads(store: Store, *, batch_id: uuid.UUID, region: str) -> NormalizedCounts:
    """Normalize every staged lead of the batch. `region` is the country of phone numbers without a prefix."""
    with store.transaction() as transaction:
        rows = transaction.rows("read_staged_leads", batch_id=batch_id)
    normalized: dict[int, NormalizedLead] = {}
    for row in rows:
        staged = StagedLead(**{name: row[name] for name in STAGED_FIELDS})
        normalized[row["lead_id"]] = normalize_lead(staged, region=region)
    if normalized:
        with store.transaction() as transaction:
            transaction.execute(
                "write_normalized_leads",
                batch_id=batch_id,
                rows=as_json_rows({"lead_id": lead_id, **asdict(lead)} for lead_id, lead in normalized.items()),
            )
    leads = normalized.values()
    return NormalizedCounts(
        leads=len(normalized),
        valid_phones=sum(lead.phone_valid for lead in leads),
        invalid_phones=sum(lead.phone_problem is not None for lead in leads),
        emails=sum(lead.email is not None for lead in leads),
        relay_emails=sum(lead.relay_email is not None for lead in leads),
    )
