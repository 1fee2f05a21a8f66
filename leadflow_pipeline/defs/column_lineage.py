"""Which columns a column of the hot path is made from, for Dagster's page of an asset. Facts, not how they are used."""

from collections.abc import Mapping

import dagster as dg

# asset → column → the columns it is made from, as `asset.column`
_NAME = ("staged_leads.name", "staged_leads.first_name", "staged_leads.last_name")
_EMAIL = ("staged_leads.email", "staged_leads.relay_email")
_HOME = ("staged_leads.address",)
_ESTATE = ("staged_leads.property_address",)
_PHONE = ("staged_leads.phone",)
_MONEY = ("staged_leads.budget",)
_PLACE = ("normalized_leads.address", "normalized_leads.property_address")
_PERSON = ("normalized_leads.email", "normalized_leads.phone_e164", "normalized_leads.full_name")
_WORDS = ("normalized_leads.message",)
_SAME = {"lead_id": ("staged_leads.lead_id",)}
_SOURCES: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "normalized_leads": {
        **_SAME,
        **dict.fromkeys(("full_name", "first_name", "last_name"), _NAME),
        **dict.fromkeys(("email", "email_problem", "email_kind", "email_suggestion", "relay_email"), _EMAIL),
        **dict.fromkeys(
            ("phone_e164", "phone_extension", "phone_valid", "phone_problem", "phone_kind", "other_phones"), _PHONE
        ),
        **dict.fromkeys(("address", "street", "unit", "city", "state", "zip", "address_problem"), _HOME),
        **dict.fromkeys(("property_address", "property_city", "property_state", "property_zip"), _ESTATE),
        **dict.fromkeys(("budget_low", "budget_high", "budget", "rent_monthly"), _MONEY),
        **{
            name: (f"staged_leads.{name}",)
            for name in ("property_mls_id", "property_price", "property_url", "lead_type", "timeframe", "message")
        },
    },
    "enriched_leads": {
        "lead_id": ("normalized_leads.lead_id",),
        **dict.fromkeys(
            (
                "address_verified", "formatted_address", "place_id", "latitude", "longitude", "county", "zip",
                "geocoded_at",
            ),
            _PLACE,
        ),
        **dict.fromkeys(
            ("company", "job_title", "seniority", "social_profiles", "location", "enriched_by", "enriched_at"), _PERSON
        ),
        "waits_for": (*_PLACE, *_PERSON),
    },
    "inquiry_intents": {
        "lead_id": ("normalized_leads.lead_id",),
        **dict.fromkeys(("intent", "sentiment", "readiness", "confidence"), _WORDS),
    },
    "scored_leads": {
        "lead_id": ("enriched_leads.lead_id",),
        **{
            name: (f"scoring/lead_scores.{name}",) for name in ("score", "bucket", "contributions", "scoring_version")
        },
    },
    "assigned_leads": {
        "lead_id": ("scored_leads.lead_id",),
        "event_id": ("staged_leads.event_id",),
        "bucket": ("scored_leads.bucket",),
        "method": ("scored_leads.bucket", *_PERSON),
        "agent_id": (*_PERSON, "normalized_leads.property_address", "normalized_leads.lead_type"),
    },
}  # fmt: skip


def trace_columns(asset: str) -> dg.TableColumnLineage:
    """The lineage of an asset's columns."""
    return dg.TableColumnLineage({column: [_dep(name) for name in names] for column, names in _SOURCES[asset].items()})


def _dep(name: str) -> dg.TableColumnDep:
    asset, _, column = name.rpartition(".")
    return dg.TableColumnDep(asset_key=dg.AssetKey(asset.split("/")), column_name=column)
