"""The process that runs are forked from: it has imported the libraries that every run needs, and nothing of ours.

One per launching process. What this project does is never preloaded, or a run would see it as it was at the start.
"""

import multiprocessing
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


def fork_process(target: Any, *arguments: Any) -> ForkServerProcess:
    """Start `target` in a process forked from the forkserver, which is started first where it is not running."""
    context: ForkServerContext = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(LIBRARIES)
    process = context.Process(target=target, args=arguments)
    process.start()
    return process
