"""What a CRM tells: queued as it comes, and later asked about, noted as an outcome and as the agent's first touch.

Doing it again changes nothing: the notice's id is its key in the outbox, outcomes and touches are noted once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from leadflow_pipeline.domain.crm_notices import CrmActivity, CrmNotice, as_payload, judge_stage, read_payload
from leadflow_pipeline.domain.errors import TransientError
from leadflow_pipeline.stages.deliveries import Effect
from leadflow_pipeline.stages.effects import NewEffect, queue_effects
from leadflow_pipeline.stages.first_touches import touch_lead
from leadflow_pipeline.stages.outcomes import OutcomeRow, record_outcomes
from leadflow_pipeline.stages.store import Store

# A CRM's own automation can move a person on before we have written down who it is.
TRIES_FOR_UNKNOWN, UNKNOWN_SECONDS = 3, 15.0


class ActivityReader(Protocol):
    """A CRM that can be asked about what it told."""

    name: str

    def read_stage(self, contact_id: str) -> str | None: ...

    def read_activity(self, notice: CrmNotice) -> CrmActivity | None: ...


def queue_notices(store: Store, crm: str, notices: Sequence[CrmNotice]) -> int:
    """Keep notices until they are looked into; gives how many had not been told before."""
    with store.transaction() as transaction:
        return len(
            queue_effects(
                transaction,
                (
                    NewEffect(
                        idempotency_key=f"crm_notice:{crm}:{notice.notice_id}",
                        kind="crm_notice",
                        payload=as_payload(notice),
                    )
                    for notice in notices
                ),
            )
        )


@dataclass(frozen=True)
class NoticeSender:
    """Looks into one notice."""

    store: Store
    crm: ActivityReader
    stages: Mapping[str, str]  # what the CRM's stages mean (`domain.crm_notices.read_stages`)

    def send(self, effect: Effect) -> str:
        """Gives what became of it, in a few words."""
        activity = self._ask(read_payload(effect.payload))
        if activity is None:
            return "means nothing to us"
        lead = self._find_lead(activity)
        if lead is None:
            if effect.attempts < TRIES_FOR_UNKNOWN:
                raise TransientError("No lead of ours is known to be this person yet.", retry_after=UNKNOWN_SECONDS)
            return "about no lead of ours"
        if activity.outcome is not None:
            row = OutcomeRow(
                row_number=1,
                stage=activity.outcome,
                happened_at=lead["happened_at"].isoformat(),
                lead_id=lead["lead_id"],
            )
            record_outcomes(self.store, [row], told_by=self.crm.name)
        if activity.is_touch and lead["agent_id"] and not lead["is_by_another"]:
            touch_lead(
                self.store,
                lead_id=lead["lead_id"],
                agent_id=lead["agent_id"],
                source="crm",
                touched_at=lead["happened_at"],
            )
        return f"lead {lead['lead_id']}"

    def _ask(self, notice: CrmNotice) -> CrmActivity | None:
        if notice.about != "stage":
            return self.crm.read_activity(notice)
        stage = notice.stage or self.crm.read_stage(notice.resource_id)
        return judge_stage(notice, stage, self.stages) if stage else None

    def _find_lead(self, activity: CrmActivity) -> Mapping[str, Any] | None:
        """The person's latest lead by then, whose agent it has, and whether another of our agents did this."""
        with self.store.transaction() as transaction:
            return transaction.row(
                "find_lead_of_contact",
                crm=self.crm.name,
                contact_id=activity.contact_id,
                happened_at=activity.happened_at,
                user_id=activity.user_id,
            )
