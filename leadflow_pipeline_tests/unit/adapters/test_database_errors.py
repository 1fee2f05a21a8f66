"""Which of the driver's errors another try can cure, where the server gave no code."""

import psycopg2
import pytest

from leadflow_pipeline.adapters.database import Transaction
from leadflow_pipeline.domain.errors import PermanentError, TransientError


class Broken:
    """A connection whose every statement ends like this."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def cursor(self, **_: object) -> object:
        raise self._error


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (psycopg2.OperationalError("server closed the connection unexpectedly"), TransientError),
        (psycopg2.InterfaceError("connection already closed"), TransientError),
        (psycopg2.DatabaseError("server closed the connection unexpectedly"), TransientError),
        (psycopg2.ProgrammingError("the last operation did not produce a result"), PermanentError),
    ],
)
def test_a_connection_that_broke_is_worth_another_try(error: Exception, kind: type[Exception]) -> None:
    """Taken for permanent, it ended a step without a retry, and its leads waited for the end of their lease."""
    with pytest.raises(kind):
        Transaction(Broken(error)).value("can_store")
