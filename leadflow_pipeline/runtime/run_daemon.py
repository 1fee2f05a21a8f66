"""`dagster-daemon run` with a warm forkserver: `python -m leadflow_pipeline.runtime.run_daemon`, same arguments.

Dagster makes its run launcher only when the first run is launched; without this the first lead would wait for
the forkserver's imports.
"""

import sys

from leadflow_pipeline.runtime.forkserver import warm_up_soon


def main() -> None:
    """Dagster's own daemon, until it is told to end."""
    warm_up_soon()
    from dagster._daemon.cli import main as run_dagster_daemon

    sys.argv = ["dagster-daemon", "run", *sys.argv[1:]]
    run_dagster_daemon()


if __name__ == "__main__":
    main()
