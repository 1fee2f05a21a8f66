"""Mails of a batch that are forged, changed, endless or our own, on a real PostgreSQL. All people are invented."""

import hashlib
import uuid
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from leadflow_pipeline.adapters.database import Database
from leadflow_pipeline.adapters.rule_files import load_rules
from leadflow_pipeline.adapters.watched_process import WatchedProcess
from leadflow_pipeline.cli import app
from leadflow_pipeline.domain.mail_rules import MailRule
from leadflow_pipeline.domain.mail_trust import OurMail
from leadflow_pipeline.stages.batches import BatchLimits, ask_for_batches
from leadflow_pipeline.stages.normalized_leads import normalize_leads
from leadflow_pipeline.stages.scored_leads import score_leads
from leadflow_pipeline.stages.staged_leads import StagedCounts, stage_leads
from leadflow_pipeline.stages.watch import watch_tables

Query = Callable[..., list[tuple[Any, ...]]]

LIMITS = BatchLimits(batch_size=500, max_batches=2, lease_seconds=3600)  # time enough on a busy machine
HOST = "mx.brokerage.test"
OURS = OurMail(addresses=frozenset({"leads@brokerage.test"}), hosts=frozenset({HOST}))
RULES = load_rules()
HOT = "Budget: $900,000\r\nComment: We are pre-approved cash buyers.\r\n"
ENDLESS = """
name: endless
source: endless
version: 1
match: {domains: [endless.test], subject: '^(a+)+$'}
fields: {phone: [Phone]}
"""


def write_mail(text: str, *, sender: str = "leads@email.realtor.com", subject: str = "Lead", head: str = "") -> bytes:
    return f"{head}From: {sender}\r\nTo: leads@brokerage.test\r\nSubject: {subject}\r\n\r\n{text}".encode()


def realtor_lead(number: int = 1, *, results: str | None = None, more: str = "") -> bytes:
    head = f"Authentication-Results: {HOST}; {results}\r\n" if results else ""
    return write_mail(f"First Name: Ada{number}\r\nPhone Number: 512-555-0142\r\n{more}", head=head)


def land(query: Query, *mails: bytes) -> list[int]:
    """Land mails; gives the events' ids."""
    return [
        query(
            "insert into landing.events (channel, source, external_id, received_at, content_type, raw, content_hash) "
            "values ('email', 'inbox', %s, now(), 'message/rfc822', %s, %s) returning event_id",
            uuid.uuid4().hex,
            raw,
            hashlib.sha256(raw).hexdigest(),
        )[0][0]
        for raw in mails
    ]


def stage(database: Database, *, rules: tuple[MailRule, ...] = RULES, limits: BatchLimits = LIMITS) -> StagedCounts:
    watched = WatchedProcess(cpu_seconds=1, wall_seconds=600)
    return stage_leads(database, batch_id=uuid.uuid4(), rules=rules, limits=limits, ours=OURS, work_through=watched)


def alerts(database: Database) -> list[str]:
    return [found.text for found in watch_tables(database, last_successes={})]


@pytest.fixture
def endless_rules(tmp_path: Path) -> tuple[MailRule, ...]:
    """The built-in rules, and one of a user with a pattern that never comes to an end."""
    (tmp_path / "endless.yaml").write_text(ENDLESS)
    return load_rules(tmp_path)


def endless_mail(number: int = 1) -> bytes:
    return write_mail(f"Phone: {number}", sender="a@endless.test", subject="a" * 60 + "b")


# Forgery


def test_a_forged_hot_lead_is_standard_and_says_why(database: Database, query: Query) -> None:
    """The same words from the portal itself are hot: what differs is who stands behind the mail."""
    land(
        query,
        realtor_lead(1, results="dmarc=pass header.from=email.realtor.com", more=HOT),
        realtor_lead(2, results="dkim=pass header.d=evil.test", more=HOT),
        realtor_lead(3, more=HOT),
    )
    batch = uuid.uuid4()
    stage_leads(database, batch_id=batch, rules=RULES, limits=LIMITS, ours=OURS)
    normalize_leads(database, batch_id=batch, region="US")
    score_leads(database, batch_id=batch)
    assert query(
        """select first_name, sender_unproven, extra->>'authentication', score, bucket
           from leads.scored_leads join leads.normalized_leads using (lead_id)
           join (select lead_id, extra from leads.staged_leads) staged using (lead_id) order by lead_id"""
    ) == [
        ("Ada1", False, "pass", 85, "hot"),
        ("Ada2", True, "fail", 85, "standard"),
        ("Ada3", False, "none", 85, "hot"),
    ]


def test_explain_tells_whether_the_sender_is_proven(
    database: Database, database_url: str, query: Query, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEADFLOW_DATABASE_URL", database_url)
    land(query, realtor_lead(1, results="dkim=pass header.d=evil.test"))
    batch = uuid.uuid4()
    stage_leads(database, batch_id=batch, rules=RULES, limits=LIMITS, ours=OURS)
    normalize_leads(database, batch_id=batch, region="US")
    [(lead_id,)] = query("select lead_id from leads.staged_leads")
    shown = CliRunner().invoke(app, ["explain", str(lead_id)]).stdout
    assert "may be forged: nothing proves that this is from realtor_com" in shown
    assert "forgery suspected" in shown


def test_own_mail_coming_back_is_ignored(database: Database, query: Query) -> None:
    land(query, write_mail("Is Saturday fine? Call me: 512-555-0100", sender="Leads <LEADS@brokerage.test>"))
    stage(database)
    assert query("select status, reason from landing.events") == [
        ("ignored", "own mail coming back (sent from one of our addresses)")
    ]


# Changed layouts


def test_a_changed_layout_alarms_once_for_each_cause(database: Database, query: Query) -> None:
    """A redesign at night would otherwise be noticed by the leads that did not come."""
    land(query, *(write_mail(f"Hello {n}, all is new", sender="x@homes.com") for n in range(4)))
    assert stage(database).quarantined == 4
    [text] = alerts(database)
    assert text.startswith("4 events of homes_com wait in quarantine (staged_leads): layout of homes_com changed: ")
    land(query, write_mail("Hello again, all is new", sender="x@homes.com"))
    stage(database)
    assert alerts(database) == [text.replace("4 events", "5 events")]
    assert query("select count(*) from ops.alerts") == [(1,)]


def test_every_cause_has_an_alert_of_its_own_and_none_holds_a_leads_words(database: Database, query: Query) -> None:
    secret = "Xylophonia"
    land(
        query,
        write_mail(f"{secret} wants a house", sender="x@homes.com", subject=secret),
        write_mail(f"{secret} wants a flat", sender="leads@email.realtor.com", subject=secret),
    )
    stage(database)
    told = "".join(sorted(alerts(database)))
    assert "homes_com" in told
    assert "realtor_com" in told
    assert secret not in told


# Hostile mails


def test_a_mail_that_never_ends_is_quarantined_and_the_batch_goes_on(
    database: Database, query: Query, endless_rules: tuple[MailRule, ...]
) -> None:
    """A pattern of a user's rule that backtracks for ever on one subject held up every lead behind it."""
    land(query, realtor_lead(1), endless_mail(), realtor_lead(2))
    counts = stage(database, rules=endless_rules)
    assert (counts.staged, counts.quarantined, counts.returned) == (2, 1, 0)
    assert query("select status, reason from landing.events order by event_id") == [
        ("staged", None),
        ("quarantined", "reading it took longer than 1 s of CPU time; it was stopped so that other leads do not wait"),
        ("staged", None),
    ]


def test_many_endless_mails_do_not_outlast_the_batchs_lease(
    database: Database, query: Query, endless_rules: tuple[MailRule, ...]
) -> None:
    """What is not read in time goes back as if it had never been claimed; the next run reads it."""
    land(query, *(endless_mail(number) for number in range(5)), realtor_lead(1))
    hurried = replace(LIMITS, lease_seconds=6)
    counts = stage(database, rules=endless_rules, limits=hurried)
    assert 1 <= counts.quarantined <= 3
    assert counts.returned == 6 - counts.quarantined
    assert query("select distinct attempts, batch_id, lease_until from landing.events where status = 'pending'") == [
        (0, None, None)
    ]
    assert ask_for_batches(database, LIMITS) == 1
    rest = stage(database, rules=endless_rules)
    assert (rest.staged, rest.quarantined, rest.returned) == (1, 5 - counts.quarantined, 0)


# Healed labels


def test_healed_labels_are_counted_and_proposed_as_aliases(
    database: Database, database_url: str, query: Query, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A label that drifts is read all the same; the proposal makes it known for good."""
    monkeypatch.setenv("LEADFLOW_DATABASE_URL", database_url)
    drifted = [
        write_mail(f"First Name: Ada{n}\r\nPhnoe Number: 512-555-0142\r\nEmail Adress: a{n}@example.net\r\n")
        for n in range(3)
    ]
    ids = land(query, *drifted, realtor_lead(9))
    assert stage(database).healed == 3
    shown = CliRunner().invoke(app, ["rules", "suggest"]).stdout
    assert f'"Phnoe Number" was read as "phone number" in 3 leads; see events {ids[2]}, {ids[1]}, {ids[0]}' in shown
    assert "realtor_com.yaml" in shown
    assert "field email" in shown
    assert any(line.strip().startswith("label: [") and "Phnoe Number" in line for line in shown.splitlines())


def test_without_healed_labels_there_is_nothing_to_suggest(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEADFLOW_DATABASE_URL", database_url)
    result = CliRunner().invoke(app, ["rules", "suggest"])
    assert (result.exit_code, result.stdout) == (0, "No label had to be healed in the leads of the last 30 days.\n")


# For whoever mends a rule


def test_the_mail_that_an_alert_names_comes_out_as_it_arrived(
    database_url: str, query: Query, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEADFLOW_DATABASE_URL", database_url)
    raw = realtor_lead(1) + b"\xff\x00 any bytes"
    [event_id] = land(query, raw)
    assert CliRunner().invoke(app, ["quarantine", "show", str(event_id)]).stdout_bytes == raw
    missing = CliRunner().invoke(app, ["quarantine", "show", "999"])
    assert "There is no event 999." in str(missing.exception)


def test_what_a_rule_finds_becomes_an_example_that_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The steps of docs/mail-rules.md, by somebody who has a new source."""
    monkeypatch.setenv("LEADFLOW_RULES_DIR", str(tmp_path))
    (tmp_path / "one.eml").write_bytes(
        write_mail("Interesado: Rosa Quintero\r\nCelular: 512-555-0142\r\n", sender="a@nidito.test")
    )
    (tmp_path / "nidito.yaml").write_text(
        "name: nidito\nsource: nidito\nversion: 1\nmatch: {domains: [nidito.test]}\n"
        "fields: {name: [Interesado], phone: [Celular]}\nrequires: [[phone]]\nexamples: [one.eml]\n"
    )
    tried = CliRunner().invoke(app, ["rules", "test", "nidito", str(tmp_path / "one.eml"), "--example"])
    (tmp_path / "one.json").write_text(tried.stdout)
    checked = CliRunner().invoke(app, ["rules", "check"])
    assert (checked.exit_code, "86 examples, 0 problems" in checked.stdout) == (0, True), checked.stdout
    (tmp_path / "one.json").write_text(tried.stdout.replace("Rosa", "Eva"))
    checked = CliRunner().invoke(app, ["rules", "check"])
    assert (checked.exit_code, "expected 'Eva Quintero', found 'Rosa Quintero'" in checked.stdout) == (1, True)
