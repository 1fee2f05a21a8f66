"""`dagster-daemon run` with a warm project: `python -m leadflow_pipeline.runtime.run_daemon`, same arguments.

Dagster makes its run launcher only when the first run is launched; without this the first lead would wait for
all imports. Only the daemon starts runs by the second; the webserver's few start the long way.

Dagster's daemon also reads the whole repository anew every minute, 1 % of a core; here every four. A code server
that was reloaded or restarted is noticed at once, by a thread that watches it; the reading is only a second net.
A watch whose tick has ended is looked at without the pause of 5 s (`prompt_sensors`).
"""

import sys
import threading
import time

from leadflow_pipeline.runtime.server_watch import watch_less_often
from leadflow_pipeline.runtime.warm_project import warm_project

# Its imports would take the core that a starting stack needs itself; a run that comes earlier brings them forward.
SECONDS_BEFORE_WARM_UP = 8.0
# Below the 300 seconds after which the daemon gives up on a repository that it cannot read.
SECONDS_BETWEEN_RELOADS = 240


def warm_up_soon() -> None:
    """Have the project ready to fork from a few seconds from now, without waiting for it."""

    def warm_up() -> None:
        time.sleep(SECONDS_BEFORE_WARM_UP)
        warm_project.prepare()

    threading.Thread(target=warm_up, name="warm-up", daemon=True).start()


def keep_prompt_watch() -> None:
    """Have Dagster's daemon look again as soon as the tick of a watch has ended."""
    from dagster._daemon import controller

    from leadflow_pipeline.runtime.prompt_sensors import PromptSensorDaemon

    controller.SensorDaemon = PromptSensorDaemon  # type: ignore[attr-defined]


def main() -> None:
    """Dagster's own daemon, until it is told to end."""
    warm_up_soon()
    watch_less_often()
    keep_prompt_watch()
    from dagster._daemon import controller
    from dagster._daemon.cli import main as run_dagster_daemon

    controller.RELOAD_WORKSPACE_INTERVAL = SECONDS_BETWEEN_RELOADS
    sys.argv = ["dagster-daemon", "run", *sys.argv[1:]]
    run_dagster_daemon()


if __name__ == "__main__":
    main()
