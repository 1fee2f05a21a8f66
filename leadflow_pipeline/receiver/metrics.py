"""What Prometheus is told about posts: how many were accepted, refused and why, and how long they took.

Labels are names of sources and reasons of ours, never a word of a sender's: their number stays small.
"""

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from leadflow_pipeline.domain.webhook_sources.registry import SOURCES

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4
REASONS = {
    400: "unreadable",
    401: "origin",
    404: "unknown_source",
    408: "slow",
    413: "too_large",
    415: "content_type",
    422: "fields",
    429: "quota",
    500: "fault",
    503: "cannot_store",
}
_SECONDS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10)


class Metrics:
    """The figures of one receiver process."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._accepted = Counter(
            "leadflow_posts_accepted", "Posts answered with a 2xx.", ["source", "is_repeat"], registry=self._registry
        )
        self._refused = Counter(
            "leadflow_posts_refused", "Posts that were refused.", ["source", "reason"], registry=self._registry
        )
        self._seconds = Histogram(
            "leadflow_post_seconds",
            "From the head of a post to its answer.",
            ["source"],
            registry=self._registry,
            buckets=_SECONDS,
        )
        self._clicks = Counter(
            "leadflow_clicks", "Clicks in Slack, by what they came to.", ["outcome"], registry=self._registry
        )
        self._click_seconds = Histogram(
            "leadflow_click_seconds",
            "From the head of a click to its answer.",
            registry=self._registry,
            buckets=_SECONDS,
        )

    def note(self, source: str, status: int, seconds: float) -> None:
        """Count one post by the status of its answer."""
        name = source if source in SOURCES else "unknown"
        if status < 300:
            self._accepted.labels(name, "yes" if status == 200 else "no").inc()
        else:
            self._refused.labels(name, REASONS.get(status, "other")).inc()
        self._seconds.labels(name).observe(seconds)

    def note_click(self, outcome: str, seconds: float) -> None:
        """Count one click in Slack by what it came to."""
        self._clicks.labels(outcome).inc()
        self._click_seconds.observe(seconds)

    def text(self) -> bytes:
        """The figures as Prometheus reads them."""
        return generate_latest(self._registry)
