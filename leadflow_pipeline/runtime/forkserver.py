"""The process that runs are forked from: it has imported the libraries that every run needs, and nothing of ours.

One per launching process. What this project does is never preloaded, or a run would see it as it was at the start.
"""

import multiprocessing
import threading
import time
from multiprocessing.context import ForkServerContext, ForkServerProcess
from typing import Any

# Importing these takes a fresh process 4 to 8 s on a busy core (`python -X importtime -c "import dagster"` and so on).
LIBRARIES = [
    "dagster",
    "dagster._cli.api",
    "dagster_postgres",
    "leadflow_pipeline.runtime.warm_libraries",
    "sqlalchemy.dialects.postgresql.psycopg2",
    "psycopg2.errorcodes",
    "psycopg2.extras",
    "aiosql",
    "imapclient",
    "requests",
    "mailparser",
    "phonenumbers",
    "nameparser.config.maiden_markers",
    "usaddress",
    "email_validator",
    "googlemaps",
    "slack_sdk.web.client",
    "slack_sdk.signature",
    "jinja2.sandbox",
    "email.headerregistry",
    "statistics",
    "selectolax.lexbor",
    "rapidfuzz",
    "pydantic_settings",
    "yaml",
]
# Its imports would take the core that a starting stack needs itself; a run that comes earlier brings them forward.
SECONDS_BEFORE_WARM_UP = 8.0
SECONDS_TO_WARM_UP = 60.0


def fork_process(target: Any, *arguments: str) -> ForkServerProcess:
    """Start `target` in a process forked from the forkserver, which is started first where it is not running."""
    context: ForkServerContext = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(LIBRARIES)
    process = context.Process(target=target, args=arguments)
    process.start()
    return process


def warm_up_soon() -> None:
    """Have the forkserver ready a few seconds from now, without waiting for it."""

    def warm_up() -> None:
        time.sleep(SECONDS_BEFORE_WARM_UP)
        fork_process(end_at_once).join(SECONDS_TO_WARM_UP)

    threading.Thread(target=warm_up, name="forkserver warm-up", daemon=True).start()


def end_at_once() -> None:
    """Body of the process whose only use is that the forkserver has to be there first."""
