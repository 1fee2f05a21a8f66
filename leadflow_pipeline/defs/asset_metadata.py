"""What assets show of themselves in Dagster: owners, column schemas, a batch's counts. Never a lead's words."""

from collections.abc import Sequence
from dataclasses import asdict, fields
from typing import Any

import dagster as dg

from leadflow_pipeline.defs.column_lineage import trace_columns

MOST_SHOWN = 50  # leads of a batch
OWNERS = ["team:lead-operations"]
SQL_TYPES = {
    "str": "text",
    "bool": "boolean",
    "Decimal": "numeric",
    "int": "integer",
    "float": "double precision",
    "Literal": "text",
}  # the other fields are kept as JSON


def describe_columns(*columns: str, of: type | None = None) -> dg.TableSchema:
    """A column schema from `name type` pairs and the fields of a row's dataclass."""
    pairs = [column.split(" ", 1) for column in columns]
    for field in fields(of) if of else ():
        kind = str(getattr(field.type, "__name__", field.type)).removesuffix(" | None")
        pairs.append([field.name, SQL_TYPES.get(kind, "jsonb")])
    return dg.TableSchema(columns=[dg.TableColumn(name, kind) for name, kind in pairs])


def materialize(counts: Any, **more: Any) -> dg.MaterializeResult[Any]:
    """A result with the counts that are known, numbers all of them, so that the UI plots them; and with `more`."""
    known = {
        name: value
        for name, value in (counts if isinstance(counts, dict) else asdict(counts)).items()
        if value is not None
    }
    rounded = {name: round(value, 3) if isinstance(value, float) else value for name, value in known.items()}
    return dg.MaterializeResult(metadata={**rounded, **more})


def show_lineage(asset: str) -> dict[str, Any]:
    """What a column of this asset is made from; Dagster reads it from the latest materialization."""
    return {"dagster/column_lineage": trace_columns(asset)}


def point_to_leads(lead_ids: Sequence[int]) -> dg.MetadataValue[Any]:
    """How to look from a run at its leads; a lead is named by its id alone."""
    shown = ", ".join(map(str, lead_ids[:MOST_SHOWN])) + (" …" if len(lead_ids) > MOST_SHOWN else "")
    example = f"`leadflow explain {lead_ids[0]}` tells what happened to a lead, and why." if lead_ids else ""
    return dg.MetadataValue.md(f"Leads {shown}. {example}" if lead_ids else "None.")


def add_counts(parts: Sequence[Any], **more: int) -> dict[str, Any]:
    """The counts of a step that was done in parts: numbers added up, seconds the longest."""
    known = [{name: value for name, value in asdict(part).items() if value is not None} for part in parts]
    names = list(dict.fromkeys(name for counts in known for name in counts))
    return {
        name: (max if name.endswith("_seconds") else sum)(counts[name] for counts in known if name in counts)
        for name in names
    } | more
