"""The receiver on AWS Lambda, behind an HTTP API or a function URL: the same application, one event at a time.

The first event of an instance reads the settings and opens the database; see `deploy/lambda/`.
"""

import logging
from functools import cache
from typing import Any

from mangum import Mangum

from leadflow_pipeline.adapters.database import Database
from leadflow_pipeline.domain.errors import PermanentError
from leadflow_pipeline.receiver.app import build_app
from leadflow_pipeline.settings import read_settings


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """The function's entry point."""
    return open_adapter()(event, context)


@cache
def open_adapter() -> Mangum:
    """The application, kept as long as the instance lives. Lambda gives an instance one event at a time."""
    logging.getLogger("leadflow_pipeline.receiver").setLevel(logging.INFO)
    settings = read_settings()
    if settings.database_url is None:
        raise PermanentError("LEADFLOW_DATABASE_URL is not set; a function has no database of its own.")
    store = Database(settings.database_url.get_secret_value(), pool_size=1, application_name="leadflow lambda")
    return Mangum(build_app(settings, store), lifespan="off")
