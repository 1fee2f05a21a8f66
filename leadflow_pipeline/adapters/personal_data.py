"""Reads `sql/personal_data.yaml`: which columns hold personal data, and what erasing does to them."""

from pathlib import Path

import yaml

from leadflow_pipeline.domain.personal_data import PersonalTable

REGISTRY = Path(__file__).resolve().parents[2] / "sql" / "personal_data.yaml"


def read_personal_tables() -> tuple[PersonalTable, ...]:
    """All tables of the registry, in its order."""
    content = yaml.safe_load(REGISTRY.read_text(encoding="utf-8"))
    return tuple(
        PersonalTable(
            table=table,
            key=entry.get("key"),
            of=entry.get("of"),
            erase=tuple(entry.get("erase", ())),
            free=tuple(entry.get("free", ())),
            delete=bool(entry.get("delete", False)),
        )
        for table, entry in content.items()
    )
