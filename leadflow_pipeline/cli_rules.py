"""`leadflow rules`: for whoever writes mail rules. Reads arguments, calls one function, prints for people."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.text import Text

from leadflow_pipeline.domain.errors import PermanentError
from leadflow_pipeline.settings import read_settings

if TYPE_CHECKING:
    from leadflow_pipeline.domain.mail_trials import RuleTrial

rules_app = typer.Typer(no_args_is_help=True, help="The rules by which mails are read.")

console = Console(highlight=False, soft_wrap=True)


@rules_app.command()
def check() -> None:
    """Check every rule, the package's and those in LEADFLOW_RULES_DIR, and read every example of theirs."""
    from leadflow_pipeline.adapters.rule_examples import check_rules

    checked = check_rules(read_settings().rules_dir)
    for problem in checked.problems:
        console.print(Text(problem))
    if checked.without_examples:
        console.print(f"Without an example: {', '.join(checked.without_examples)}. Name some under `examples:`.")
    counts = f"{checked.rules} rules in {checked.files} files, {checked.examples} examples"
    console.print(f"{counts}, {len(checked.problems)} problems.")
    if checked.problems:
        raise typer.Exit(1)


@rules_app.command("test")
def try_out(
    rule: Annotated[str, typer.Argument(help="A rule's name (zillow, zillow.relay) or the path of a rule file.")],
    mail: Annotated[Path, typer.Argument(help="A mail as a file (.eml).")],
    *,
    example: Annotated[
        bool, typer.Option(help="Print what was found as an example's JSON, to be kept beside the mail.")
    ] = False,
) -> None:
    """Show field by field what a rule finds in a mail, and what becomes of the mail. Changes nothing."""
    from leadflow_pipeline.adapters.rule_files import load_rule, load_rules
    from leadflow_pipeline.domain.mail_trials import as_example, try_rule

    rules = load_rules(read_settings().rules_dir)
    if Path(rule).suffix in (".yaml", ".yml"):
        tried = load_rule(Path(rule))
        rules = (*tried, *(each for each in rules if each.file_name != tried[0].file_name))
    else:
        tried = tuple(each for each in rules if rule in (each.name, each.file_name))
    if not tried:
        raise PermanentError(f"no rule is called {rule}. There are: {', '.join(each.name for each in rules)}.")
    try:
        raw = mail.read_bytes()
    except OSError as error:
        raise PermanentError(f"{mail}: {error.strerror}. Name a mail as a file.") from error
    trials = [try_rule(raw, each, rules) for each in tried]
    if example:
        sys.stdout.write(json.dumps(as_example(trials[0].outcome), indent=2, ensure_ascii=False) + "\n")
        return
    # Of several layouts only those of the mail's sender say something.
    for trial in [each for each in trials if each.claims_sender] or trials:
        _print_trial(trial)
    outcome = trials[0].outcome
    console.print(Text(f"Under all rules: {outcome.outcome}, source {outcome.source}, rule {outcome.rule}."))
    if outcome.reason:
        console.print(Text(f"Reason: {outcome.reason}"))


@rules_app.command()
def suggest(
    days: Annotated[int, typer.Option(help="Leads of the last so many days.", min=1)] = 30,
) -> None:
    """Propose aliases: labels that had drifted and were healed, as lines to paste into the rules. Changes nothing."""
    from leadflow_pipeline.adapters.database import Database
    from leadflow_pipeline.adapters.rule_files import find_rule_file, load_rules
    from leadflow_pipeline.domain.alias_suggestions import suggest_aliases
    from leadflow_pipeline.runtime.postgres import reach_database
    from leadflow_pipeline.stages.healed_labels import count_healed_labels

    settings = read_settings()
    rules = load_rules(settings.rules_dir)
    with reach_database(settings) as url, Database(url, pool_size=1, application_name="leadflow cli") as database:
        healed = count_healed_labels(database, days=days)
    suggestions = list(suggest_aliases(healed, rules))
    if not suggestions:
        console.print(f"No label had to be healed in the leads of the last {days} days.")
    for each in suggestions:
        path, is_built_in = find_rule_file(each.rule.file_name, settings.rules_dir)
        layout = f", layout {each.rule.name.partition('.')[2]}" if "." in each.rule.name else ""
        console.print(Text(f"{path}{layout}, field {each.field}:"))
        for label in each.healed:
            leads = f"{label.leads} lead{'s' if label.leads > 1 else ''}"
            events = ", ".join(map(str, label.event_ids))
            console.print(Text(f'  "{label.label}" was read as "{label.known}" in {leads}; see events {events}'))
        console.print(Text(f"  {each.line}"))
        if is_built_in:
            console.print("  A built-in rule: copy the file into LEADFLOW_RULES_DIR, and change it there.")


def _print_trial(trial: "RuleTrial") -> None:
    sender = {True: "its sender", False: "another sender", None: "any sender"}[trial.claims_sender]
    console.print(f"{trial.rule}: {sender}, subject and text {'match' if trial.matches else 'do not match'}")
    for each in trial.fields:
        if each.value is None:
            found = f"not found; looked for {each.looked_for}"
        else:
            found = f"{' / '.join(each.value.splitlines())}   [{each.origin}]"
        console.print(Text(f"  {each.field:17} {found}"))
    if trial.missing:
        console.print(f"Required and not found: {'; '.join(trial.missing)}")
    console.print()
