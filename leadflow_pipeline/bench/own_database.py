"""A database of its own for a measurement without a stack: embedded server, our tables, dbt's models, sample agents.

And the vendors' stand-ins beside it, where the stages are to ask them.
"""

import multiprocessing
import shutil
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from pathlib import Path

from leadflow_pipeline.adapters.database import Database
from leadflow_pipeline.adapters.migrations import apply_migrations
from leadflow_pipeline.bench.own_stack import find_free_ports
from leadflow_pipeline.runtime.dbt import build_if_changed
from leadflow_pipeline.runtime.postgres import embedded_url, start_embedded, stop_embedded
from leadflow_pipeline.runtime.stack import SAMPLE_AGENTS_FILE
from leadflow_pipeline.settings import Settings
from leadflow_pipeline.stages.agents import import_agents, read_agents


@contextmanager
def run_own_database() -> Iterator[tuple[str, Settings]]:
    """Its address, and the default settings with a home and a sandbox port of their own; nothing is left behind."""
    # Not below a folder that is closed to others: as root, the embedded PostgreSQL runs as a user of its own.
    home = Path(tempfile.mkdtemp(prefix="leadflow-bench-"))
    settings = Settings(_env_file=None, home=home, sandbox_port=find_free_ports(1)[0])  # type: ignore[call-arg]
    server = start_embedded(home)
    try:
        url = embedded_url(server)
        apply_migrations(url)
        build_if_changed(url, home / "dbt")
        with Database(url, pool_size=1) as database:
            import_agents(database, read_agents(SAMPLE_AGENTS_FILE.read_text(), region=settings.default_region))
        yield url, settings
    finally:
        stop_embedded(server)
        shutil.rmtree(home, ignore_errors=True)


@contextmanager
def serve_stand_ins(settings: Settings) -> Iterator[None]:
    """The sandbox's vendors in a process of their own, on the settings' port."""
    server = multiprocessing.get_context("forkserver").Process(target=_serve, args=(settings.sandbox_port,))
    server.start()
    try:
        _wait_until_it_answers(f"{settings.sandbox_url}/", server)
        yield
    finally:
        server.terminate()
        server.join()


def _serve(port: int) -> None:
    sys.argv = ["vendor_server", "--port", str(port)]
    from leadflow_pipeline.sandbox.vendor_server import main

    main()


def _wait_until_it_answers(address: str, server: BaseProcess) -> None:
    while server.is_alive():
        try:
            with urllib.request.urlopen(address, timeout=2):
                return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError("The stand-ins ended before they answered.")
