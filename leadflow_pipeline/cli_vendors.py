"""The vendors' part of `leadflow status`: calls, cache hits, money, breakers, and what is still awaited."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from rich.table import Table

if TYPE_CHECKING:
    from leadflow_pipeline.domain.vendor_budgets import VendorBill
    from leadflow_pipeline.stages.late_enrichment import WaitingForVendor
    from leadflow_pipeline.stages.store import Store


def describe_vendors(store: "Store") -> list[Table | str]:
    """What to print about the vendors: nothing as long as none was ever asked."""
    from leadflow_pipeline.stages.late_enrichment import list_waiting
    from leadflow_pipeline.stages.vendor_budgets import list_bills

    return lay_out_vendors(list_bills(store), list_waiting(store), datetime.now(UTC).date())


def lay_out_vendors(
    bills: "Sequence[VendorBill]", waiting: "Sequence[WaitingForVendor]", today: date
) -> list[Table | str]:
    """A table with a row for each vendor that has been asked this month or does not answer, and the month's bill."""
    from leadflow_pipeline.domain.vendor_budgets import project_month

    waits = {each.vendor: each for each in waiting}
    rows = [
        bill
        for bill in bills
        if bill.calls_this_month or bill.cache_hits_this_month or bill.breaker != "closed" or bill.vendor in waits
    ]
    if not rows:
        return []
    table = Table("vendor", "calls", "failed", "from cache", "cost today", "this month", "breaker", "awaited", box=None)
    for bill in rows:
        awaited = waits.get(bill.vendor)
        table.add_row(
            f"{bill.vendor} {bill.scope}".strip(),
            str(bill.calls_today),
            str(bill.failed_today),
            str(bill.cache_hits_today),
            _money(bill.cost_today) + (f" of {_money(bill.daily_cap)}" if bill.daily_cap is not None else ""),
            _money(bill.cost_this_month),
            bill.breaker + (f" ({bill.open_reason})" if bill.open_reason else ""),
            (f"{awaited.waiting} leads" + (f", {awaited.given_up} given up" if awaited.given_up else ""))
            if awaited
            else "-",
        )
    return [table, f"This month's bill, if it goes on like this: {_money(project_month(bills, today))}."]


def _money(dollars: Decimal) -> str:
    return f"${dollars:,.2f}"
