"""Asking for runs and claiming events: the queries of the landing table under several hands at once."""

import random
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest

from leadflow_pipeline.adapters.database import Database, Listener
from leadflow_pipeline.domain.errors import TransientError
from leadflow_pipeline.stages.batches import (
    OVERDUE_SECONDS,
    PATIENCE_SECONDS,
    BatchLimits,
    ask_for_batches,
    wait_for_batches,
)

Query = Callable[..., list[tuple[Any, ...]]]

FIRST, SECOND, THIRD = (uuid.UUID(int=number) for number in (1, 2, 3))
LIMITS = BatchLimits(batch_size=10, max_batches=3, lease_seconds=45)


@pytest.fixture
def land(query: Query) -> Callable[[int], None]:
    """Lands this many posts, one second of arrival apart, the oldest with the lowest id."""

    def add(count: int) -> None:
        query(
            "insert into landing.events (channel, source, external_id, received_at, content_type, raw, content_hash)"
            " select 'webhook', 'website', gen_random_uuid()::text, now() - interval '1 hour' + number * interval '1 s'"
            ", 'application/json', '{}', 'hash' from generate_series(1, %s) as number",
            count,
        )

    return add


def claim(database: Database, batch_id: uuid.UUID, *, size: int = 10, lease_seconds: int = 45) -> list[int]:
    with database.transaction() as transaction:
        rows = transaction.rows("claim_batch", batch_id=batch_id, batch_size=size, lease_seconds=lease_seconds)
    return sorted(row["event_id"] for row in rows)


def begin(database: Database, batch_id: uuid.UUID) -> list[int]:
    """As a run does that was asked for: it is awaited no longer, and claims."""
    with database.transaction() as transaction:
        transaction.execute("end_wait_for_run", patience_seconds=PATIENCE_SECONDS)
    return claim(database, batch_id)


def let_leases_run_out(query: Query, batch_id: uuid.UUID) -> None:
    query("update landing.events set lease_until = now() - interval '1 s' where batch_id = %s", str(batch_id))


def let_pass(query: Query, seconds: float) -> None:
    """As if all awaited runs had been asked for so much earlier."""
    query("update landing.awaited_runs set asked_at = asked_at - %s * interval '1 s'", seconds)


def run_at_once(count: int, work: Callable[[int], Any]) -> list[Any]:
    """The results of this many threads that start together."""
    together = threading.Barrier(count)

    def start(number: int) -> Any:
        together.wait(timeout=20)
        return work(number)

    with ThreadPoolExecutor(count) as threads:
        return list(threads.map(start, range(count)))


def flatten(lists: Iterable[list[int]]) -> list[int]:
    return [value for values in lists for value in values]


# Asking


def test_what_looks_hot_has_a_head_start_of_half_a_minute_and_no_more(
    database: Database, query: Query, land: Callable[[int], None]
) -> None:
    """A second of arrival apart: the last but ten overtakes thirty, and nobody waits behind hot ones for ever."""
    land(60)
    ids = [row[0] for row in query("select event_id from landing.events order by received_at")]
    query("update landing.events set looks_hot = true where event_id = any(%s)", [ids[35], ids[59]])
    assert claim(database, FIRST) == sorted([*ids[:9], ids[35]])
    assert ids[59] not in claim(database, SECOND)


def test_nothing_is_asked_for_when_nothing_waits(database: Database) -> None:
    assert ask_for_batches(database, LIMITS) == 0


@pytest.mark.parametrize(
    ("waiting", "batches"), [(1, 1), (9, 1), (10, 1), (11, 2), (20, 2), (21, 3), (30, 3), (31, 3), (500, 3)]
)
def test_as_many_runs_are_asked_for_as_there_are_batches_up_to_the_limit(
    database: Database, land: Callable[[int], None], waiting: int, batches: int
) -> None:
    land(waiting)
    assert ask_for_batches(database, LIMITS) == batches


def test_a_run_that_is_awaited_will_take_what_waits_so_no_other_is_asked_for(
    database: Database, land: Callable[[int], None]
) -> None:
    """Two sensors and a tick per second would otherwise start a process per look, and twenty after a killed daemon."""
    land(5)
    assert ask_for_batches(database, LIMITS) == 1
    assert ask_for_batches(database, LIMITS) == 0
    land(5)
    assert ask_for_batches(database, LIMITS) == 0
    land(1)
    assert ask_for_batches(database, LIMITS) == 1, "more than one run takes"
    assert len(begin(database, FIRST)) == 10
    assert ask_for_batches(database, LIMITS) == 0, "the second is still to come"
    assert len(begin(database, SECOND)) == 1
    land(1)
    assert ask_for_batches(database, LIMITS) == 1


def test_a_run_that_does_not_come_is_replaced_soon_and_forgotten_later(
    database: Database, land: Callable[[int], None], query: Query
) -> None:
    """Its daemon was killed, or it starts slowly: until it is forgotten it counts against the limit."""
    land(5)
    asked = [ask_for_batches(database, LIMITS)]
    for _ in range(4):
        let_pass(query, OVERDUE_SECONDS)
        asked.append(ask_for_batches(database, LIMITS))
    assert asked == [1, 1, 1, 0, 1], "the fifth question is as old as the patience"
    let_pass(query, PATIENCE_SECONDS)
    assert ask_for_batches(database, LIMITS) == 1
    assert query("select count(*) from landing.awaited_runs") == [(1,)]


def test_a_run_that_comes_late_and_finds_nothing_takes_no_other_runs_place(
    database: Database, land: Callable[[int], None], query: Query
) -> None:
    land(5)
    ask_for_batches(database, LIMITS)
    let_pass(query, OVERDUE_SECONDS + 1)
    assert ask_for_batches(database, LIMITS) == 1
    assert len(begin(database, FIRST)) == 5
    assert begin(database, SECOND) == []
    assert query("select count(*) from landing.awaited_runs") == [(0,)]
    land(21)
    assert ask_for_batches(database, LIMITS) == 2


def test_runs_at_work_count_against_the_limit(database: Database, land: Callable[[int], None]) -> None:
    land(60)
    claim(database, FIRST)
    claim(database, SECOND)
    assert ask_for_batches(database, LIMITS) == 1
    begin(database, THIRD)
    assert ask_for_batches(database, LIMITS) == 0


def test_runs_that_were_asked_for_and_are_still_starting_count_against_the_limit(
    database: Database, land: Callable[[int], None]
) -> None:
    """A stock launcher takes 5-10 s to start a run: counted only from their claim, a burst starts one per look."""
    land(30)
    assert ask_for_batches(database, LIMITS) == 3
    land(30)
    assert ask_for_batches(database, LIMITS) == 0
    claim(database, FIRST)  # by hand, and so nobody's place
    assert ask_for_batches(database, LIMITS) == 0


def test_never_more_runs_than_the_limit_are_under_way_in_whatever_order_they_come_and_go(
    database: Database, land: Callable[[int], None], query: Query
) -> None:
    """A run whose events another one took is still to come: counted by its events, eight worked where four may."""
    dice = random.Random(1)
    awaited, at_work = 0, list[uuid.UUID]()
    for _ in range(150):
        land(dice.randint(0, 12))
        awaited += ask_for_batches(database, LIMITS)
        assert awaited + len(at_work) <= LIMITS.max_batches
        if awaited and dice.random() < 0.5:
            awaited -= 1
            batch_id = uuid.uuid4()
            if begin(database, batch_id):
                at_work.append(batch_id)
        if at_work and dice.random() < 0.4:
            ended = str(at_work.pop(dice.randrange(len(at_work))))
            query("update landing.events set status = 'staged', lease_until = null where batch_id = %s", ended)


def test_an_event_under_lease_is_not_asked_for(database: Database, land: Callable[[int], None]) -> None:
    land(5)
    assert len(claim(database, FIRST)) == 5
    assert ask_for_batches(database, LIMITS) == 0


def test_an_event_whose_lease_ran_out_is_asked_for_again(
    database: Database, land: Callable[[int], None], query: Query
) -> None:
    """A worker that was killed comes back to nobody; its events must."""
    land(5)
    claim(database, FIRST)
    let_leases_run_out(query, FIRST)
    assert ask_for_batches(database, LIMITS) == 1


def test_a_staged_event_whose_lead_has_no_place_yet_is_asked_for_when_its_lease_runs_out(
    database: Database, land: Callable[[int], None], query: Query
) -> None:
    land(5)
    claim(database, FIRST)
    query("update landing.events set status = 'staged'")
    let_leases_run_out(query, FIRST)
    assert ask_for_batches(database, LIMITS) == 1
    assert len(claim(database, SECOND)) == 5


@pytest.mark.parametrize("status", ["staged", "ignored", "quarantined"])
def test_a_settled_event_is_not_asked_for(
    database: Database, land: Callable[[int], None], query: Query, status: str
) -> None:
    land(5)
    query("update landing.events set status = %s", status)
    assert ask_for_batches(database, LIMITS) == 0
    assert claim(database, FIRST) == []


def test_two_who_ask_at_once_do_not_ask_for_the_same_events(
    database: Database, database_url: str, land: Callable[[int], None]
) -> None:
    land(10)
    with Database(database_url, pool_size=8) as shared:
        for _ in range(10):
            asked = run_at_once(4, lambda _: ask_for_batches(shared, LIMITS))
            assert sum(asked) <= 1
    assert ask_for_batches(database, LIMITS) == 0


def test_all_who_ask_at_once_ask_for_no_more_runs_than_the_limit(
    database: Database, database_url: str, land: Callable[[int], None]
) -> None:
    """An announcement wakes all who keep watch; each would count none under way and find a share of its own."""
    land(500)
    with Database(database_url, pool_size=8) as shared:
        asked = run_at_once(6, lambda _: ask_for_batches(shared, LIMITS))
    assert sorted(asked) == [0, 0, 0, 0, 0, 3]
    assert ask_for_batches(database, LIMITS) == 0


def test_who_is_no_longer_wanted_asks_for_nothing(database: Database, land: Callable[[int], None]) -> None:
    """A tick whose daemon was killed: what it would ask for nobody would start."""
    land(1)
    with database.listen("landing") as listener:
        assert wait_for_batches(database, listener, LIMITS, seconds=10, is_wanted=lambda: False) == 0
    assert ask_for_batches(database, LIMITS) == 1


def test_who_asks_while_a_run_claims_waits_for_its_claim(
    database: Database, database_url: str, land: Callable[[int], None]
) -> None:
    """What lands behind the claim's back would be left to the run whose claim it was, until somebody looks again."""
    land(1)
    assert ask_for_batches(database, LIMITS) == 1
    with Database(database_url, pool_size=2) as other, ThreadPoolExecutor(1) as threads:
        with other.transaction() as transaction:
            transaction.execute("wait_for_turn")
            transaction.execute("end_wait_for_run", patience_seconds=PATIENCE_SECONDS)
            transaction.rows("claim_batch", batch_id=FIRST, batch_size=10, lease_seconds=45)
            land(1)
            asked = threads.submit(ask_for_batches, database, LIMITS)
            time.sleep(0.3)
            assert not asked.done()
        assert asked.result(timeout=10) == 1


def add_waiting_lead(query: Query) -> None:
    ((event_id,),) = query("update landing.events set status = 'staged' returning event_id")
    ((lead_id,),) = query(
        "insert into leads.staged_leads (event_id, batch_id, channel, source, rule, rule_version, received_at)"
        " values (%s, %s, 'webhook', 'website', 'website_form', 1, now()) returning lead_id",
        event_id,
        str(FIRST),
    )
    query("insert into routing.waiting_leads (lead_id, reason) values (%s, 'no active agent')", lead_id)


def test_a_lead_that_waits_for_an_agent_starts_a_run_once_there_is_one(
    database: Database, land: Callable[[int], None], query: Query, add_agents: Callable[[int], list[str]]
) -> None:
    land(1)
    add_waiting_lead(query)
    assert ask_for_batches(database, LIMITS) == 0
    add_agents(1)
    assert ask_for_batches(database, LIMITS) == 1


def test_a_lead_that_waits_for_an_agent_is_asked_for_once_within_the_patience(
    database: Database, land: Callable[[int], None], query: Query, add_agents: Callable[[int], list[str]]
) -> None:
    """Asked for at every look, one lead starts a run per tick and sensor for as long as the first takes to start."""
    land(1)
    add_waiting_lead(query)
    add_agents(1)
    assert ask_for_batches(database, LIMITS) == 1
    assert ask_for_batches(database, LIMITS) == 0


def test_a_lead_that_waits_for_an_agent_starts_no_run_beyond_the_limit(
    database: Database, land: Callable[[int], None], query: Query, add_agents: Callable[[int], list[str]]
) -> None:
    """The runs at work take waiting leads along anyway."""
    land(1)
    add_waiting_lead(query)
    add_agents(1)
    land(30)
    for batch_id in (FIRST, SECOND, THIRD):
        assert len(claim(database, batch_id)) == 10
    assert ask_for_batches(database, LIMITS) == 0


# Waiting


def test_work_that_is_there_is_not_waited_for(database: Database, land: Callable[[int], None]) -> None:
    land(1)
    started_at = time.monotonic()
    with database.listen("landing") as listener:
        assert wait_for_batches(database, listener, LIMITS, seconds=10) == 1
    assert time.monotonic() - started_at < 3


def test_waiting_ends_after_its_time_when_nothing_lands(database: Database) -> None:
    started_at = time.monotonic()
    with database.listen("landing") as listener:
        assert wait_for_batches(database, listener, LIMITS, seconds=0.5) == 0
    assert 0.5 <= time.monotonic() - started_at < 4


@contextmanager
def announcing_soon(database_url: str, before: Callable[[], None] = lambda: None) -> Iterator[list[float]]:
    """Announces a landing in half a second from another connection; gives a list that will hold the time of it."""
    announced_at: list[float] = []

    def announce() -> None:
        before()
        with Database(database_url) as other, other.transaction() as transaction:
            transaction.execute("announce_landing")
            announced_at.append(time.monotonic())

    timer = threading.Timer(0.5, announce)
    timer.start()
    try:
        yield announced_at
    finally:
        timer.join()


def test_a_post_that_lands_while_waiting_is_heard_within_a_second(
    database: Database, database_url: str, land: Callable[[int], None]
) -> None:
    with announcing_soon(database_url, lambda: land(1)) as announced_at, database.listen("landing") as listener:
        assert wait_for_batches(database, listener, LIMITS, seconds=10) == 1
        assert time.monotonic() - announced_at[0] < 1


def test_an_announcement_of_nothing_does_not_end_the_waiting(database: Database, database_url: str) -> None:
    """Events that another sensor has asked a run for are announced too."""
    started_at = time.monotonic()
    with announcing_soon(database_url), database.listen("landing") as listener:
        assert wait_for_batches(database, listener, LIMITS, seconds=1.2) == 0
    assert time.monotonic() - started_at >= 1.2


def test_what_lands_between_listening_and_asking_is_not_slept_through(
    database: Database, land: Callable[[int], None]
) -> None:
    with database.listen("landing") as listener:
        land(1)
        with database.transaction() as transaction:
            transaction.execute("announce_landing")
        assert wait_for_batches(database, listener, LIMITS, seconds=5) == 1


def test_a_listener_whose_connection_is_cut_says_try_again(database: Database, query: Query) -> None:
    """A restart of the database ends a tick with a message, not with a driver's traceback."""

    def cut_and_wait(listener: Listener) -> None:
        query("select pg_terminate_backend(pid) from pg_stat_activity where query ilike 'listen%%'")
        listener.wait(5)

    with pytest.raises(TransientError), database.listen("landing") as listener:
        cut_and_wait(listener)
    with database.listen("landing") as listener:
        assert listener.wait(0.1) is False


# Claiming


def test_the_oldest_events_are_claimed_first(database: Database, land: Callable[[int], None], query: Query) -> None:
    land(15)
    oldest = [event_id for (event_id,) in query("select event_id from landing.events order by received_at limit 10")]
    assert claim(database, FIRST) == sorted(oldest)
    assert len(claim(database, SECOND)) == 5
    assert claim(database, THIRD) == []


def test_what_a_run_leaves_over_is_asked_for_at_once(
    database: Database, land: Callable[[int], None], query: Query
) -> None:
    """What came after the question and looks hot goes first; what it was about has the next run."""
    land(10)
    assert ask_for_batches(database, LIMITS) == 1
    land(5)
    hot = query("update landing.events set looks_hot = true where event_id > 10 returning event_id")
    assert ask_for_batches(database, LIMITS) == 1
    assert {event_id for (event_id,) in hot} <= set(begin(database, FIRST))
    assert ask_for_batches(database, LIMITS) == 0
    assert len(begin(database, SECOND)) == 5


def test_two_claims_at_once_never_share_an_event(database_url: str, land: Callable[[int], None], query: Query) -> None:
    land(200)
    with Database(database_url, pool_size=8) as shared:
        claims = run_at_once(8, lambda _: claim(shared, uuid.uuid4(), size=25))
    claimed = flatten(claims)
    assert len(claimed) == len(set(claimed))
    assert [
        attempts for (attempts,) in query("select distinct attempts from landing.events where batch_id is not null")
    ] == [1]
    assert len(claimed) == 200


def test_a_claim_skips_what_another_one_still_holds_in_its_transaction(
    database: Database, land: Callable[[int], None]
) -> None:
    land(15)
    with database.transaction() as first:
        rows = first.rows("claim_batch", batch_id=FIRST, batch_size=10, lease_seconds=45)
        started_at = time.monotonic()
        others = claim(database, SECOND)
        assert time.monotonic() - started_at < 1
    assert len(others) == 5
    assert not {row["event_id"] for row in rows} & set(others)


def test_a_lease_that_ran_out_can_be_claimed_by_another_batch(
    database: Database, land: Callable[[int], None], query: Query
) -> None:
    land(5)
    first = claim(database, FIRST)
    assert claim(database, SECOND) == []
    let_leases_run_out(query, FIRST)
    assert claim(database, SECOND) == first
    assert query("select distinct batch_id::text, attempts from landing.events") == [(str(SECOND), 2)]
    assert claim(database, FIRST) == []


def test_a_claim_lasts_as_long_as_its_lease(database: Database, land: Callable[[int], None]) -> None:
    land(3)
    assert len(claim(database, FIRST, lease_seconds=1)) == 3
    assert claim(database, SECOND) == []
    time.sleep(1.1)
    assert len(claim(database, SECOND)) == 3


def test_a_batch_claims_its_own_events_again(database: Database, land: Callable[[int], None], query: Query) -> None:
    """A re-executed run keeps its batch and takes it up where the first try ended."""
    land(5)
    first = claim(database, FIRST)
    query("update landing.events set status = 'staged' where event_id = %s", first[0])
    assert claim(database, FIRST) == first


def test_a_batch_that_is_taken_up_again_gets_all_of_its_own_before_anything_older(
    database: Database, land: Callable[[int], None], query: Query
) -> None:
    """Else what it leaves out stays leased to it, worked on by nobody, until the lease runs out."""
    land(10)
    own = claim(database, FIRST)
    query("update landing.events set received_at = received_at + interval '10 minutes'")
    land(10)
    assert set(own) <= set(claim(database, FIRST))


def test_a_claim_gives_what_the_next_stage_reads(database: Database, land: Callable[[int], None]) -> None:
    land(1)
    with database.transaction() as transaction:
        (row,) = transaction.rows("claim_batch", batch_id=FIRST, batch_size=10, lease_seconds=45)
    assert bytes(row["raw"]) == b"{}"
    assert row["received_at"].tzinfo is not None
    assert (row["channel"], row["source"], row["content_type"], row["attempts"]) == (
        "webhook",
        "website",
        "application/json",
        1,
    )


def test_a_late_worker_settles_nothing_that_another_batch_holds(
    database: Database, land: Callable[[int], None], query: Query
) -> None:
    """A worker frozen past its lease and thawed again: its last update must miss."""
    land(1)
    (event_id,) = claim(database, FIRST)
    let_leases_run_out(query, FIRST)
    claim(database, SECOND)
    rows = f'[{{"event_id": {event_id}, "status": "ignored", "reason": "late", "source": "website"}}]'
    with database.transaction() as transaction:
        assert transaction.execute("settle_events", batch_id=FIRST, rows=rows) == 0
        assert transaction.execute("settle_events", batch_id=SECOND, rows=rows) == 1
