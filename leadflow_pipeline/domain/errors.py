"""The two kinds of failure: trying again can help, or it cannot. Beside them, an item that held up others.

An adapter decides which one it is, once, at the edge, and keeps the cause. Whatever stands above
only asks for the kind: Dagster retries the transient ones, the receiver answers 503 or 500.
"""


class PermanentError(Exception):
    """Trying again gives the same answer; somebody has to change something. The message says what."""


class TransientError(Exception):
    """The other side was busy, slow or away; trying again later can help. The message says what was tried.

    `retry_after`: seconds that the other side asked us to wait, where it did. `may_have_acted`: the other side may
    have done what was asked although its answer did not come; whoever tries again has to look first.
    """

    def __init__(self, message: str, *, retry_after: float | None = None, may_have_acted: bool = False) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        self.may_have_acted = may_have_acted


class BadRowsError(PermanentError):
    """The database refuses what some of the rows hold. Without them the others can be written."""


class StoppedError(Exception):
    """One of several items was stopped, so that the others could go on. The message says why: "took longer than …"."""
