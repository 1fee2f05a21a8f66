"""Asks budgets for permission and tells them what came of it; several processes may do so at once.

    permission = ask_vendor(store, "google", calls=8)
    if not permission.calls: come back at permission.not_before, without holding anything
    else: make at most that many calls, then report_calls(store, permission, CallReport(succeeded=…, failed=…))

or, for one call, `with within_budget(store, "slack", scope=channel): …`. Each question and each report is one short
transaction: nothing is held while a vendor is asked. The rules of the decision stand in
`sql/migrations/0020_vendor_budgets.sql`, the limits in the table `vendors.budgets`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal

from leadflow_pipeline.domain.errors import PermanentError, TransientError
from leadflow_pipeline.domain.vendor_budgets import (
    CallReport,
    Permission,
    VendorBill,
    cost_of,
    pause_after,
    report_error,
)
from leadflow_pipeline.stages.store import Store, StoreTransaction


def ask_vendor(
    store: Store, vendor: str, *, scope: str = "", calls: int = 1, at_least: int = 1, cost: Decimal | None = None
) -> Permission:
    """Permission for up to `calls` calls, or for none when fewer than `at_least` may be made now.

    `cost` is what each may cost in dollars, the budget's own figure by default. An unknown scope gets the limits of
    the vendor's pattern `*`. Raises `PermanentError` when there is no such budget.
    """
    with store.transaction() as transaction:
        return ask_within(transaction, vendor, scope=scope, calls=calls, at_least=at_least, cost=cost)


def ask_within(
    transaction: StoreTransaction,
    vendor: str,
    *,
    scope: str = "",
    calls: int = 1,
    at_least: int = 1,
    cost: Decimal | None = None,
) -> Permission:
    """`ask_vendor` within a transaction of the caller's, which has to be short: it holds the budget's row."""
    asked = {"vendor": vendor, "scope": scope, "at_least": at_least, "cost": cost}
    granted = transaction.row("take_calls", **asked, calls=calls)
    refusal = None if granted else transaction.row("explain_refusal", **asked)
    if granted is None and refusal is None:
        transaction.execute("make_scope", vendor=vendor, scope=scope)
        granted = transaction.row("take_calls", **asked, calls=calls)
        refusal = None if granted else transaction.row("explain_refusal", **asked)
    if granted is not None:
        return Permission(vendor=vendor, scope=scope, **granted)
    if refusal is None:
        raise PermanentError(f"There is no budget for {vendor} {scope}".rstrip() + " in vendors.budgets.")
    return Permission(vendor=vendor, scope=scope, calls=0, unit_cost=cost or Decimal(0), **refusal)


def report_calls(store: Store, permission: Permission, report: CallReport) -> None:
    """Settle a permission: book what its calls cost, move the breaker, heed what the vendor said of its limits.

    What is never reported, because the process died, stays booked in the daily money: it may have been billed.
    """
    with store.transaction() as transaction:
        write_report(transaction, permission, report)


def write_report(transaction: StoreTransaction, permission: Permission, report: CallReport) -> None:
    """`report_calls` within a transaction of the caller's, so that an answer and its cost are kept together."""
    cost = cost_of(permission, report)
    transaction.execute(
        "settle_calls",
        vendor=permission.vendor,
        scope=permission.scope,
        unused=max(0, permission.calls - report.made),
        refund=permission.unit_cost * permission.calls - cost,
        failed=report.failed,
        succeeded=report.succeeded,
        refused=report.refused,
        pause_seconds=pause_after(report),
        remaining=report.remaining,
    )
    if report.made:
        transaction.execute(
            "book_usage",
            vendor=permission.vendor,
            calls=report.made,
            failed=report.failed,
            limited=report.limited,
            cache_hits=0,
            cost=cost,
        )


def note_cache_hits(transaction: StoreTransaction, vendor: str, hits: int) -> None:
    """Count what a cache answered in a vendor's place."""
    if hits:
        transaction.execute("book_usage", vendor=vendor, calls=0, failed=0, limited=0, cache_hits=hits, cost=0)


def list_bills(store: Store) -> list[VendorBill]:
    """Every budget as it stands."""
    with store.transaction() as transaction:
        return [VendorBill(**row) for row in transaction.rows("list_budgets")]


@contextmanager
def within_budget(store: Store, vendor: str, *, scope: str = "", cost: Decimal | None = None) -> Iterator[None]:
    """The body makes one call; what it raises is reported, then goes on.

    Raises `TransientError` with `retry_after` and without running the body when the budget does not allow the call.
    """
    permission = ask_vendor(store, vendor, scope=scope, cost=cost)
    if not permission.calls:
        raise TransientError(
            f"The budget of {vendor} allows no call now ({permission.reason}).", retry_after=permission.wait_seconds
        )
    try:
        yield
    except Exception as error:
        report_calls(store, permission, report_error(error))
        raise
    report_calls(store, permission, CallReport(succeeded=1))
