"""What may be asked of a vendor, and what came of it: the values that budgets are spoken of in, and plain arithmetic.

The decision itself is one conditional update (`stages.vendor_budgets`); money is in US dollars, time in seconds.
"""

import calendar
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Literal

from leadflow_pipeline.domain.errors import PermanentError, TransientError

# How long to leave a vendor alone that says "too many" without saying for how long.
LIMITED_PAUSE_SECONDS = 2.0

Reason = Literal["rate", "daily cap", "limited", "failing", "refused"]
Breaker = Literal["closed", "open", "half-open"]


class RefusedError(PermanentError):
    """A vendor wants no call of ours until a person acts: key, billing or quota. The message says which."""


class LimitedError(TransientError):
    """A vendor says "too many"; it works, and takes calls again after `retry_after` seconds."""


@dataclass(frozen=True, kw_only=True)
class Permission:
    """An answer to "may I call?": `calls` may be made now, or none before `not_before`.

    Each permission with calls is reported exactly once, whatever came of them.
    """

    vendor: str
    scope: str
    calls: int  # 0: refused
    unit_cost: Decimal  # dollars reserved for each call
    not_before: datetime | None = None  # by the database's clock; set when refused
    wait_seconds: float = 0.0  # from the refusal until then
    reason: Reason | None = None  # set when refused
    is_probe: bool = False  # the one call that tells whether a failing vendor works again


@dataclass(frozen=True, kw_only=True)
class CallReport:
    """What came of the calls of one permission. Calls it does not name were not made and are given back.

    A "no such record" is a success: the vendor works. `limited` are answers that said "too many" (429).
    """

    succeeded: int = 0
    failed: int = 0  # errors and time-outs: what a breaker counts
    limited: int = 0
    refused: bool = False  # the vendor wants no more until a person acts: key, billing, quota
    cost: Decimal | None = None  # dollars billed; None: every call made costs what was reserved for it
    retry_after: float | None = None  # seconds, as the vendor said
    remaining: int | None = None  # calls left in the vendor's own window, as its headers say
    reset_seconds: float | None = None  # until that window is over

    @property
    def made(self) -> int:
        """Calls that went out; a refused one counts among `failed`."""
        return self.succeeded + self.failed + self.limited


@dataclass(frozen=True, kw_only=True)
class VendorBill:
    """A budget as it stands, for people."""

    vendor: str
    scope: str
    calls_per_second: float
    burst: float
    unit_cost: Decimal
    daily_cap: Decimal | None
    breaker: Breaker
    open_reason: str | None
    not_before: datetime | None
    calls_today: int
    failed_today: int
    cache_hits_today: int
    cost_today: Decimal
    calls_this_month: int
    cache_hits_this_month: int
    cost_this_month: Decimal
    first_day: date | None  # this month's first day with a call


def report_error(error: Exception) -> CallReport:
    """What a budget is told when its one call raised `error`. A plain permanent error is an answer.

    An error is billed only when the vendor may have done its work and the answer was lost.
    """
    if isinstance(error, RefusedError):
        return CallReport(failed=1, refused=True)
    if isinstance(error, LimitedError):
        return CallReport(limited=1, retry_after=error.retry_after)
    if isinstance(error, PermanentError):
        return CallReport(succeeded=1)
    may_be_billed = getattr(error, "may_have_acted", True)
    return CallReport(
        failed=1, retry_after=getattr(error, "retry_after", None), cost=None if may_be_billed else Decimal(0)
    )


def pause_after(report: CallReport) -> float:
    """Seconds to leave the vendor alone; 0 when it may be asked on."""
    if report.retry_after is not None:
        return max(0.0, report.retry_after)
    if report.limited or report.remaining == 0:
        return max(0.0, report.reset_seconds) if report.reset_seconds is not None else LIMITED_PAUSE_SECONDS
    return 0.0


def cost_of(permission: Permission, report: CallReport) -> Decimal:
    """What the permission's calls cost. A refusal or "too many" is not billed."""
    if report.cost is not None:
        return report.cost
    billed = report.succeeded + (0 if report.refused else report.failed)
    return permission.unit_cost * billed


def project_month(bills: Iterable[VendorBill], today: date) -> Decimal:
    """This month's bill if it goes on as it has since its first day with calls. One scope of each vendor counts."""
    once = {bill.vendor: bill for bill in bills}
    days_in_month = calendar.monthrange(today.year, today.month)[1]
    projected = Decimal(0)
    for bill in once.values():
        if bill.first_day is None:
            continue
        seen = (today - bill.first_day).days + 1
        left = days_in_month - today.day
        projected += bill.cost_this_month + bill.cost_this_month / seen * left
    return projected.quantize(Decimal("0.01"))
