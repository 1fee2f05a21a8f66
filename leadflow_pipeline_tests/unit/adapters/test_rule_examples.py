"""`leadflow rules check` and `leadflow rules test`: what whoever writes a rule is told."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from leadflow_pipeline.adapters.rule_examples import check_rules
from leadflow_pipeline.cli_rules import rules_app

RULE = """name: sample
source: sample
version: 1
match:
  domains: [portal.test]
fields:
  name: [Name]
  phone: [Phone]
requires: [phone]
"""
INLINE = """examples:
  - mail: |
      From: leads@portal.test
      Subject: x

      Name: Ada Example
      Phone: 512-555-0142
    expected:
      outcome: lead
      source: sample
      lead: {name: Ada Example, phone: 512-555-0142}
"""
MAIL = "From: leads@portal.test\nSubject: x\n\nName: Ada Example\nPhone: 512-555-0142\n"


def folder(tmp_path: Path, rule: str, **files: str) -> Path:
    (tmp_path / "sample.yaml").write_text(rule)
    for name, content in files.items():
        (tmp_path / name.replace("__", ".")).write_text(content)
    return tmp_path


def test_the_packages_rules_and_their_examples_hold() -> None:
    """Every rule has at least three examples with the expected lead beside."""
    checked = check_rules()
    assert checked.problems == ()
    assert checked.examples >= 80
    assert set(checked.without_examples) <= {"generic"}


def test_an_example_inside_the_file_is_read(tmp_path: Path) -> None:
    """The shortest way: rule and mail in one file."""
    assert check_rules(folder(tmp_path, RULE + INLINE)).problems == ()


def test_examples_beside_the_file_are_read(tmp_path: Path) -> None:
    """A real mail is best kept as it came."""
    expected = '{"outcome": "lead", "lead": {"name": "Ada Example", "phone": "512-555-0142"}}'
    made = folder(tmp_path, RULE + "examples: ['*.eml']\n", one__eml=MAIL, one__json=expected)
    assert check_rules(made).problems == ()


@pytest.mark.parametrize(
    ("rule", "problem"),
    [
        (RULE + INLINE.replace("name: Ada Example,", "name: Bob,"), "name: expected 'Bob', found 'Ada Example'"),
        (RULE + INLINE.replace("outcome: lead", "outcome: ignored"), "outcome: expected 'ignored', came to 'lead'"),
        (RULE + "examples: ['none/*.eml']\n", "sample.yaml:10: no mail is called none/*.eml"),
        (RULE + "examples: [one.eml]\n", "one.json: cannot be read"),
        (RULE + "examples: [{mail: x}]\n", "needs `mail:`"),
        (RULE.replace("phone: [Phone]", "fone: [Phone]"), "sample.yaml:8: fields.fone: is not a fact of a lead"),
        (RULE + "layouts: []\n", "sample.yaml:10: layouts: must be a list"),
    ],
)
def test_a_problem_names_file_line_and_remedy(tmp_path: Path, rule: str, problem: str) -> None:
    """Whoever writes rules is no programmer: the message has to do."""
    problems = check_rules(folder(tmp_path, rule, one__eml=MAIL)).problems
    assert len(problems) == 1
    assert problem in problems[0]
    assert str(tmp_path) in problems[0]


def test_check_ends_with_an_error_only_where_there_is_a_problem(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that a pipeline can run it."""
    monkeypatch.setenv("LEADFLOW_RULES_DIR", str(folder(tmp_path, RULE + INLINE)))
    good = CliRunner().invoke(rules_app, ["check"])
    assert (good.exit_code, "0 problems" in good.output) == (0, True)
    folder(tmp_path, RULE.replace("domains", "domain"))
    bad = CliRunner().invoke(rules_app, ["check"])
    assert bad.exit_code == 1
    assert "sample.yaml:5: match.domain: is not a key of a rule" in bad.output


def test_a_rule_is_shown_field_by_field_on_a_mail(tmp_path: Path) -> None:
    """What was found where, and what was looked for in vain."""
    path = folder(tmp_path, RULE.replace("[Name]", "[Caller]"), one__eml=MAIL) / "sample.yaml"
    shown = CliRunner().invoke(rules_app, ["test", str(path), str(tmp_path / "one.eml")])
    assert shown.exit_code == 0, shown.output
    assert "its sender, subject and text match" in shown.output
    assert "not found; looked for label caller" in shown.output
    assert "512-555-0142   [label Phone]" in shown.output
    assert "Under all rules: lead, source sample, rule sample." in shown.output


def test_an_unknown_rule_is_answered_with_the_names_there_are(tmp_path: Path) -> None:
    """A slip of the pen must not look like a rule that finds nothing."""
    (tmp_path / "one.eml").write_text(MAIL)
    shown = CliRunner().invoke(rules_app, ["test", "zilow", str(tmp_path / "one.eml")])
    assert "no rule is called zilow. There are: " in str(shown.exception)
