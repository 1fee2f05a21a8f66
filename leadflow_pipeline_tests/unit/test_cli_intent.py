"""`leadflow intent`: lines in, JSON lines out, and an answer to every odd line."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from leadflow_pipeline.cli import app
from leadflow_pipeline.cli_intent import LONGEST_LINE_BYTES

KEYS = ["text", "intent", "sentiment", "readiness", "confidence", "model"]


def run(content: bytes, *arguments: str) -> tuple[int, list[dict[str, object]]]:
    done = CliRunner().invoke(app, ["intent", *arguments], input=content)
    return done.exit_code, [json.loads(line) for line in done.stdout.splitlines()]


def test_each_line_of_text_or_json_gives_one_object_with_the_promised_keys() -> None:
    code, rows = run(b'Can I see it on Friday?\n{"text": "Quiero vender mi casa", "id": 7}\n')
    assert code == 0
    assert [list(row) for row in rows] == [KEYS, KEYS]
    assert [row["intent"] for row in rows] == ["tour_request", "sell"]


def test_a_file_is_read_like_standard_input(tmp_path: Path) -> None:
    file = tmp_path / "inquiries.txt"
    file.write_bytes(b"just browsing\r\nWe want to rent an apartment\r\n")
    assert [row["intent"] for row in run(b"", str(file))[1]] == ["browsing", "rent"]
    assert run(b"", "--json", str(file)) == run(file.read_bytes(), "-")


@pytest.mark.parametrize(
    ("line", "error"),
    [
        (b"\xff\xfe", "the line is not UTF-8"),
        (b'{"message": "hello"}', "the line has no `text`, or one that is not a string"),
        (b'{"text": 3}', "the line has no `text`, or one that is not a string"),
        (b"x" * (LONGEST_LINE_BYTES + 10), f"the line is longer than {LONGEST_LINE_BYTES} bytes"),
    ],
)
def test_a_line_that_cannot_be_read_is_told_in_its_place(line: bytes, error: str) -> None:
    code, rows = run(b"just browsing\n" + line + b"\nI want to sell my house\n")
    assert code == 1
    assert [row["intent"] for row in rows] == ["browsing", None, "sell"]
    assert rows[1]["error"] == error


def test_an_empty_line_says_nothing() -> None:
    code, rows = run(b"\n   \n")
    assert code == 0
    assert [(row["text"], row["intent"], row["confidence"]) for row in rows] == [("", "browsing", 0.0)] * 2


def test_no_input_gives_no_output() -> None:
    assert run(b"") == (0, [])


def test_a_brace_that_opens_no_json_is_text_unless_json_is_asked_for() -> None:
    assert run(b"{sorry} wrong number")[1][0]["text"] == "{sorry} wrong number"
    assert run(b"{sorry} wrong number", "--json")[1][0]["error"] == "the line is not JSON"


def test_half_a_character_in_json_does_not_break_the_output() -> None:
    assert run(b'{"text": "buy \\ud83d now"}')[0] == 0


def test_a_file_that_is_not_there_is_named() -> None:
    done = CliRunner().invoke(app, ["intent", "/nowhere/at/all"])
    assert done.exit_code == 1
    assert "/nowhere/at/all" in str(done.exception)
