"""How many posts each source may send: a bucket of tokens per source, in this process alone.

It keeps one sender gone mad from taking the place of the others. The whole of a minute may come at once, as
portals do send in bursts.
"""

from collections.abc import Callable


class Quota:
    """The buckets. Not shared between processes: two receivers let in twice as much."""

    def __init__(self, per_minute: int, clock: Callable[[], float]) -> None:
        self._limit = float(per_minute)
        self._per_second = per_minute / 60
        self._clock = clock
        self._buckets: dict[str, tuple[float, float]] = {}

    def take(self, source: str) -> float:
        """Take a token. 0: there was one; else the seconds until there is."""
        now = self._clock()
        tokens, counted_at = self._buckets.get(source, (self._limit, now))
        tokens = min(self._limit, tokens + (now - counted_at) * self._per_second)
        is_there = tokens >= 1
        self._buckets[source] = (tokens - 1 if is_there else tokens, now)
        return 0.0 if is_there else (1 - tokens) / self._per_second
