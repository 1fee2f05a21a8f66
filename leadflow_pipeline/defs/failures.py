"""How our two kinds of failure look to Dagster: a transient one is tried again, any other ends the step at once."""

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

from leadflow_pipeline.domain.errors import PermanentError, TransientError

RETRY_TRANSIENT = dg.RetryPolicy(max_retries=4, delay=1, backoff=dg.Backoff.EXPONENTIAL, jitter=dg.Jitter.PLUS_MINUS)


@contextmanager
def no_retry_unless_transient() -> Iterator[None]:
    """Lets a `TransientError` through to the retry policy and turns the rest into a failure without retries."""
    try:
        yield
    except TransientError:
        raise
    except PermanentError as error:
        raise dg.Failure(str(error), allow_retries=False) from error
    except Exception as error:
        raise dg.Failure(f"{type(error).__name__}: a fault in leadflow itself", allow_retries=False) from error
