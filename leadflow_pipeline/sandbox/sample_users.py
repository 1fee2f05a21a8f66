"""The people of the sandbox's brokerage, as users of a CRM: the sample agents, numbered in the order of their file."""

import csv
from dataclasses import dataclass
from pathlib import Path

AGENTS_FILE = Path(__file__).with_name("sample_agents.csv")
FIRST_ID = 11


@dataclass(frozen=True, kw_only=True)
class SampleUser:
    """A user of the stand-ins for CRMs."""

    user_id: int
    name: str
    email: str
    phone: str


def list_sample_users() -> tuple[SampleUser, ...]:
    """All users."""
    with AGENTS_FILE.open(encoding="utf-8", newline="") as file:
        return tuple(
            SampleUser(user_id=number, name=row["name"], email=row["email"], phone=row["phone"])
            for number, row in enumerate(csv.DictReader(file), FIRST_ID)
        )
