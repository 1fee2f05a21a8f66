"""`dagster-webserver`, watching the code server less often: `python -m leadflow_pipeline.runtime.run_webserver`.

Same arguments; nothing else is different.
"""

import sys

from leadflow_pipeline.runtime.server_watch import watch_less_often


def main() -> None:
    """Dagster's own webserver, until it is told to end."""
    watch_less_often()
    from dagster_webserver.cli import main as run_dagster_webserver

    sys.argv[0] = "dagster-webserver"
    run_dagster_webserver()  # type: ignore[no-untyped-call]


if __name__ == "__main__":
    main()
