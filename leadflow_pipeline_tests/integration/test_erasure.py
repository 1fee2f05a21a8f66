"""Erasing a person: everything of theirs goes, nothing of anybody else's, and it does not come back."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from leadflow_pipeline.adapters.database import Database
from leadflow_pipeline.adapters.personal_data import read_personal_tables
from leadflow_pipeline.domain.errors import TransientError
from leadflow_pipeline.domain.personal_data import Person, mentions
from leadflow_pipeline.stages.erasure import erase_person
from leadflow_pipeline.stages.posts import ArrivedPost, PostIdentity, land_posts
from leadflow_pipeline_tests.integration.test_pipeline import Query, land, run

OURS = ("landing", "leads", "routing", "delivery", "vendors", "ops", "analytics_data")
WITHOUT_WORDS = ("bigint", "integer", "smallint", "uuid", "boolean", "timestamp with time zone", "date")
ANA = Person(emails=("ana.canary@example.com",), phones=("+15125550177",))
TABLES = read_personal_tables()

MAIL = (
    "From: Website <forms@example.org>\r\nTo: leads@example.com\r\nSubject: =?utf-8?b?TmV3IGxlYWQ=?=\r\n"
    "Message-ID: <1@example.org>\r\nContent-Type: text/plain; charset=utf-8\r\n"
    "Content-Transfer-Encoding: base64\r\n\r\n%s\r\n"
)


def test_every_column_is_known_to_hold_personal_data_or_not(query: Query) -> None:
    """Whoever adds a table has to say in sql/personal_data.yaml what erasing a person does to it."""
    columns = query(
        """select c.table_schema || '.' || c.table_name, c.column_name
           from information_schema.columns c join information_schema.tables t using (table_schema, table_name)
           where c.table_schema = any(%s) and t.table_type = 'BASE TABLE' and c.data_type <> all(%s)""",
        list(OURS),
        list(WITHOUT_WORDS),
    )
    known = {table.table: {*table.erase, *table.free} | ({"*"} if table.delete else set()) for table in TABLES}
    missing = [
        f"{table}.{column}"
        for table, column in columns
        if column not in known.get(str(table), set()) and "*" not in known.get(str(table), set())
    ]
    assert missing == []
    present = {
        table for table, _ in query("select table_schema || '.' || table_name, 1 from information_schema.tables")
    }
    assert [table.table for table in TABLES if table.table not in present] == []


def land_mail(database: Database, uid: int, raw: bytes) -> None:
    import hashlib

    with database.transaction() as transaction:
        transaction.row(
            "land_mail",
            external_id=f"leads@example.com/INBOX/1/{uid}",
            received_at=datetime.now(UTC),
            raw=raw,
            content_hash=hashlib.sha256(raw).hexdigest(),
            problem=None,
            looks_hot=False,
        )


def everything(query: Query) -> str:
    """All rows of all our tables as text, raw bytes decoded."""
    tables = query(
        "select table_schema || '.' || table_name from information_schema.tables"
        " where table_schema = any(%s) and table_type = 'BASE TABLE'",
        list(OURS),
    )
    rows = [str(row[0]) for (table,) in tables for row in query(f"select to_jsonb(t)::text from {table} as t")]
    raws = [bytes(row[0]).decode("utf-8", "replace") for row in query("select raw from landing.events")]
    return "\n".join((*rows, *raws))


def test_a_person_is_erased_everywhere_and_nobody_else_is_touched(
    database: Database, add_agents: Callable[[int], list[str]], query: Query
) -> None:
    import base64

    add_agents(2)
    land(
        database,
        name="Ana Canary",
        email="Ana.Canary@example.com",
        phone="(512) 555-0177",
        message="pre approved, Zanzibar",
    )
    by_phone = land(database, name="A. Canary", email=None, phone="512.555.0177", message="investor")
    land(database, name="Joana Other", email="joana.canary@example.com", phone="512-555-0178", message="investor")
    hidden = base64.b64encode(b"Ana wrote: ana.canary@example.com\n").decode()
    land_mail(database, 1, (MAIL % hidden).encode())  # quarantined or not: the e-mail stands only in base64
    run(database)
    query(
        "insert into delivery.outbox (idempotency_key, kind, lead_id, payload, status, vendor_reference)"
        " select 'crm', 'crm_contact', lead_id, '{}'::jsonb, 'sent', 'person-9' from leads.staged_leads"
        " where event_id = %s"
        " union all select 'sms', 'sms', lead_id, '{}', 'pending', null from leads.staged_leads where event_id = %s",
        by_phone,
        by_phone,
    )
    done = erase_person(database, ANA, TABLES)
    assert done.leads in (2, 3)
    assert done.events == 3
    assert done.at_vendors == [("crm_contact", "person-9")]
    left = everything(query)
    for word in ("ana.canary", "Ana Canary", "A. Canary", "5550177", "555-0177", "555.0177", "Zanzibar", hidden[:20]):
        assert word not in left.replace("joana.canary", ""), word
    assert "Joana Other" in left
    assert query("select count(*) from delivery.outbox where status = 'pending'") == [(0,)]
    assert query("select count(*) from leads.assigned_leads")[0][0] in (
        2,
        3,
        4,
    )  # that there was a lead stays; copies have no place of their own


def test_what_was_erased_stays_empty_when_it_comes_again(database: Database, query: Query) -> None:
    """A mailbox whose UIDs change is read anew, and senders repeat themselves."""
    form = json.dumps({"name": "Ana Canary", "email": ANA.emails[0]}).encode()
    raw = (MAIL.replace("base64", "7bit") % ANA.emails[0]).encode()
    land_mail(database, 1, raw)
    post(database, form, "first")
    run(database)
    erase_person(database, ANA, TABLES)
    land_mail(database, 2, raw)
    post(database, form, "second")
    assert query("select count(*) from landing.events where raw <> ''") == [(0,)]
    assert query("select distinct status from landing.events where event_id > 2") == [("ignored",)]
    run(database)
    assert "ana.canary" not in everything(query)


def test_a_new_inquiry_of_somebody_who_was_erased_is_a_lead_like_any_other(
    database: Database, add_agents: Callable[[int], list[str]], query: Query
) -> None:
    add_agents(1)
    land(database, name="Ana Canary", email=ANA.emails[0])
    run(database)
    erase_person(database, ANA, TABLES)
    land(database, name="Ana Canary", email=ANA.emails[0], message="I am back, investor")
    run(database)
    assert query("select count(*) from leads.normalized_leads where email = %s", ANA.emails[0]) == [(1,)]


def test_erasing_waits_for_a_run_that_is_at_work_on_the_lead(database: Database) -> None:
    land(database, name="Ana Canary", email=ANA.emails[0])
    run(database, until="normalize")
    with pytest.raises(TransientError, match="at work"):
        erase_person(database, ANA, TABLES)


def test_somebody_who_is_not_there_changes_nothing(database: Database, query: Query) -> None:
    land(database, name="Joana Other")
    run(database)
    before = everything(query)
    done: Any = erase_person(database, ANA, TABLES)
    assert (done.leads, done.events, done.rows) == (0, 0, {})
    assert [line for line in before.splitlines() if line not in everything(query)] == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("write to ANA.canary@example.com please", True),
        ("<ana.canary@example.com>", True),
        ("joana.canary@example.com", False),
        ("ana.canary@example.com.mx", False),
        ("call (512) 555-0177", True),
        ("call +1 512 555 0177.", True),
        ("tel:15125550177", True),
        ("call 512-555-0178", False),
        ("", False),
    ],
)
def test_a_person_is_found_in_a_text_however_the_phone_is_written(text: str, expected: bool) -> None:
    assert mentions(text, ANA) is expected


def post(database: Database, raw: bytes, key: str) -> None:
    arrived = ArrivedPost(
        source="website",
        raw=raw,
        content_type="application/json",
        identity=PostIdentity(idempotency_key=key),
        headers={},
        received_at=datetime.now(UTC),
    )
    land_posts(database, [arrived])
