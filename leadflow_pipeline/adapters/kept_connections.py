"""Connections that are kept in a pool and asked for a sign of life only after a rest.

SQLAlchemy's own `pool_pre_ping` asks before each use, which doubles the statements of whoever makes many short ones.
"""

import time
from typing import Any

import sqlalchemy
from sqlalchemy import event, exc

# A server that was restarted is noticed before the next use of a connection that has rested for so long.
SECONDS_OF_REST = 2.0


def ping_after_rest(engine: sqlalchemy.Engine) -> None:
    """Have the engine's pool throw away connections that do not answer any more after a rest."""

    @event.listens_for(engine, "checkin")
    def note_rest(connection: Any, record: Any) -> None:  # noqa: ARG001
        record.info["rests_since"] = time.monotonic()

    @event.listens_for(engine, "checkout")
    def ping(connection: Any, record: Any, proxy: Any) -> None:  # noqa: ARG001
        if time.monotonic() - record.info.get("rests_since", time.monotonic()) < SECONDS_OF_REST:
            return
        try:
            engine.dialect.do_ping(connection)
        except engine.dialect.dbapi.Error as error:  # type: ignore[union-attr]
            # The pool tries the next connection, and makes a new one where none is left.
            raise exc.DisconnectionError("the connection has ended while it rested") from error
