"""The drip's mails from the Jinja templates in `leadflow_pipeline/mails/`.

A lead's words are values and never templates. The words of a mail are rendered as plain text once; the HTML layout
escapes them as a whole, so that nothing a lead wrote is markup.
"""

import functools
from collections.abc import Mapping
from email.utils import parseaddr
from pathlib import Path
from typing import Any

import jinja2
from jinja2.sandbox import ImmutableSandboxedEnvironment

from leadflow_pipeline.domain.drip_messages import DripContent
from leadflow_pipeline.domain.plain_text import clean_line

FOLDER = Path(__file__).resolve().parents[1] / "mails"
WORD_LIMIT = 120


class MailTemplates:
    """Renders a track's mails. Safe to share between threads."""

    def render(self, track: str, step: int, facts: Mapping[str, Any]) -> DripContent:
        """A mail's subject, text and HTML. `facts`: the lead's row, unsubscribe, postal_address, sender."""
        values = {
            "first_name": clean_line(facts["first_name"], WORD_LIMIT) or None,
            "city": clean_line(facts["property_city"] or facts["city"], WORD_LIMIT) or None,
            "property": clean_line(facts["property_address"], WORD_LIMIT) or None,
            "brokerage": parseaddr(facts["sender"])[0],
        }
        module = _words().get_template(f"{track}.j2").make_module(values)
        mail = module.steps[step]  # type: ignore[attr-defined]
        layout = {
            **values,
            "subject": mail["subject"],
            "paragraphs": mail["paragraphs"],
            "unsubscribe": facts["unsubscribe"],
            "postal_address": facts["postal_address"],
        }
        return DripContent(
            subject=mail["subject"],
            text=_words().get_template("layout.txt.j2").render(layout),
            html=_pages().get_template("layout.html.j2").render(layout),
        )


@functools.cache
def _words() -> jinja2.Environment:
    return _environment(autoescape=False)


@functools.cache
def _pages() -> jinja2.Environment:
    return _environment(autoescape=True)


def _environment(*, autoescape: bool) -> jinja2.Environment:
    return ImmutableSandboxedEnvironment(
        loader=jinja2.FileSystemLoader(FOLDER),
        autoescape=autoescape,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
