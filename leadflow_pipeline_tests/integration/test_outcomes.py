"""What became of leads: all rows of a file are good, or nothing changes."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from leadflow_pipeline.adapters.database import Database
from leadflow_pipeline.stages.outcomes import OutcomeError, read_outcomes, record_outcomes
from leadflow_pipeline.stages.status import explain_lead
from leadflow_pipeline_tests.integration.test_pipeline import Query, land, run

# Far enough ahead that leads which land while the suite runs have arrived by then.
NOW = datetime.now(UTC) + timedelta(days=1)
LATER = (NOW - timedelta(hours=1)).isoformat()


def take_in(database: Database, *lines: str) -> int:
    rows = read_outcomes("\n".join(lines), region="US", now=NOW)
    return record_outcomes(database, rows, told_by="file")


def faults_of(error: pytest.ExceptionInfo[OutcomeError]) -> Sequence[str]:
    return [line.strip() for line in str(error.value).splitlines()[1:]]


def test_outcomes_find_their_lead_by_id_by_e_mail_and_by_phone(database: Database, query: Query) -> None:
    land(database, 1, phone="(512) 555-0101")
    land(database, 2, phone="(512) 555-0102")
    land(database, 3, phone="(512) 555-0103")
    run(database)
    new = take_in(
        database,
        "lead_id,email,phone,stage,happened_at",
        f"1,,,contacted,{LATER}",
        f",PERSON2@example.com,,Appointment,{LATER}",
        f",,512.555.0103,won,{LATER}",
    )
    assert new == 3
    assert query("select lead_id, stage, told_by from leads.outcomes order by 1") == [
        (1, "contacted", "file"),
        (2, "appointment", "file"),
        (3, "won", "file"),
    ]
    found = explain_lead(database, 1)
    assert found is not None
    assert [outcome["stage"] for outcome in found.outcomes] == ["contacted"]


def test_the_same_file_twice_adds_nothing(database: Database, query: Query) -> None:
    land(database)
    run(database)
    lines = ("lead_id,stage,happened_at", f"1,contacted,{LATER}", f"1,contacted,{LATER}")
    assert take_in(database, *lines) == 1
    assert take_in(database, *lines) == 0
    assert query("select count(*) from leads.outcomes") == [(1,)]


def test_a_person_s_outcome_goes_to_the_latest_lead_that_had_arrived_by_then(database: Database, query: Query) -> None:
    for _ in range(3):
        land(database, 1, message=str(_))
    run(database)
    query("update leads.staged_leads set received_at = received_at + interval '2 days' where lead_id = 3")
    query("update leads.staged_leads set received_at = received_at - interval '2 hours' where lead_id = 1")
    take_in(database, "email,stage,happened_at", f"person1@example.com,contacted,{LATER}")
    assert query("select lead_id from leads.outcomes") == [(2,)]


def test_one_wrong_row_and_nothing_changes_and_every_fault_is_named(database: Database, query: Query) -> None:
    land(database)
    run(database)
    with pytest.raises(OutcomeError) as error:
        take_in(
            database,
            "lead_id,email,phone,stage,happened_at",
            f"1,,,contacted,{LATER}",
            f"1,,,met,{LATER}",
            "1,,,won,2026-11-24 09:30",
            "1,,,won,2999-01-01T00:00:00Z",
            "1,,,won,soon",
            f",,,won,{LATER}",
            f"x9,,,won,{LATER}",
            f",nobody,,won,{LATER}",
            f",,555,won,{LATER}",
            f"1,,,won,{LATER},too,many",
            "1,,,,",
        )
    assert [fault.split(":")[0] for fault in faults_of(error)] == [
        "row 3, stage",
        "row 4, happened_at",
        "row 5, happened_at",
        "row 6, happened_at",
        "row 7, lead_id",
        "row 8, lead_id",
        "row 9, email",
        "row 10, phone",
        "row 11, there are more values than columns; put values with a comma in double quotes",
        "row 12, stage",
        "row 12, happened_at",
    ]
    assert query("select count(*) from leads.outcomes") == [(0,)]


def test_a_lead_that_is_not_known_or_had_not_arrived_is_named(database: Database, query: Query) -> None:
    land(database)
    run(database)
    with pytest.raises(OutcomeError) as error:
        take_in(
            database,
            "lead_id,email,stage,happened_at",
            f"1,,contacted,{LATER}",
            f"99,,contacted,{LATER}",
            f",stranger@example.com,contacted,{LATER}",
            "1,,contacted,2026-01-01T00:00:00Z",
        )
    assert faults_of(error) == [
        "row 3, lead_id: there is no lead 99",
        "row 4, email: nobody with it had sent a lead by then",
        "row 5, happened_at: is before lead 1 arrived",
    ]
    assert query("select count(*) from leads.outcomes") == [(0,)]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "row 1: column stage is missing"),
        ("stage,happened_at\n", "row 1: one of the columns lead_id, email, phone is needed"),
        ("lead_id,stage,happened_at\n", "row 2: there is no outcome in the file"),
        ("lead_id,stage,happened_at,deal\n", "row 1: column 'deal' is unknown"),
        ("\ufefflead_id,stage\n", "row 1: column happened_at is missing"),
    ],
)
def test_a_file_of_another_kind_is_refused_with_what_it_lacks(text: str, fault: str) -> None:
    with pytest.raises(OutcomeError, match="nothing has changed") as error:
        read_outcomes(text, region="US", now=NOW)
    assert faults_of(error)[0] == fault
