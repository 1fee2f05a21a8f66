"""`leadflow deliveries` and `leadflow drip`: what is on its way to the outside world, and what the drip's mails say."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from leadflow_pipeline.settings import read_settings

deliveries_app = typer.Typer(no_args_is_help=True, help="What the outside world is told: CRM, texts, cards, mails.")
drip_app = typer.Typer(no_args_is_help=True, help="The weekly mails to leads whose score is low.")

console = Console(highlight=False, soft_wrap=True)
SAMPLE_FACTS = {
    "first_name": "Rosa",
    "full_name": "Rosa Quintero",
    "city": "Austin",
    "property_city": "Austin",
    "property_address": "12 Oak Street",
}


@deliveries_app.command("list")
def list_deliveries(
    status: Annotated[
        Literal["set_aside", "pending", "sent", "any"], typer.Option(help="Of which status.")
    ] = "set_aside",
    count: Annotated[int, typer.Option(help="How many, the latest first.", min=1)] = 50,
) -> None:
    """List effects with what came of them; the reason of those that were set aside says what to mend."""
    with _database() as database, database.transaction() as transaction:
        rows = transaction.rows("list_deliveries", status=None if status == "any" else status, most=count)
    table = Table("id", "kind", "lead", "agent", "status", "tries", "when", "what came of it", box=None)
    for row in rows:
        when = row["sent_at"] or row["due_at"]
        came = row["last_error"] or " ".join(filter(None, (row["vendor_reference"], row["told"])))
        table.add_row(
            str(row["outbox_id"]),
            row["kind"],
            str(row["lead_id"] or ""),
            row["agent_id"] or "",
            row["status"],
            str(row["attempts"]),
            f"{when:%Y-%m-%d %H:%M:%S}",
            Text(came),
        )
    console.print(table if rows else "There are none.")


@deliveries_app.command()
def retry(kind: Annotated[str | None, typer.Option(help="Only this kind, for example crm_contact.")] = None) -> None:
    """Try again what was set aside. Vendors are asked first whether it had been done."""
    with _database() as database, database.transaction() as transaction:
        count = transaction.execute("retry_deliveries", kind=kind)
    console.print(f"{count} deliveries are tried again.")


@drip_app.command()
def preview(
    folder: Annotated[Path, typer.Option(help="Where the files go.")] = Path("drip-preview"),
) -> None:
    """Render every mail of the drip for an invented lead: .txt, .html and the whole mail as .eml."""
    from leadflow_pipeline.adapters.mail_templates import MailTemplates
    from leadflow_pipeline.domain.drip import TRACKS, WEEKS_BEHIND
    from leadflow_pipeline.domain.drip_messages import build_message

    settings = read_settings()
    sender, postal_address = settings.mail_sender
    unsubscribe = f"{settings.open_url}/unsubscribe/preview"
    facts = {**SAMPLE_FACTS, "sender": sender, "postal_address": postal_address, "unsubscribe": unsubscribe}
    folder.mkdir(parents=True, exist_ok=True)
    templates = MailTemplates()
    for track in TRACKS:
        for step in range(len(WEEKS_BEHIND)):
            content = templates.render(track, step, facts)
            message = build_message(
                content,
                sender=sender,
                to="rosa@example.com",
                to_name=SAMPLE_FACTS["full_name"],
                message_id="<preview@localhost>",
                unsubscribe=unsubscribe,
                now=datetime.now(UTC),
            )
            file = folder / f"{track}-{step + 1}.txt"
            file.write_text(f"{content.subject}\n\n{content.text}", encoding="utf-8")
            file.with_suffix(".html").write_text(content.html, encoding="utf-8")
            file.with_suffix(".eml").write_bytes(message.as_bytes())
    console.print(f"{len(TRACKS) * len(WEEKS_BEHIND)} mails are in {folder}.")
    if not settings.sends_mail:
        console.print("The drip is a dry run: LEADFLOW_SMTP_HOST, _MAIL_FROM and _MAIL_POSTAL_ADDRESS let it send.")


@contextmanager
def _database() -> Iterator[Any]:
    """The database in force, for one command."""
    from leadflow_pipeline.adapters.database import Database
    from leadflow_pipeline.runtime.postgres import reach_database

    with (
        reach_database(read_settings()) as url,
        Database(url, pool_size=1, application_name="leadflow cli") as database,
    ):
        yield database
