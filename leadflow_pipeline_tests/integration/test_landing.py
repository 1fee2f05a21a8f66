"""Group commit in one receiver: who waits is stored together, and one post's trouble is nobody else's.

And the promise behind a 2xx, held against a process that is killed again and again under load.
"""

import asyncio
import itertools
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from leadflow_pipeline.adapters.database import Database
from leadflow_pipeline.bench.post_speed import make_posts, send_at_rate, start_receiver
from leadflow_pipeline.domain.errors import PermanentError, TransientError
from leadflow_pipeline.receiver import landing as landing_module
from leadflow_pipeline.receiver.app import build_app
from leadflow_pipeline.receiver.landing import Landing
from leadflow_pipeline.settings import Settings
from leadflow_pipeline.stages.posts import ArrivedPost, LandedPost, PostIdentity

Query = Callable[..., list[tuple[Any, ...]]]


@pytest.fixture(autouse=True)
def one_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """With one commit under way at a time, it is plain what has to wait for it."""
    monkeypatch.setattr(landing_module, "AT_ONCE", 1)


def arrived(raw: bytes, key: str | None = None, *, source: str = "website") -> ArrivedPost:
    return ArrivedPost(
        source=source,
        raw=raw,
        content_type="application/json",
        identity=PostIdentity(idempotency_key=key),
        headers={"content-type": "application/json"},
        received_at=datetime.now(UTC),
    )


class WatchedStore:
    """A database that counts its transactions, holds the first until the test lets it go, and may fail some."""

    def __init__(self, database: Database, failing: Sequence[Exception] = ()) -> None:
        self._database = database
        self._failing = list(failing)
        self.transactions = 0
        self.first_may_end = threading.Event()

    @contextmanager
    def transaction(self) -> Any:
        self.transactions += 1
        if self.transactions == 1:
            assert self.first_may_end.wait(timeout=20)
        elif self._failing:
            raise self._failing.pop(0)
        with self._database.transaction() as transaction:
            yield transaction


def land_at_once(store: WatchedStore, posts: Sequence[ArrivedPost]) -> list[LandedPost | BaseException]:
    """Land the first post, and the others while it is being stored."""

    async def run() -> list[LandedPost | BaseException]:
        landing = Landing(store)
        first = asyncio.create_task(landing.land(posts[0]))
        while store.transactions == 0:
            await asyncio.sleep(0.001)
        others = [asyncio.create_task(landing.land(post)) for post in posts[1:]]
        await asyncio.sleep(0)
        store.first_may_end.set()
        return await asyncio.gather(first, *others, return_exceptions=True)

    return asyncio.run(run())


def test_posts_that_come_while_one_is_stored_go_with_one_commit(database: Database, query: Query) -> None:
    store = WatchedStore(database)
    landed = land_at_once(store, [arrived(b"{%d}" % number) for number in range(50)])
    assert store.transactions == 2
    stored = dict(query("select event_id, raw from landing.events"))
    assert [bytes(stored[one.event_id]) for one in landed if isinstance(one, LandedPost)] == [
        b"{%d}" % number for number in range(50)
    ]


def test_the_same_post_twice_in_one_commit_is_new_once(database: Database, query: Query) -> None:
    posts = [arrived(b"{}"), arrived(b"1", "k"), arrived(b"2", "k"), arrived(b"3", "k", source="adf"), arrived(b"{}")]
    landed = land_at_once(WatchedStore(database), posts)
    assert [one.is_new for one in landed if isinstance(one, LandedPost)] == [True, True, False, True, False]
    assert [bytes(raw) for (raw,) in query("select raw from landing.events order by raw")] == [b"1", b"3", b"{}"]


def test_one_post_that_cannot_be_stored_keeps_out_no_other(database: Database, query: Query) -> None:
    bad = arrived(b"bad", "nul \x00 in a text column", source="a\x00b")
    landed = land_at_once(WatchedStore(database), [arrived(b"1"), arrived(b"2"), bad, arrived(b"3")])
    assert [isinstance(one, LandedPost) for one in landed] == [True, True, False, True]
    assert query("select count(*) from landing.events") == [(3,)]


def test_a_database_that_is_away_is_told_to_each_who_waits(database: Database, query: Query) -> None:
    store = WatchedStore(database, failing=[TransientError("away")])
    landed = land_at_once(store, [arrived(b"1"), arrived(b"2"), arrived(b"3")])
    assert [type(one) for one in landed] == [LandedPost, TransientError, TransientError]
    assert store.transactions == 2, "nobody waits for a database once for each post"
    assert query("select count(*) from landing.events") == [(1,)]


def test_a_fault_reaches_those_whose_posts_it_concerns(database: Database) -> None:
    store = WatchedStore(database, failing=[PermanentError("batch"), PermanentError("second"), RuntimeError("third")])
    landed = land_at_once(store, [arrived(b"1"), arrived(b"2"), arrived(b"3"), arrived(b"4")])
    assert [type(one) for one in landed] == [LandedPost, PermanentError, RuntimeError, LandedPost]


def test_a_sender_who_goes_away_takes_nobodys_post_along(database: Database, query: Query) -> None:
    store = WatchedStore(database)

    async def run() -> list[LandedPost]:
        landing = Landing(store)
        first = asyncio.create_task(landing.land(arrived(b"1")))
        while store.transactions == 0:
            await asyncio.sleep(0.001)
        gone, stays = (asyncio.create_task(landing.land(arrived(raw))) for raw in (b"2", b"3"))
        await asyncio.sleep(0)
        gone.cancel()
        store.first_may_end.set()
        return await asyncio.gather(first, stays)

    assert len(asyncio.run(run())) == 2
    assert query("select count(*) from landing.events where raw in ('1', '3')") == [(2,)]


@pytest.mark.timeout(600)
def test_a_receiver_killed_under_load_loses_no_post_that_was_answered(
    free_port: int, tmp_path: Path, settings: Settings, database: Database, database_url: str, query: Query
) -> None:
    """100 posts each second, and a `kill -9` after every 600 that are stored: accepted posts are landed posts.

    Those without an answer are sent again, as senders do, and are one event each.
    """
    is_over = threading.Event()
    posts = itertools.takewhile(lambda _: not is_over.is_set(), make_posts())
    with ThreadPoolExecutor(1) as threads:
        sending = None
        for kills in range(1, 4):
            with start_receiver(free_port, tmp_path, database_url):  # ended with kill -9
                sending = sending or threads.submit(asyncio.run, send_at_rate(free_port, posts, per_second=100))
                deadline = time.monotonic() + 120
                while query("select count(*) >= %s from landing.events", 600 * kills) == [(False,)]:
                    assert time.monotonic() < deadline, "the receiver stores too little to be killed under load"
                    time.sleep(0.1)
        is_over.set()
        assert sending is not None
        answers = sending.result(timeout=60)
    accepted = {answer.event_id: answer.raw for answer in answers if answer.status == 202}
    unanswered = [answer.raw for answer in answers if answer.status == 0]
    assert len(accepted) + len(unanswered) == len(answers)
    assert len(accepted) > 1000  # the rest was stored, and killed before it was answered
    assert unanswered
    landed = {event_id: bytes(raw) for event_id, raw in query("select event_id, raw from landing.events")}
    assert accepted.items() <= landed.items()
    client = TestClient(build_app(settings, database))
    for raw in [*unanswered, *itertools.islice(accepted.values(), 20)]:
        answer = client.post("/webhooks/website", content=raw, headers={"content-type": "application/json"})
        assert answer.status_code in (200, 202)
    assert query("select count(*), count(distinct raw) from landing.events") == [(len(answers), len(answers))]
