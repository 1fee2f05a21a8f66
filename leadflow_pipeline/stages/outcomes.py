"""Takes in what became of leads: from a CSV file, or from whoever else knows. All rows are good, or nothing changes.

A row names its lead by id, or by the person's e-mail or phone: then it is the person's latest lead by that time.
"""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from leadflow_pipeline.domain.emails import normalize_email
from leadflow_pipeline.domain.errors import PermanentError
from leadflow_pipeline.domain.phones import normalize_phone
from leadflow_pipeline.stages.store import Store, as_json_rows

COLUMNS = ("lead_id", "email", "phone", "stage", "happened_at")
REQUIRED_COLUMNS = ("stage", "happened_at")
STAGES = ("contacted", "appointment", "won", "lost")
CLOCKS_DIFFER = timedelta(minutes=10)
MOST_PROBLEMS_TOLD = 50
LARGEST_ID = 2**63 - 1


class OutcomeError(PermanentError):
    """The outcomes cannot be taken in; the message names each row and column."""


@dataclass(frozen=True, kw_only=True)
class OutcomeRow:
    """A stage that a lead has reached."""

    row_number: int  # as a spreadsheet counts; only for messages
    stage: str
    happened_at: str  # ISO 8601, with a zone
    lead_id: int | None = None
    email: str | None = None
    phone_e164: str | None = None


def read_outcomes(text: str, *, region: str, now: datetime) -> list[OutcomeRow]:
    """The outcomes of a CSV file with the columns stage, happened_at and at least one of lead_id, email, phone.

    Raises `OutcomeError` that lists every fault with its row (as a spreadsheet counts them) and column.
    """
    reader = csv.DictReader(io.StringIO(text.removeprefix("\ufeff")))
    header = [name.strip().lower() for name in reader.fieldnames or ()]
    reader.fieldnames = header
    problems = [f"row 1: column {name} is missing" for name in REQUIRED_COLUMNS if name not in header]
    problems += [f"row 1: column {name!r} is unknown" for name in header if name not in COLUMNS]
    if not {"lead_id", "email", "phone"} & set(header):
        problems.append("row 1: one of the columns lead_id, email, phone is needed")
    rows: list[OutcomeRow] = []
    if not problems:
        for number, row in enumerate(reader, start=2):
            outcome, faults = _read_row(number, row, region, now)
            problems += [f"row {number}, {fault}" for fault in faults]
            if outcome is not None:
                rows.append(outcome)
        if not problems and not rows:
            problems.append("row 2: there is no outcome in the file")
    if problems:
        raise _refuse(problems)
    return rows


def record_outcomes(store: Store, rows: Sequence[OutcomeRow], *, told_by: str) -> int:
    """Write these outcomes; gives how many are new, those that were known are left as they are.

    Raises `OutcomeError` when a lead is not known or had not arrived by then; nothing is written then.
    """
    with store.transaction() as transaction:
        found = {
            row["row_number"]: row
            for row in transaction.rows("find_outcome_leads", rows=as_json_rows(map(asdict, rows)))
        }
        problems = [problem for row in rows if (problem := _find_fault(row, found.get(row.row_number)))]
        if problems:
            raise _refuse(problems)
        return transaction.execute(
            "write_outcomes",
            told_by=told_by,
            rows=as_json_rows(
                {"lead_id": found[row.row_number]["lead_id"], "stage": row.stage, "happened_at": row.happened_at}
                for row in rows
            ),
        )


def _refuse(problems: Sequence[str]) -> OutcomeError:
    shown = list(problems[:MOST_PROBLEMS_TOLD])
    if len(problems) > len(shown):
        shown.append(f"and {len(problems) - len(shown)} more")
    return OutcomeError("The outcomes were not taken in, nothing has changed:\n  " + "\n  ".join(shown))


def _find_fault(row: OutcomeRow, lead: Mapping[str, Any] | None) -> str | None:
    if lead is not None and datetime.fromisoformat(row.happened_at) < lead["received_at"]:
        return f"row {row.row_number}, happened_at: is before lead {lead['lead_id']} arrived"
    if lead is not None:
        return None
    if row.lead_id is not None:
        return f"row {row.row_number}, lead_id: there is no lead {row.lead_id}"
    column = "email" if row.email else "phone"
    return f"row {row.row_number}, {column}: nobody with it had sent a lead by then"


def _read_row(
    number: int, row: Mapping[str | None, Any], region: str, now: datetime
) -> tuple[OutcomeRow | None, list[str]]:
    values = {name: str(row.get(name) or "").strip() for name in COLUMNS}
    faults = [f"{name}: is empty" for name in REQUIRED_COLUMNS if not values[name]]
    if None in row:
        faults.append("there are more values than columns; put values with a comma in double quotes")
    if not any(values[name] for name in ("lead_id", "email", "phone")):
        faults.append("lead_id: neither lead_id nor email nor phone says which lead it is")
    stage = values["stage"].lower()
    if stage and stage not in STAGES:
        faults.append(f"stage: {values['stage']!r} is none of {', '.join(STAGES)}")
    happened_at, fault = _read_time(values["happened_at"], now)
    faults += [f"happened_at: {fault}"] if fault else []
    lead_id = values["lead_id"]
    if lead_id and not (lead_id.isascii() and lead_id.isdigit() and int(lead_id[:20]) <= LARGEST_ID):
        faults.append(f"lead_id: {lead_id[:40]!r} is no lead's number")
    email = normalize_email(values["email"]) if values["email"] else None
    if email is not None and not email.address:
        faults.append(f"email: {values['email']!r}: {email.problem}")
    phone = normalize_phone(values["phone"], region=region) if values["phone"] else None
    if phone is not None and not phone.e164:
        faults.append(f"phone: {values['phone']!r}: {phone.problem}")
    if faults:
        return None, faults
    return OutcomeRow(
        row_number=number,
        stage=stage,
        happened_at=happened_at,
        lead_id=int(lead_id) if lead_id else None,
        email=email.address if email else None,
        phone_e164=phone.e164 if phone else None,
    ), []


def _read_time(text: str, now: datetime) -> tuple[str, str | None]:
    """The time in ISO 8601, and what is wrong with it. A time without a zone is refused: it could be off by hours."""
    if not text:
        return "", None
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        return "", f"{text[:40]!r} is no time; write it like 2026-11-24T09:30:00-06:00"
    if time.tzinfo is None:
        return "", f"{text[:40]!r} has no time zone; write it like 2026-11-24T09:30:00-06:00"
    if time > now + CLOCKS_DIFFER:
        return "", f"{text[:40]!r} is in the future"
    return time.isoformat(), None
