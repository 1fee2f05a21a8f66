"""One bad lead in any stage, on a real PostgreSQL: it waits in quarantine, the others go on, and it comes back."""

import importlib
import re
import uuid
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg
import pytest

from leadflow_pipeline.adapters.database import Database
from leadflow_pipeline.adapters.intent_model_file import load_model
from leadflow_pipeline.definitions import build_definitions
from leadflow_pipeline.domain import normalized_leads as cleaning
from leadflow_pipeline.domain.errors import BadRowsError, PermanentError
from leadflow_pipeline.settings import Settings
from leadflow_pipeline.stages.assigned_leads import assign_leads
from leadflow_pipeline.stages.enriched_leads import Enrichment, enrich_leads
from leadflow_pipeline.stages.inquiry_intents import judge_inquiries
from leadflow_pipeline.stages.isolation import work_without_culprits, write_without_culprits
from leadflow_pipeline.stages.normalized_leads import normalize_leads
from leadflow_pipeline.stages.quarantine import Holding, Selection, ask_for_replays, replay_events
from leadflow_pipeline.stages.scored_leads import score_leads
from leadflow_pipeline.stages.staged_leads import stage_leads
from leadflow_pipeline_tests.integration.test_pipeline import LIMITS, RULES, Query, land, land_raw

BAD = 7  # which of ten people no stage can go on with
AT_ONCE = Holding(after_hours=4, until=None)


def run(database: Database, *, version: str = "v1") -> None:
    """One batch all the way, as the assets do it."""
    batch_id = uuid.uuid4()
    stage_leads(database, batch_id=batch_id, rules=RULES, limits=LIMITS)
    normalize_leads(database, batch_id=batch_id, region="US", rules_version=version)
    nobody = Enrichment(clients={}, keep_days={})
    enrich_leads(database, batch_id=batch_id, enrichment=nobody, rules_version=version)
    judge_inquiries(database, batch_id=batch_id, judge=load_model(), rules_version=version)
    score_leads(database, batch_id=batch_id, rules_version=version)
    work_without_culprits(
        database,
        batch_id=batch_id,
        stage="assigned_leads",
        version=version,
        work=lambda lead_ids: assign_leads(database, batch_id=batch_id, lead_ids=lead_ids),
    )


def land_people(database: Database, count: int = 10) -> list[int]:
    return [land(database, number, message="investor") for number in range(1, count + 1)]


def replay(database: Database, **selection: Any) -> Any:
    return replay_events(database, Selection(**selection), judged_before=None, holding=AT_ONCE, seconds=0)


def let_settle(query: Query) -> None:
    query("update landing.events set quarantined_at = quarantined_at - interval '1 minute'")


@pytest.mark.parametrize(
    ("stage", "refuse", "accept"),
    [
        (
            "staged_leads",
            "alter table leads.staged_leads add constraint odd check (name is distinct from 'Person 7')",
            "alter table leads.staged_leads drop constraint odd",
        ),
        (
            "normalized_leads",
            "alter table leads.normalized_leads add constraint odd check (full_name is distinct from 'Person 7')",
            "alter table leads.normalized_leads drop constraint odd",
        ),
        (
            "enriched_leads",
            "alter table leads.enriched_leads add constraint odd check (mod(lead_id, 10) <> 7)",
            "alter table leads.enriched_leads drop constraint odd",
        ),
        (
            "inquiry_intents",
            "alter table leads.inquiry_intents add constraint odd check (mod(lead_id, 10) <> 7)",
            "alter table leads.inquiry_intents drop constraint odd",
        ),
        (
            "scored_leads",
            "alter table leads.scored_leads add constraint odd check (mod(lead_id, 10) <> 7)",
            "alter table leads.scored_leads drop constraint odd",
        ),
        (
            "assigned_leads",
            "alter table leads.assigned_leads add constraint odd check (mod(lead_id, 10) <> 7)",
            "alter table leads.assigned_leads drop constraint odd",
        ),
    ],
)
def test_a_lead_that_a_table_refuses_waits_in_quarantine_and_is_assigned_once_the_cause_is_mended(
    database: Database, add_agents: Callable[[int], list[str]], query: Query, stage: str, refuse: str, accept: str
) -> None:
    """Statements work on whole batches: one value too long would otherwise stop five hundred leads."""
    add_agents(3)
    events = land_people(database)
    query(refuse)
    run(database)
    [(event_id, found_stage, reason, lease)] = query(
        "select event_id, quarantine_stage, reason, lease_until from landing.events where status = 'quarantined'"
    )
    assert (event_id, found_stage, lease) == (events[BAD - 1], stage, None)
    assert "the values of this lead do not fit" in reason
    assert "Person" not in reason
    assert query("select count(*) from leads.assigned_leads") == [(9,)]
    kinds = query("select kind from ops.lead_events where event_id = %s", event_id)
    assert ("quarantined",) in kinds

    query(accept)
    before = query("select received_at from landing.events where event_id = %s", event_id)
    assert replay(database, stage=stage).released == 1
    run(database)
    assert query("select received_at from leads.assigned_leads where event_id = %s", event_id) == before
    assert query("select count(*), count(distinct lead_id) from leads.assigned_leads") == [(10, 10)]
    per_agent = [row[0] for row in query("select count(*) from leads.assigned_leads group by agent_id")]
    assert max(per_agent) - min(per_agent) <= 1


@pytest.mark.parametrize(
    ("place", "doing"),
    [
        ("leadflow_pipeline.stages.normalized_leads.normalize_lead", "normalizing"),
        ("leadflow_pipeline.stages.enriched_leads.plan_questions", "enriching"),
        ("leadflow_pipeline.stages.inquiry_intents.judge_inquiry", "judging"),
    ],
)
def test_a_fault_in_our_own_code_costs_one_lead_and_names_no_word_of_it(
    database: Database,
    add_agents: Callable[[int], list[str]],
    query: Query,
    monkeypatch: pytest.MonkeyPatch,
    place: str,
    doing: str,
) -> None:
    add_agents(1)
    land_people(database)
    module, _, name = place.rpartition(".")
    works = getattr(importlib.import_module(module), name)

    def stumble(subject: Any, *more: Any, **named: Any) -> Any:
        if re.search(r"[Pp]erson ?7\b", str(subject)):
            raise KeyError(str(subject))
        return works(subject, *more, **named)

    monkeypatch.setattr(place, stumble)
    run(database)
    assert query("select reason from landing.events where status = 'quarantined'") == [
        (f"{doing} it failed with KeyError; a fault in leadflow, not in the lead",)
    ]
    assert query("select count(*) from leads.assigned_leads") == [(9,)]


def test_a_text_that_no_column_can_hold_costs_one_lead(
    database: Database, add_agents: Callable[[int], list[str]], query: Query, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PostgreSQL refuses NUL, and UTF-8 has no lone surrogates; both come out of broken mails."""
    add_agents(1)
    land_people(database)
    clean = cleaning.normalize_lead
    odd = {"Person 3": "a\x00b", "Person 7": "\udcff"}

    def spoil(staged: Any, *, region: str) -> Any:
        lead = clean(staged, region=region)
        object.__setattr__(lead, "message", odd.get(staged.name, lead.message))
        return lead

    monkeypatch.setattr("leadflow_pipeline.stages.normalized_leads.normalize_lead", spoil)
    run(database)
    assert query("select count(*) from landing.events where status = 'quarantined'") == [(2,)]
    assert query("select count(*) from leads.assigned_leads") == [(8,)]


def test_a_fault_of_the_statement_itself_blames_no_lead(database: Database, query: Query) -> None:
    """A dropped column would otherwise send every lead into quarantine, one by one."""
    land_people(database, 2)
    query("alter table leads.normalized_leads rename column zip to postal")
    with pytest.raises(PermanentError):
        run(database)
    assert query("select count(*) from landing.events where status = 'quarantined'") == [(0,)]


@pytest.mark.parametrize("bad", [set(), {0}, {499}, {0, 1, 2}, set(range(0, 500, 50))])
def test_culprits_are_found_and_all_others_written_once(bad: set[int]) -> None:
    written: list[int] = []
    tries = 0

    def write(part: Sequence[int]) -> None:
        nonlocal tries
        tries += 1
        if bad & set(part):
            raise BadRowsError("refused.")
        written.extend(part)

    refused = write_without_culprits(range(500), write)
    assert {item for item, _ in refused} == bad
    assert written == [item for item in range(500) if item not in bad]
    assert tries <= 1 + 2 * 9 * len(bad)


def test_when_nearly_all_rows_are_refused_it_is_no_bad_lead() -> None:
    def refuse(_: Sequence[int]) -> None:
        raise BadRowsError("refused.")

    with pytest.raises(PermanentError, match="Too many"):
        write_without_culprits(range(1000), refuse)


# Groups and their runs


def test_a_group_is_asked_for_once_and_again_when_the_rules_change(database: Database, query: Query) -> None:
    """A level-triggered retry made 368,000 failed runs in a fortnight elsewhere (reliability notes, 8.3)."""
    for number in range(100):
        land_raw(database, b'{"name": "Person %d"}' % number)
    run(database)
    query("update landing.events set rules_version = 'v1'")
    let_settle(query)
    [group] = ask_for_replays(database, rules_version="v1")
    assert (group.source, group.stage) == ("website", "staged_leads")
    land_raw(database, b'{"name": "One More"}')
    run(database)
    let_settle(query)
    assert ask_for_replays(database, rules_version="v1") == []
    query("update ops.quarantine_groups set run_started_at = now(), run_ended_at = now()")
    assert [again.group_id for again in ask_for_replays(database, rules_version="v2")] == [group.group_id]
    assert ask_for_replays(database, rules_version="v2") == []


def test_a_replay_run_that_was_lost_is_asked_for_again(database: Database, query: Query) -> None:
    land_raw(database, b'{"name": "No Contact"}')
    run(database)
    let_settle(query)
    assert len(ask_for_replays(database, rules_version="v1")) == 1
    query("update ops.quarantine_groups set requested_at = now() - interval '3 minutes'")
    assert len(ask_for_replays(database, rules_version="v1")) == 1


def test_an_empty_group_is_closed_and_opens_anew_with_the_next_event(database: Database, query: Query) -> None:
    land_raw(database, b'{"name": "No Contact"}')
    run(database)
    let_settle(query)
    [group] = ask_for_replays(database, rules_version="v1")
    query("update landing.events set status = 'ignored'")
    query("update ops.quarantine_groups set run_ended_at = now()")
    assert ask_for_replays(database, rules_version="v1") == []
    assert query("select closed_at is not null from ops.quarantine_groups") == [(True,)]
    land_raw(database, b'{"name": "Another"}')
    run(database)
    let_settle(query)
    assert [again.group_id for again in ask_for_replays(database, rules_version="v1")] == [group.group_id]


# What a replay does


def test_an_old_lead_waits_for_office_hours_and_a_young_one_does_not(
    database: Database, add_agents: Callable[[int], list[str]], query: Query
) -> None:
    add_agents(1)
    old, young = (land_raw(database, b'{"name": "%s"}' % name) for name in (b"Old", b"Young"))
    run(database)
    query("update landing.events set raw = %s", b'{"name": "Ana", "phone": "512-555-0142", "message": "investor"}')
    query("update landing.events set received_at = now() - interval '5 hours' where event_id = %s", old)
    opens = datetime.now(UTC) + timedelta(hours=3)
    done = replay_events(
        database,
        Selection(source="website"),
        judged_before=None,
        holding=Holding(after_hours=4, until=opens),
        seconds=0,
    )
    assert (done.released, done.held) == (2, 1)
    run(database)
    assert query("select event_id from leads.assigned_leads") == [(young,)]
    query("update landing.events set hold_until = now() where event_id = %s", old)
    run(database)
    assert query("select event_id from leads.assigned_leads order by assigned_at desc limit 1") == [(old,)]


def test_the_red_run_shows_the_events_and_executing_it_again_judges_them_anew(
    database: Database, database_url: str, settings: Settings, query: Query, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEADFLOW_DATABASE_URL", database_url)
    monkeypatch.setattr("leadflow_pipeline.defs.replays.SECONDS_TO_SETTLE", 0)
    event_id = land_raw(database, b'{"name": "Zebulon Quux"}')
    run(database)
    let_settle(query)
    version = query("select coalesce(rules_version, '') from landing.events")[0][0]
    [group] = ask_for_replays(database, rules_version=str(version))
    job = build_definitions(settings).resolve_job_def("replay_quarantined")
    config = {"ops": {"quarantined_events": {"config": {"group_id": group.group_id, "wake": True}}}}
    with dg.DagsterInstance.ephemeral() as instance:
        query("update landing.events set rules_version = %s", in_force())
        first = job.execute_in_process(instance=instance, run_config=config, raise_on_error=False)
        assert not first.success
        assert query("select status from landing.events") == [("quarantined",)]
        failure = first.failure_data_for_node("quarantined_events")
        assert failure is not None
        assert failure.user_failure_data is not None
        shown = {name: entry.value for name, entry in failure.user_failure_data.metadata.items()}
        assert f"| {event_id} |" in str(shown["events"])
        assert shown["events_in_quarantine"] == 1
        assert "quarantine show" in str(shown["what_to_do"])
        logged = " ".join(str(entry) for entry in instance.all_logs(first.run_id))
        assert "Zebulon" not in logged
        again = job.execute_in_process(
            instance=instance,
            run_config=config,
            raise_on_error=False,
            tags={"dagster/parent_run_id": first.run_id, "dagster/root_run_id": first.run_id},
        )
        assert again.success
        assert query("select status from landing.events") == [("pending",)]


def in_force() -> str:
    from leadflow_pipeline.adapters.rules_in_force import read_rules_in_force
    from leadflow_pipeline.settings import read_settings

    return read_rules_in_force(None, read_settings().home).version
