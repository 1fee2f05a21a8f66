"""Takes the list of agents from a CSV file and gives it back. All rows are good, or nothing changes.

What may stand in a cell is decided in `domain.agent_columns`.
"""

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any

from leadflow_pipeline.domain.agent_columns import COLUMNS, REQUIRED_COLUMNS, CellError, read_cell, write_cell
from leadflow_pipeline.domain.errors import PermanentError
from leadflow_pipeline.stages.store import Store, as_json_rows

CRMS = ("followupboss", "hubspot")
NOT_IMPORTED = "The agents were not imported, nothing has changed:\n  "


class AgentFileError(PermanentError):
    """The file cannot be taken in; the message names each row and column."""


def read_agents(text: str, *, region: str) -> list[dict[str, Any]]:
    """The agents of a CSV file with the columns agent_id, name and any of the others.

    Raises `AgentFileError` that lists every fault with its row (as a spreadsheet counts them) and column.
    """
    reader = csv.DictReader(io.StringIO(text.removeprefix("\ufeff")))
    try:
        header = [name.strip().lower() for name in reader.fieldnames or ()]
        reader.fieldnames = header
        rows = list(enumerate(reader, start=2))
    except csv.Error as error:
        raise AgentFileError(f"{NOT_IMPORTED}the file is no CSV: {error}") from error
    problems = [f"row 1: column {name} is missing" for name in REQUIRED_COLUMNS if name not in header]
    problems += [f"row 1: column {name} is unknown" for name in header if name not in COLUMNS]
    problems += [f"row 1: column {name} is there twice" for name in sorted(set(header)) if header.count(name) > 1]
    agents: list[dict[str, Any]] = []
    if not problems:
        seen: dict[tuple[str, str], int] = {}
        for number, row in rows:
            agent, faults = _read_row(row, header, region)
            for column in ("agent_id", "slack_id"):
                if (value := agent.get(column)) and (first := seen.setdefault((column, value), number)) != number:
                    faults.append(f"{column}: {value!r} is in row {first} too")
            problems += [f"row {number}, {fault}" for fault in faults]
            agents.append({"row_number": number, **agent})
    if not problems and not agents:
        problems.append("row 2: there is no agent in the file")
    if problems:
        raise AgentFileError(NOT_IMPORTED + "\n  ".join(problems))
    return agents


def import_agents(store: Store, agents: Sequence[Mapping[str, Any]]) -> int:
    """Add or change these agents, and wake whoever holds leads that wait for one; gives their number.

    Columns that the file did not have stay as they are. Raises `AgentFileError` when a Slack id is taken.
    """
    rows = as_json_rows(agents)
    with store.transaction() as transaction:
        holder = transaction.row("find_slack_id_holder", rows=rows)
        if holder is not None:
            raise AgentFileError(
                f"{NOT_IMPORTED}row {holder['row_number']}, slack_id: belongs to agent {holder['agent_id']} already"
            )
        written = transaction.execute("write_agents", rows=rows)
        transaction.execute("wake_waiting_leads")
        transaction.execute("announce_landing")
    return written


def export_agents(store: Store) -> str:
    """All agents as the CSV file that `read_agents` takes."""
    written = io.StringIO()
    writer = csv.writer(written)
    writer.writerow(COLUMNS)
    for row in list_agents(store):
        crm_ids = {f"{crm}_id": row["crm_ids"].get(crm) for crm in CRMS}
        writer.writerow([write_cell({**row, **crm_ids}[name]) for name in COLUMNS])
    return written.getvalue()


def list_agents(store: Store) -> list[Mapping[str, Any]]:
    """All agents in the order they joined, with how many leads each has."""
    with store.transaction() as transaction:
        return transaction.rows("list_agents")


def pause_agent(store: Store, agent_id: str, *, reason: str | None = None) -> None:
    """Give an agent nothing until `resume_agent`. Raises `PermanentError` for an unknown one."""
    _set_paused(store, agent_id, paused=True, reason=reason)


def resume_agent(store: Store, agent_id: str) -> None:
    """Let an agent be given leads again. Raises `PermanentError` for an unknown one."""
    _set_paused(store, agent_id, paused=False, reason=None)


def _set_paused(store: Store, agent_id: str, *, paused: bool, reason: str | None) -> None:
    with store.transaction() as transaction:
        if not transaction.execute("pause_agent", agent_id=agent_id, paused=paused, reason=reason):
            raise PermanentError(f"There is no agent {agent_id}; `leadflow agents list` shows them.")
        transaction.execute("wake_waiting_leads")
        transaction.execute("announce_landing")


def _read_row(row: Mapping[str | None, Any], header: Sequence[str], region: str) -> tuple[dict[str, Any], list[str]]:
    agent: dict[str, Any] = {"active": True, "email": None, "phone": None}
    faults = []
    if None in row:
        faults.append("there are more values than columns; put values with a comma in double quotes")
    for name in header:
        try:
            agent[name] = read_cell(COLUMNS[name], str(row.get(name) or ""), region=region)
        except CellError as error:
            agent[name] = None
            faults.append(f"{name}: {error}")
    low, high = agent.get("price_low"), agent.get("price_high")
    if low is not None and high is not None and low > high:
        faults.append(f"price_high: {high} is below price_low")
    given = list(header)
    if crm_columns := [crm for crm in CRMS if f"{crm}_id" in header]:
        agent["crm_ids"] = {crm: agent.pop(f"{crm}_id") for crm in crm_columns}
        agent["crm_ids"] = {crm: value for crm, value in agent["crm_ids"].items() if value}
        given.append("crm_ids")
    return {**agent, "given": given}, faults
