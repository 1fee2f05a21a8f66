"""`leadflow bench`: measures a stack of its own on this machine and prints tables; arguments in, tables out."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from leadflow_pipeline.settings import CHECKOUT

if TYPE_CHECKING:
    from leadflow_pipeline.bench.own_stack import OwnStack
    from leadflow_pipeline.bench.timelines import Timelines

bench_app = typer.Typer(
    no_args_is_help=True,
    help="Measure: each command starts a stack of its own (own home, ports and database), drives it over IMAP and "
    "HTTP, prints a table and ends it. Figures depend on the machine; compare within one run.",
)
console = Console(highlight=False, soft_wrap=True)

Stock = Annotated[bool, typer.Option(help="Dagster's stock launcher, queue and executor in place of ours.")]
Seed = Annotated[int, typer.Option(help="The same seed sends the same leads.")]
JsonFile = Annotated[Path | None, typer.Option("--json", help="Write the figures to this file too.")]


@bench_app.command()
def idle(
    leads: Annotated[int, typer.Option(min=1, help="Single leads.")] = 60,
    seconds: Annotated[float, typer.Option(min=1, help="Spread over this time, at random phases.")] = 300,
    history: Annotated[int, typer.Option(min=0, help="Invent so many leads of the past first.")] = 0,
    stock: Stock = False,
    seed: Seed = 1,
    json_file: JsonFile = None,
) -> None:
    """How long a single lead takes on an idle stack, point by point."""
    from leadflow_pipeline.bench import timelines, traffic
    from leadflow_pipeline.bench.scoring import fill_history

    with _stack(stock) as stack:
        if history:
            fill_history(stack.database, console.print, leads=history)
        _let_one_through(stack)
        sent = traffic.send_at_random_phases(stack, traffic.write_letters(leads, seed=seed), seconds=seconds, seed=seed)
        timelines.wait_until_finished(stack, seconds=120)
        found = timelines.read_timelines(stack, sent)
    _print_timelines(f"{leads} single leads in {seconds:.0f} s", found)
    _write(json_file, {"idle": asdict(found)})


@bench_app.command()
def steady(
    rates: Annotated[
        list[float] | None, typer.Option("--rate", help="Leads a second; may be given several times.")
    ] = None,
    seconds: Annotated[float, typer.Option(min=1, help="For this long at each rate.")] = 60,
    stock: Stock = False,
    seed: Seed = 1,
    json_file: JsonFile = None,
) -> None:
    """How long leads take while they come at a steady rate."""
    from leadflow_pipeline.bench import timelines, traffic

    results = {}
    with _stack(stock) as stack:
        _let_one_through(stack)
        for number, rate in enumerate(rates or [1.0, 5.0, 20.0, 50.0]):
            letters = traffic.write_letters(max(1, int(rate * seconds)), seed=seed + number)
            sent = traffic.send_at_rate(stack, letters, rate)
            timelines.wait_until_finished(stack, seconds=300)
            found = timelines.read_timelines(stack, sent)
            _print_timelines(f"{rate:g} leads a second for {seconds:.0f} s", found)
            results[f"{rate:g}"] = asdict(found)
    _write(json_file, {"steady": results})


@bench_app.command()
def burst(
    leads: Annotated[int, typer.Option(min=1, help="Leads at once.")] = 1_000,
    addresses: Annotated[
        bool, typer.Option("--addresses", help="All with an address and a company's mail, for vendors to be asked of.")
    ] = False,
    stock: Stock = False,
    seed: Seed = 1,
    json_file: JsonFile = None,
) -> None:
    """How long it takes until all of many leads at once are assigned, and what vendors were asked meanwhile."""
    from leadflow_pipeline.bench import timelines, traffic
    from leadflow_pipeline.stages.vendor_budgets import list_bills

    with _stack(stock) as stack:
        _let_one_through(stack)
        letters = traffic.write_letters_with_addresses(leads) if addresses else traffic.write_letters(leads, seed=seed)
        sent = traffic.send_all(stack, letters)
        timelines.wait_until_finished(stack, seconds=900)
        found = timelines.read_timelines(stack, sent)
        bills = [bill for bill in list_bills(stack.database) if bill.calls_today]
    _print_timelines(f"{leads} leads at once", found)
    if found.seconds_to_last:
        console.print(
            f"All assigned {found.seconds_to_last:.1f} s after the first was sent: "
            f"{found.assigned / found.seconds_to_last:.0f} leads a second."
        )
    for bill in bills:
        console.print(f"{bill.vendor}: {bill.calls_today} calls, ${bill.cost_today}")
    _write(json_file, {"burst": asdict(found)})


@bench_app.command()
def loop(
    leads: Annotated[int, typer.Option(min=1, help="Leads at once.")] = 1_000,
    workers: Annotated[int, typer.Option(min=1, help="Processes that work off batches.")] = 2,
    seed: Seed = 1,
    json_file: JsonFile = None,
) -> None:
    """What the stages cost without Dagster, each by itself: the limit that a whole stack is held against."""
    from leadflow_pipeline.bench.bare_loop import measure_loop
    from leadflow_pipeline.bench.own_database import run_own_database, serve_stand_ins
    from leadflow_pipeline.bench.traffic import write_letters

    with run_own_database() as (url, settings), serve_stand_ins(settings):
        found = measure_loop(url, settings, write_letters(leads, seed=seed), workers=workers)
    table = Table("stage", "seconds", "of processor", "leads a second", box=None)
    for name, cost in found.stages.items():
        a_second = f"{workers * found.leads / cost.seconds:.0f}"
        table.add_row(name, f"{cost.seconds:.1f}", f"{cost.processor_seconds:.1f}", a_second)
    console.print(table)
    console.print(
        f"{found.assigned} of {found.leads} assigned by {workers} workers in {found.seconds:.1f} s: "
        f"{found.leads / found.seconds:.0f} leads a second. The processor time of PostgreSQL is not in the table."
    )
    _write(json_file, {"loop": asdict(found)})


@bench_app.command()
def rest(
    seconds: Annotated[float, typer.Option(min=1, help="Watch for this long.")] = 300,
    leads: Annotated[int, typer.Option(min=1, help="Send so many first, for the bytes in the database.")] = 100,
    stock: Stock = False,
    json_file: JsonFile = None,
) -> None:
    """What the stack costs while nothing arrives, and what leads and batches leave in the database."""
    from leadflow_pipeline.bench import resting, timelines, traffic

    with _stack(stock) as stack:
        console.print(f"The stack was running {stack.seconds_to_start:.1f} s after it was started.")
        traffic.send_at_rate(stack, traffic.write_letters(leads, seed=1), 5)
        timelines.wait_until_finished(stack, seconds=300)
        sizes = resting.measure_bytes(stack)
        found = resting.measure_rest(stack, seconds=seconds)
        started = stack.seconds_to_start
    table = Table("process", "% of a core", "MiB resident", box=None)
    for name, row in sorted(found.items(), key=lambda each: each[1].percent_of_core):
        table.add_row(name, f"{row.percent_of_core:.2f}", f"{row.resident_mib:.0f}")
    console.print(table)
    console.print(", ".join(f"{name} {value:.0f}" for name, value in sizes.items()))
    rows = {name: asdict(row) for name, row in found.items()}
    _write(json_file, {"rest": rows, "sizes": dict(sizes), "seconds_to_start": started})


@bench_app.command()
def claims(
    leads: Annotated[int, typer.Option(min=1, help="Hot leads.")] = 1_000,
    clickers: Annotated[int, typer.Option(min=1, help="Agents who click on each, all at the same moment.")] = 50,
    receivers: Annotated[int, typer.Option(min=1, help="Receiver processes.")] = 4,
    json_file: JsonFile = None,
) -> None:
    """How fast clicks on "Claim" are answered, and that each lead has exactly one winner."""
    from leadflow_pipeline.bench.claims import measure_clicks
    from leadflow_pipeline.bench.own_database import run_own_database

    with run_own_database() as (url, settings):
        found = measure_clicks(url, settings.home, leads=leads, clickers=clickers, receivers=receivers)
    _print_rows(f"{clickers} clicks at once on each of {leads} leads", asdict(found))
    _write(json_file, {"claims": asdict(found)})


@bench_app.command()
def unclaimed(
    leads: Annotated[int, typer.Option(min=1, help="Hot leads at once.")] = 100, json_file: JsonFile = None
) -> None:
    """How soon hot leads that nobody claims have an agent."""
    from leadflow_pipeline.bench.claims import leave_unclaimed

    with _stack(False) as stack:
        _let_one_through(stack)
        found = leave_unclaimed(stack, leads=leads)
    _print_rows(f"{leads} hot leads at once, and nobody clicks", asdict(found))
    _write(json_file, {"unclaimed": asdict(found)})


def _print_rows(title: str, figures: Mapping[str, Any]) -> None:
    table = Table("", "", box=None, title=title)
    for name, value in figures.items():
        table.add_row(name.replace("_", " "), f"{value:.2f}" if isinstance(value, float) else str(value))
    console.print(table)


@contextmanager
def _stack(stock: bool) -> "Iterator[OwnStack]":
    from leadflow_pipeline.bench.own_stack import run_own_stack

    settings = {}
    if stock:
        settings = {
            "LEADFLOW_DAGSTER_YAML": str(CHECKOUT / "deploy" / "dagster-stock.yaml"),
            "LEADFLOW_EXECUTOR": "multiprocess",
            # As it suits it: four runs of a process per step overload two cores, and outlast the usual lease.
            "LEADFLOW_MAX_BATCHES": "2",
            "LEADFLOW_LEASE_SECONDS": "300",
        }
    with console.status("A stack starts …"), run_own_stack(settings) as stack:
        yield stack


def _let_one_through(stack: "OwnStack") -> None:
    """The first run of a stack pays for what all later ones find there."""
    from leadflow_pipeline.bench import timelines, traffic

    traffic.send_all(stack, traffic.write_letters(1, seed=0))
    timelines.wait_until_finished(stack, seconds=120)


def _print_timelines(title: str, found: "Timelines") -> None:
    table = Table("seconds from sending to", "leads", "p50", "p95", "p99", "max", box=None, title=title)
    for point, each in found.points.items():
        figures = (f"{value:.2f}" for value in (each.p50, each.p95, each.p99, each.most))
        table.add_row(point, str(each.count), *figures)
    console.print(table)
    merged = f", {found.merged} merged with another lead of the same person" if found.merged else ""
    console.print(f"{found.assigned} of {found.sent} assigned{merged}.")


def _write(file: Path | None, figures: Mapping[str, Any]) -> None:
    if file is not None:
        file.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


@bench_app.command("held-snapshot")
def held_snapshot(
    seconds: Annotated[
        float, typer.Option(min=5, help="For this long, once without and once with the snapshot.")
    ] = 600,
    rate: Annotated[int, typer.Option(min=1, max=500, help="Leads a second.")] = 20,
) -> None:
    """What a forgotten open transaction costs: the time of a batch, and dead rows that cannot be cleaned up."""
    from leadflow_pipeline.bench.held_snapshot import measure_held_snapshot

    table = Table("snapshot", "leads", "batch p95 at first", "at last", "dead rows per lead", box=None)
    for is_held in (False, True):
        found = measure_held_snapshot(seconds=seconds, leads_a_second=rate, is_held=is_held)
        table.add_row(
            "held" if is_held else "none",
            str(found.leads),
            f"{found.first_p95_ms:.0f} ms",
            f"{found.last_p95_ms:.0f} ms",
            f"{found.dead_rows_per_lead:.1f}",
        )
    console.print(table)
