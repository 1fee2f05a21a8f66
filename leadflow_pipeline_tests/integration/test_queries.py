"""Every named query fits the tables of the migrations, and somebody uses it."""

import re
from pathlib import Path

import pytest

import leadflow_pipeline
from leadflow_pipeline.adapters.database import QUERIES_FOLDER, Database, load_queries
from leadflow_pipeline_tests.integration.conftest import run_statement

PACKAGE = Path(leadflow_pipeline.__file__).parent
HEADER = re.compile(r"^-- name: *(\w+)\(([^)]*)\)(\S*)$", re.MULTILINE)
DECLARED = {
    match[1]: (match[2], file.name)
    for file in sorted(QUERIES_FOLDER.glob("*.sql"))
    for match in HEADER.finditer(file.read_text())
}
PARAMETER = re.compile(r"%\((\w+)\)s")


def number_parameters(sql: str) -> str:
    """The statement with $1, $2 … for its named parameters, whose types the server then works out itself."""
    names = list(dict.fromkeys(PARAMETER.findall(sql)))
    return PARAMETER.sub(lambda match: f"${names.index(match[1]) + 1}", sql).replace("%%", "%")


def test_every_header_of_the_files_is_a_query() -> None:
    """A header with a typing slip makes its statement a part of the query above."""
    headers = sum(file.read_text().count("-- name:") for file in QUERIES_FOLDER.glob("*.sql"))
    loaded = {name for name in load_queries().available_queries if not name.endswith("_cursor")}
    assert set(DECLARED) == loaded
    assert headers == len(loaded)


@pytest.mark.parametrize("name", DECLARED)
def test_a_query_is_valid_on_the_migrated_database(template_url: str, name: str) -> None:
    sql = getattr(load_queries(), name).sql
    run_statement(template_url, f"prepare checked as {number_parameters(sql)}")


@pytest.mark.parametrize("name", DECLARED)
def test_a_query_uses_the_parameters_it_declares_and_no_others(name: str) -> None:
    declared = {parameter.strip() for parameter in DECLARED[name][0].split(",") if parameter.strip()}
    assert set(PARAMETER.findall(getattr(load_queries(), name).sql)) == declared


@pytest.mark.parametrize("name", DECLARED)
def test_a_query_is_used(name: str) -> None:
    """A query that nobody runs is wrong sooner or later, and nobody notices."""
    used_in = [path.name for path in PACKAGE.rglob("*.py") if f'"{name}"' in path.read_text()]
    assert used_in, f"nothing in {PACKAGE.name} names {name} of {DECLARED[name][1]}"


@pytest.mark.parametrize("name", DECLARED)
def test_a_query_says_in_a_sentence_what_it_is_for(name: str) -> None:
    text = (QUERIES_FOLDER / DECLARED[name][1]).read_text()
    below = text.split(f"-- name: {name}(", 1)[1].splitlines()[1]
    assert re.match(r"-- [A-Z]", below), below


def test_parameters_are_bound_and_never_part_of_the_statement(database: Database) -> None:
    hostile = "'; drop schema landing cascade; -- %s %(source)s {0} :name"
    with database.transaction() as transaction:
        assert transaction.value("find_event", channel="webhook", source=hostile, external_id=hostile) is None
        assert transaction.value("can_store") is True
        assert transaction.row("read_mailbox_position", account=hostile, folder=hostile) is None
