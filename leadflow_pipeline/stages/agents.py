"""Takes the list of agents from a CSV file and gives it back. All rows are good, or nothing changes."""

import csv
import io
from collections.abc import Mapping
from typing import Any

from leadflow_pipeline.domain.emails import normalize_email
from leadflow_pipeline.domain.errors import PermanentError
from leadflow_pipeline.domain.phones import normalize_phone
from leadflow_pipeline.stages.store import Store, as_json_rows

COLUMNS = ("agent_id", "name", "email", "phone", "active")
REQUIRED_COLUMNS = ("agent_id", "name")
YES = {"true", "yes", "y", "1", ""}
NO = {"false", "no", "n", "0"}


class AgentFileError(PermanentError):
    """The file cannot be taken in; the message names each row and column."""


def read_agents(text: str, *, region: str) -> list[dict[str, Any]]:
    """The agents of a CSV file with the columns agent_id, name, email, phone, active.

    Raises `AgentFileError` that lists every fault with its row (as a spreadsheet counts them) and column.
    """
    reader = csv.DictReader(io.StringIO(text.removeprefix("\ufeff")))
    header = [name.strip().lower() for name in reader.fieldnames or ()]
    reader.fieldnames = header
    problems = [f"row 1: column {name} is missing" for name in REQUIRED_COLUMNS if name not in header]
    problems += [f"row 1: column {name} is unknown" for name in header if name not in COLUMNS]
    agents: list[dict[str, Any]] = []
    if not problems:
        seen: dict[str, int] = {}
        for number, row in enumerate(reader, start=2):
            agent, faults = _read_row(row, region)
            if first := seen.get(agent["agent_id"]):
                faults.append(f"agent_id: {agent['agent_id']!r} is in row {first} too")
            seen.setdefault(agent["agent_id"], number)
            problems += [f"row {number}, {fault}" for fault in faults]
            agents.append({"row_number": number, **agent})
    if not problems and not agents:
        problems.append("row 2: there is no agent in the file")
    if problems:
        raise AgentFileError("The agents were not imported, nothing has changed:\n  " + "\n  ".join(problems))
    return agents


def import_agents(store: Store, agents: list[dict[str, Any]]) -> int:
    """Add or change these agents, and wake whoever holds leads that wait for one; gives their number."""
    with store.transaction() as transaction:
        written = transaction.execute("write_agents", rows=as_json_rows(agents))
        transaction.execute("announce_landing")
    return written


def list_agents(store: Store) -> list[Mapping[str, Any]]:
    """All agents in rotation order, with how many leads each has."""
    with store.transaction() as transaction:
        return transaction.rows("list_agents")


def _read_row(row: Mapping[str | None, Any], region: str) -> tuple[dict[str, Any], list[str]]:
    values = {name: str(row.get(name) or "").strip() for name in COLUMNS}
    faults = [f"{name}: is empty" for name in REQUIRED_COLUMNS if not values[name]]
    if None in row:
        faults.append("there are more values than columns; put values with a comma in double quotes")
    email = normalize_email(values["email"]) if values["email"] else None
    if email is not None and email.problem:
        faults.append(f"email: {values['email']!r}: {email.problem}")
    phone = normalize_phone(values["phone"], region=region) if values["phone"] else None
    if phone is not None and not phone.valid:
        faults.append(f"phone: {values['phone']!r}: {phone.problem}")
    active = values["active"].lower()
    if active not in YES | NO:
        faults.append(f"active: {values['active']!r} is neither true nor false")
    agent = {
        "agent_id": values["agent_id"],
        "name": values["name"],
        "email": email.address if email else None,
        "phone": phone.e164 if phone else None,
        "active": active in YES,
    }
    return agent, faults
