"""What `leadflow parse` shows of a mail: the outcome and the clean lead, in the form that other tools rely on.

The form is a contract (design, section 9): its keys are always there, and absent facts are None.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from leadflow_pipeline.domain.mail_outcomes import judge_mail
from leadflow_pipeline.domain.mail_rules import MailRule
from leadflow_pipeline.domain.mail_trust import NOBODY, OurMail
from leadflow_pipeline.domain.normalized_leads import normalize_lead
from leadflow_pipeline.domain.staged_leads import StagedLead


def describe_mail(raw: bytes, rules: Sequence[MailRule], *, region: str, ours: OurMail = NOBODY) -> dict[str, Any]:
    """The outcome of a mail: `outcome`, `reason`, `source`, `rule`, `lead` (None unless the outcome is a lead)."""
    outcome = judge_mail(raw, rules, ours=ours)
    return {
        "outcome": outcome.outcome,
        "reason": outcome.reason,
        "source": outcome.source,
        "rule": outcome.rule,
        "lead": describe_lead(outcome.lead, region=region) if outcome.lead and outcome.outcome == "lead" else None,
    }


def describe_stopped(reason: str) -> dict[str, Any]:
    """The outcome of a mail that could not be read to its end."""
    return {"outcome": "quarantined", "reason": reason, "source": None, "rule": None, "lead": None}


def describe_lead(staged: StagedLead, *, region: str) -> dict[str, Any]:
    """The lead's facts as the pipeline would store them. An invalid phone is shown as it was written."""
    clean = normalize_lead(staged, region=region)
    return {
        "name": clean.full_name,
        "first_name": clean.first_name,
        "last_name": clean.last_name,
        "email": clean.email,
        "relay_email": clean.relay_email,
        "phone": clean.phone_e164 or staged.phone,
        "address": clean.address,
        "message": clean.message,
        "budget": _as_number(clean.budget),
        "lead_type": clean.lead_type,
        "timeframe": clean.timeframe,
        "property": {
            "address": clean.property_address,
            "mls_id": clean.property_mls_id,
            "price": _as_number(clean.property_price),
            "url": clean.property_url,
        },
    }


def _as_number(amount: Decimal | None) -> int | float | None:
    if amount is None:
        return None
    return int(amount) if amount == amount.to_integral_value() else float(amount)
