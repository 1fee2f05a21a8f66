"""How a stand-in is made to behave, and what it was asked: the state behind `/_control` and `/_calls`.

Belongs here: the settings, the verdict on each call, the log. Does not belong here: HTTP (`vendor_server.py`).
"""

import random
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

WINDOW_SECONDS = 60.0
CALLS_KEPT = 100_000

Failure = Literal["error", "limit", "hang"]
Verdict = Literal["answer", "down", "limited", "error", "hang"]


class Behaviour(BaseModel):
    """What `POST /_control/{vendor}` takes; what is not named stays as it is."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    latency_ms: float = Field(default=0, ge=0, le=600_000)
    failure_rate: float = Field(default=0, ge=0, le=1)
    # How calls fail, by turns of chance: a server error, a rate limit, or an answer that never comes to a call that
    # the vendor has carried out.
    failures: tuple[Failure, ...] = Field(default=("error",), min_length=1)
    hang_seconds: float = Field(default=30, ge=0, le=600)
    down: bool = False
    limit_per_minute: int | None = Field(default=None, ge=0)


@dataclass
class Call:
    """One call as it came."""

    method: str
    path: str
    query: dict[str, str]
    body: Any
    received_at: str = field(default_factory=lambda: datetime.now(UTC).isoformat())
    verdict: Verdict | None = None
    status: int | None = None  # None until it is answered


@dataclass
class Control:
    """One vendor's behaviour, its calls of the last minute and its log. Lives in one event loop."""

    behaviour: Behaviour
    calls: deque[Call] = field(default_factory=lambda: deque(maxlen=CALLS_KEPT))
    _answered_at: deque[float] = field(default_factory=deque)
    # The same seed for every start, so that a failing test fails again.
    _chance: random.Random = field(default_factory=lambda: random.Random(0))

    def judge(self, now: float) -> Verdict:
        """What becomes of a call that comes now; `now` in seconds of a steady clock."""
        if self.behaviour.down:
            return "down"
        limit = self.behaviour.limit_per_minute
        if limit is not None and self._count(now) >= limit:
            return "limited"
        if self._chance.random() < self.behaviour.failure_rate:
            failure = self._chance.choice(self.behaviour.failures)
            return "limited" if failure == "limit" else failure
        self._answered_at.append(now)
        return "answer"

    def remaining(self, now: float) -> int:
        """How many more calls the limit allows now; only asked where there is one."""
        return max(0, (self.behaviour.limit_per_minute or 0) - self._count(now))

    def seconds_to_reset(self, now: float) -> int:
        """Whole seconds until a call that is refused now would be taken; at least 1. Without a limit, by chance: 1."""
        if not self._answered_at or self.behaviour.limit_per_minute is None:
            return 1
        return max(1, int(self._answered_at[0] + WINDOW_SECONDS - now) + 1)

    def _count(self, now: float) -> int:
        while self._answered_at and self._answered_at[0] <= now - WINDOW_SECONDS:
            self._answered_at.popleft()
        return len(self._answered_at)
