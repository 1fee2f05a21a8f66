"""How often Dagster's daemon and webserver ask the code server whether it is still the same one.

Every second by themselves, each time over a new connection and through the code server's proxy, which at rest is a
tenth of all that the stack costs (decision 0072). The constant is Dagster's own and has no setting.
"""

SECONDS_BETWEEN_LOOKS = 3.0


def watch_less_often() -> None:
    """In this process; called before Dagster begins to watch."""
    from dagster._grpc import server_watcher

    server_watcher.WATCH_INTERVAL = SECONDS_BETWEEN_LOOKS  # type: ignore[assignment]
