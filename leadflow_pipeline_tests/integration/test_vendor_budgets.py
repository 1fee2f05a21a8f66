"""Budgets on a real PostgreSQL: rate, money, breaker, the vendor's own words, and several processes at once."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import pytest

from leadflow_pipeline.adapters.database import Database
from leadflow_pipeline.bench.vendor_budgets import draw_from_one_budget
from leadflow_pipeline.domain.errors import PermanentError, TransientError
from leadflow_pipeline.domain.vendor_budgets import CallReport, LimitedError, Permission, RefusedError
from leadflow_pipeline.stages.vendor_budgets import ask_vendor, list_bills, report_calls, within_budget

Query = Callable[..., list[tuple[Any, ...]]]


@pytest.fixture
def budget(query: Query) -> Callable[..., None]:
    """Makes the budget `acme`; slow to refill unless said otherwise, so that a test's own time does not count."""

    def make(**columns: object) -> None:
        values = {"vendor": "acme", "calls_per_second": 0.001, "burst": 100, **columns}
        names = ", ".join(values)
        query(f"insert into vendors.budgets ({names}) values ({', '.join(['%s'] * len(values))})", *values.values())

    return make


def ask(database: Database, calls: int = 1, **more: Any) -> Permission:
    return ask_vendor(database, "acme", calls=calls, **more)


def let_pass(query: Query, seconds: float) -> None:
    """Move everything the budget remembers into the past, as if that much time had gone by."""
    query(
        """with passed as (select make_interval(secs => %s) as time)
           update vendors.budgets set drawn_until = drawn_until - time, not_before = not_before - time,
                  open_until = open_until - time, probe_until = probe_until - time from passed""",
        seconds,
    )


def test_a_bucket_gives_its_burst_at_once_and_then_only_its_refill(
    database: Database, budget: Callable[..., None], query: Query
) -> None:
    budget(burst=10, calls_per_second=0.5)
    assert ask(database, calls=8).calls == 8
    assert ask(database, calls=8).calls == 2
    refused = ask(database, calls=8)
    assert (refused.calls, refused.reason) == (0, "rate")
    assert 1 < refused.wait_seconds <= 2
    let_pass(query, 4)
    assert ask(database, calls=8).calls == 2
    let_pass(query, 1000)
    assert ask(database, calls=50).calls == 10


def test_whoever_needs_all_of_several_calls_gets_all_or_none(database: Database, budget: Callable[..., None]) -> None:
    """A text message of three segments is not sent by a third."""
    budget(burst=5)
    assert ask(database, calls=3, at_least=3).calls == 3
    assert ask(database, calls=3, at_least=3).calls == 0
    assert ask(database, calls=2, at_least=2).calls == 2


def test_calls_that_were_not_made_are_given_back(database: Database, budget: Callable[..., None]) -> None:
    budget(burst=10, unit_cost=1, daily_cap=10)
    report_calls(database, ask(database, calls=10), CallReport(succeeded=3))
    assert ask(database, calls=10).calls == 7


def test_the_daily_cap_is_never_exceeded_whatever_was_not_reported(
    database: Database, budget: Callable[..., None], query: Query
) -> None:
    budget(unit_cost=Decimal("0.30"), daily_cap=Decimal("1.00"))
    assert ask(database, calls=10).calls == 3
    refused = ask(database)
    assert (refused.calls, refused.reason) == (0, "daily cap")
    assert refused.not_before is not None
    assert (refused.not_before.astimezone().utctimetuple()[3:5]) == (0, 0)  # midnight, UTC
    query("update vendors.budgets set spent_on = spent_on - 1")
    assert ask(database, calls=10).calls == 3


def test_a_call_that_is_not_billed_is_taken_off_the_day(database: Database, budget: Callable[..., None]) -> None:
    budget(unit_cost=Decimal("0.30"), daily_cap=Decimal("0.30"))
    report_calls(database, ask(database), CallReport(succeeded=1, cost=Decimal(0)))
    report_calls(database, ask(database), CallReport(succeeded=1))
    assert ask(database).reason == "daily cap"


def test_failures_in_a_row_open_the_breaker_and_a_success_closes_it_after_a_probe(
    database: Database, budget: Callable[..., None], query: Query
) -> None:
    budget(failures_to_open=3, pause_seconds=10)
    for report in (CallReport(failed=1), CallReport(failed=1), CallReport(succeeded=1), CallReport(failed=2)):
        report_calls(database, ask(database, calls=2), report)
    assert ask(database).calls == 1  # a success in between: two in a row only
    report_calls(database, ask(database), CallReport(failed=1))
    refused = ask(database)
    assert (refused.calls, refused.reason) == (0, "failing")
    assert 9 < refused.wait_seconds <= 10
    let_pass(query, 10)
    probe = ask(database, calls=5)
    assert (probe.calls, probe.is_probe) == (1, True)
    assert ask(database).calls == 0, "one probe at a time"
    report_calls(database, probe, CallReport(succeeded=1))
    assert ask(database, calls=5).calls == 5


def test_a_probe_that_fails_doubles_the_pause_up_to_the_longest(
    database: Database, budget: Callable[..., None], query: Query
) -> None:
    budget(failures_to_open=1, pause_seconds=10, longest_pause_seconds=35)
    pauses = []
    for _ in range(4):
        report_calls(database, ask(database), CallReport(failed=1))
        pauses.append(round(ask(database).wait_seconds))
        let_pass(query, 40)
    assert pauses == [10, 20, 35, 35]


def test_a_probe_that_never_answers_lets_another_one_through(
    database: Database, budget: Callable[..., None], query: Query
) -> None:
    """The process of the first one may have died."""
    budget(failures_to_open=1, pause_seconds=1, probe_seconds=30)
    report_calls(database, ask(database), CallReport(failed=1))
    let_pass(query, 2)
    assert ask(database).is_probe
    assert 29 < ask(database).wait_seconds <= 30
    let_pass(query, 30)
    assert ask(database).is_probe


def test_late_reports_of_earlier_calls_do_not_move_an_open_breaker(
    database: Database, budget: Callable[..., None]
) -> None:
    budget(failures_to_open=2, pause_seconds=10)
    earlier = [ask(database) for _ in range(4)]
    for permission in earlier[:2]:
        report_calls(database, permission, CallReport(failed=1))
    before = ask(database).not_before
    report_calls(database, earlier[2], CallReport(failed=1))
    report_calls(database, earlier[3], CallReport(succeeded=1))
    assert ask(database).not_before == before


def test_a_vendor_that_refuses_us_is_left_alone_for_the_longest_pause_at_once(
    database: Database, budget: Callable[..., None]
) -> None:
    budget(failures_to_open=5, pause_seconds=1, longest_pause_seconds=120, unit_cost=1, daily_cap=1)
    report_calls(database, ask(database), CallReport(failed=1, refused=True))
    refused = ask(database)
    assert refused.reason == "refused"
    assert 119 < refused.wait_seconds <= 120
    assert list_bills(database)[0].cost_today == 0, "a refusal is not billed"


@pytest.mark.parametrize(
    ("report", "seconds"),
    [
        (CallReport(limited=1, retry_after=17), 17),
        (CallReport(limited=1), 2),
        (CallReport(limited=1, reset_seconds=40, remaining=0), 40),
        (CallReport(succeeded=1, reset_seconds=40, remaining=0), 40),
        (CallReport(failed=1, retry_after=9), 9),
    ],
)
def test_the_vendor_s_own_words_are_heeded(
    database: Database, budget: Callable[..., None], report: CallReport, seconds: float
) -> None:
    budget(calls_per_second=10)
    report_calls(database, ask(database), report)
    refused = ask(database)
    assert refused.reason == "limited"
    assert seconds - 1 < refused.wait_seconds <= seconds


def test_a_shorter_word_does_not_end_a_longer_pause(database: Database, budget: Callable[..., None]) -> None:
    budget()
    permissions = [ask(database), ask(database)]
    report_calls(database, permissions[0], CallReport(limited=1, retry_after=60))
    report_calls(database, permissions[1], CallReport(limited=1, retry_after=1))
    assert ask(database).wait_seconds > 58


def test_what_the_vendor_says_is_left_empties_the_bucket_to_that(
    database: Database, budget: Callable[..., None]
) -> None:
    """Somebody else uses the same key."""
    budget(burst=100)
    report_calls(database, ask(database), CallReport(succeeded=1, remaining=7))
    assert ask(database, calls=100).calls == 7


def test_a_new_scope_has_the_limits_of_the_pattern_and_a_bucket_of_its_own(
    database: Database, budget: Callable[..., None], query: Query
) -> None:
    budget(scope="*", burst=1, failures_to_open=9)
    assert ask(database, scope="C1").calls == 1
    assert ask(database, scope="C1").calls == 0
    assert ask(database, scope="C2").calls == 1
    assert query("select scope, failures_to_open from vendors.budgets where vendor = 'acme' order by 1") == [
        ("*", 9), ("C1", 9), ("C2", 9),
    ]  # fmt: skip


def test_a_vendor_without_a_budget_is_a_fault_that_is_named(database: Database) -> None:
    with pytest.raises(PermanentError, match="no budget for nobody"):
        ask_vendor(database, "nobody")
    with pytest.raises(PermanentError, match="no budget for google x"):
        ask_vendor(database, "google", scope="x")


def test_a_call_that_another_transaction_takes_meanwhile_is_not_granted_twice(
    database: Database, database_url: str, budget: Callable[..., None]
) -> None:
    """Read, then written, would grant it twice: the update sees the row as it is when its turn comes."""
    budget(burst=3)
    with ThreadPoolExecutor(1) as pool:
        with database.transaction() as transaction:
            first = transaction.row("take_calls", vendor="acme", scope="", calls=2, at_least=1, cost=None)
            other = pool.submit(take, database_url)
            time.sleep(0.5)
            assert not other.done()
        assert first is not None
        assert (first["calls"], other.result()) == (2, 1)


def take(url: str) -> int:
    with Database(url) as database:
        return ask(database, calls=2).calls


def test_one_call_within_a_budget_is_reported_by_what_it_raises(
    database: Database, budget: Callable[..., None], query: Query
) -> None:
    budget(failures_to_open=2, unit_cost=1)
    with within_budget(database, "acme"):
        pass
    for error in (PermanentError("no such person"), TransientError("away"), LimitedError("too many", retry_after=0)):
        with pytest.raises(type(error)), within_budget(database, "acme"):
            raise error
    assert query("select calls, failed, limited, cost from vendors.usage") == [(4, 1, 1, 2)]
    with pytest.raises(RefusedError), within_budget(database, "acme"):
        raise RefusedError("the key is wrong")
    with pytest.raises(TransientError, match="refused") as caught, within_budget(database, "acme"):
        raise AssertionError("the body must not run")
    assert (caught.value.retry_after or 0) > 100


def test_every_vendor_of_the_design_has_a_budget_with_a_known_limit(database: Database) -> None:
    vendors = {bill.vendor for bill in list_bills(database)}
    assert vendors >= {"google", "clearbit", "pdl", "slack", "followupboss", "hubspot", "twilio", "smtp", "anthropic"}
    assert "openai" in vendors


def test_four_processes_on_one_budget_neither_exceed_it_nor_waste_it(database_url: str) -> None:
    """The short form; `python -m leadflow_pipeline.bench.vendor_budgets` measures a minute at 50 a second."""
    drawn = draw_from_one_budget(database_url, processes=4, calls_per_second=50, burst=25, seconds=5)
    assert drawn.granted <= drawn.allowed
    assert drawn.granted >= 0.9 * 50 * 5
