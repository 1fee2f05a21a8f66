"""The arithmetic around budgets: pauses, costs, the month's bill."""

from datetime import date
from decimal import Decimal

import pytest

from leadflow_pipeline.domain.errors import PermanentError, TransientError
from leadflow_pipeline.domain.vendor_budgets import (
    CallReport,
    LimitedError,
    Permission,
    RefusedError,
    VendorBill,
    cost_of,
    project_month,
    report_error,
)

PERMISSION = Permission(vendor="acme", scope="", calls=5, unit_cost=Decimal("0.10"))
BILL = VendorBill(
    vendor="acme", scope="", calls_per_second=1, burst=1, unit_cost=Decimal("0.1"), daily_cap=None, breaker="closed",
    open_reason=None, not_before=None, calls_today=0, failed_today=0, cache_hits_today=0, cost_today=Decimal(0),
    calls_this_month=0, cache_hits_this_month=0, cost_this_month=Decimal(30), first_day=date(2026, 11, 1),
)  # fmt: skip


@pytest.mark.parametrize(
    ("report", "cost"),
    [
        (CallReport(succeeded=3), "0.30"),
        (CallReport(succeeded=1, failed=2), "0.30"),
        (CallReport(limited=2), "0"),
        (CallReport(failed=1, refused=True), "0"),
        (CallReport(succeeded=2, cost=Decimal("0.10")), "0.10"),
    ],
)
def test_a_refusal_and_too_many_cost_nothing(report: CallReport, cost: str) -> None:
    assert cost_of(PERMISSION, report) == Decimal(cost)


def test_an_error_is_billed_only_when_the_vendor_may_have_done_its_work() -> None:
    assert cost_of(PERMISSION, report_error(TransientError("down"))) == 0
    assert cost_of(PERMISSION, report_error(TransientError("no answer", may_have_acted=True))) == Decimal("0.10")
    assert cost_of(PERMISSION, report_error(PermanentError("no such person"))) == Decimal("0.10")
    assert cost_of(PERMISSION, report_error(LimitedError("too many"))) == 0
    assert cost_of(PERMISSION, report_error(RefusedError("key"))) == 0


def test_the_month_is_projected_from_its_days_with_calls() -> None:
    assert project_month([BILL], date(2026, 11, 10)) == Decimal("90.00")
    assert project_month([BILL], date(2026, 11, 30)) == Decimal("30.00")


def test_a_vendor_s_scopes_share_one_bill() -> None:
    other = VendorBill(**{**BILL.__dict__, "scope": "C1"})
    assert project_month([BILL, other], date(2026, 11, 30)) == Decimal("30.00")


def test_a_month_without_calls_costs_nothing() -> None:
    assert project_month([VendorBill(**{**BILL.__dict__, "first_day": None, "cost_this_month": Decimal(0)})],
                         date(2026, 11, 3)) == 0  # fmt: skip
