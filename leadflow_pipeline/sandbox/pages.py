"""The stand-ins' pages for people, from the templates in `pages/`. Everything in them is escaped."""

import functools
from pathlib import Path
from typing import Any

import jinja2
from starlette.responses import HTMLResponse

FOLDER = Path(__file__).with_name("pages")


@functools.cache
def _templates() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(FOLDER), autoescape=True, undefined=jinja2.ChainableUndefined, trim_blocks=True
    )


def show_page(template: str, **values: Any) -> HTMLResponse:
    """A page by its template's name."""
    return HTMLResponse(_templates().get_template(template).render(**values))
