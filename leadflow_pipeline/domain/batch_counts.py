"""How many runs to start, by what waits and what is under way. A run works on one batch.

Counting and starting happen elsewhere; here only the decision.
"""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class BatchCounts:
    """The state of the queue at one moment."""

    waiting: int  # batches that nobody holds
    at_work: int  # runs that hold one
    awaited: int  # runs that were asked for and have not begun; each will take what waits then
    overdue: int  # of those, runs that should have begun by now and are not relied on any more

    def free_places(self, most: int) -> int:
        """How many more runs may be started, when `most` may work at a time; never below 0."""
        return max(0, most - self.at_work - self.awaited)

    def runs_to_start(self, most: int, *, has_ended_claims: bool, has_waiting_leads: bool) -> int:
        """How many runs to start now.

        Ended offers and leads that wait for an agent are taken along by any run, so an awaited one suffices. An offer
        that has ended gets a run of its own beyond `most` when none is awaited: its lead has seconds left.
        """
        relied_on = self.awaited - self.overdue
        free = self.free_places(most)
        runs = min(free, max(0, self.waiting - relied_on))
        if runs or relied_on:
            return runs
        return int(has_ended_claims or (has_waiting_leads and free > 0))
