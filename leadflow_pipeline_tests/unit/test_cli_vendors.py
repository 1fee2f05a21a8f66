"""The vendors' part of `leadflow status`."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

from rich.console import Console

from leadflow_pipeline.cli_vendors import lay_out_vendors
from leadflow_pipeline.domain.vendor_budgets import VendorBill
from leadflow_pipeline.stages.late_enrichment import WaitingForVendor

QUIET = VendorBill(
    vendor="slack", scope="", calls_per_second=1, burst=1, unit_cost=Decimal(0), daily_cap=None, breaker="closed",
    open_reason=None, not_before=None, calls_today=0, failed_today=0, cache_hits_today=0, cost_today=Decimal(0),
    calls_this_month=0, cache_hits_this_month=0, cost_this_month=Decimal(0), first_day=None,
)  # fmt: skip
BUSY = replace(
    QUIET, vendor="google", daily_cap=Decimal(25), breaker="open", open_reason="refused", calls_today=200,
    cache_hits_today=17, cost_today=Decimal("1.00"), calls_this_month=1_000, cost_this_month=Decimal("5.00"),
    first_day=date(2026, 11, 1),
)  # fmt: skip


def printed(*parts: object) -> str:
    console = Console(width=160)
    with console.capture() as capture:
        for part in parts:
            console.print(part)
    return capture.get()


def test_a_vendor_shows_calls_money_breaker_and_who_waits_for_it() -> None:
    waiting = [WaitingForVendor(vendor="google", waiting=3, given_up=1)]
    text = printed(*lay_out_vendors([QUIET, BUSY], waiting, date(2026, 11, 10)))
    for figure in (
        "google",
        "200",
        "17",
        "$1.00 of $25.00",
        "$5.00",
        "open (refused)",
        "3 leads, 1 given up",
        "$15.00",
    ):
        assert figure in text
    assert "slack" not in text


def test_nothing_is_said_of_vendors_that_were_never_asked() -> None:
    assert lay_out_vendors([QUIET], [], date(2026, 11, 10)) == []
