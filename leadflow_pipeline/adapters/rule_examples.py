"""The example mails of rules: beside a rule file, or inside it; and the check of files and examples together.

An example is a mail (`name.eml`) with what must come of it (`name.json`): `outcome`, and `source`, `reason`,
`lead`, `extra` where they matter.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import leadflow_pipeline
from leadflow_pipeline.adapters.rule_files import PACKAGE_RULES, RuleFileError, load_rule, load_rules, read_rule_file
from leadflow_pipeline.domain.mail_outcomes import judge_mail
from leadflow_pipeline.domain.mail_rules import MailRule
from leadflow_pipeline.domain.mail_trials import differences

# The package's own examples are test data: they are there in a checkout, not in an installed package.
_PACKAGE_EXAMPLES = Path(leadflow_pipeline.__file__).parents[1] / "leadflow_pipeline_tests" / "fixtures" / "mails"


@dataclass(frozen=True, kw_only=True)
class RuleExample:
    """One example: where it stands, the mail, and what must come of it."""

    name: str
    raw: bytes
    expected: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class RuleCheck:
    """What a check came to."""

    files: int
    rules: int
    examples: int
    problems: tuple[str, ...]  # each names file, line or example, and the remedy
    without_examples: tuple[str, ...]  # rules that no example covers


def check_rules(extra_folder: Path | None = None) -> RuleCheck:
    """Every rule file of the package and of `extra_folder`, and every example of both."""
    folders = [PACKAGE_RULES, *([extra_folder] if extra_folder is not None else [])]
    files = [path for folder in folders for path in sorted((*folder.glob("*.yaml"), *folder.glob("*.yml")))]
    problems: list[str] = []
    loaded: dict[Path, tuple[MailRule, ...]] = {}
    for path in files:
        try:
            loaded[path] = load_rule(path)
        except RuleFileError as error:
            problems.append(str(error))
    rules: Sequence[MailRule] = ()
    if not problems:
        try:
            rules = load_rules(extra_folder)
        except RuleFileError as error:
            problems.append(str(error))
    replaced = {
        name for path, (first, *_) in loaded.items() if path.parent != PACKAGE_RULES for name in [first.file_name]
    }
    examples, bare = 0, []
    for path, (first, *_) in loaded.items():
        if not rules or (path.parent == PACKAGE_RULES and first.file_name in replaced):
            continue
        try:
            own = list(read_examples(path, first.source))
        except RuleFileError as error:
            problems.append(str(error))
            continue
        examples += len(own)
        bare += [] if own else [first.file_name]
        problems += [problem for example in own for problem in _problems(example, rules)]
    return RuleCheck(
        files=len(files),
        rules=sum(map(len, loaded.values())),
        examples=examples,
        problems=tuple(problems),
        without_examples=tuple(bare),
    )


def read_examples(path: Path, source: str) -> Iterator[RuleExample]:
    """The examples that a rule file names under `examples`; those of the package's rules stand with its tests."""
    content, line = read_rule_file(path)
    named = content.get("examples") or []
    if path.parent == PACKAGE_RULES:
        named = [*named, *sorted(map(str, (_PACKAGE_EXAMPLES / source).glob("*.eml")))]
    if not isinstance(named, list):
        raise RuleFileError(f"{path}:{line('examples')}: examples: must be a list. Begin each with `- `.")
    for number, each in enumerate(named):
        where = f"{path}:{line('examples', str(number))}"
        if isinstance(each, Mapping):
            yield _inline(each, where)
        elif isinstance(each, str):
            yield from _beside(path.parent, each, where)
        else:
            raise RuleFileError(f"{where}: examples.{number}: must be a path, or `mail:` and `expected:`.")


def _inline(example: Mapping[str, Any], where: str) -> RuleExample:
    mail, expected = example.get("mail"), example.get("expected")
    if not isinstance(mail, str) or not isinstance(expected, Mapping) or set(example) - {"mail", "expected"}:
        raise RuleFileError(
            f"{where}: an example needs `mail:` (the whole mail as text) and `expected:`, nothing else."
        )
    return RuleExample(name=where, raw=mail.encode(), expected=expected)


def _beside(folder: Path, pattern: str, where: str) -> Iterator[RuleExample]:
    """The mails that a path means, which may hold `*`; each has its `.json` beside it."""
    paths = [Path(pattern)] if Path(pattern).is_absolute() else sorted(folder.glob(pattern))
    if not paths:
        raise RuleFileError(f"{where}: no mail is called {pattern}. The path counts from the folder of the rule file.")
    for path in paths:
        beside = path.with_suffix(".json")
        try:
            expected = json.loads(beside.read_text(encoding="utf-8"))
            raw = path.read_bytes()
        except (OSError, ValueError) as error:
            raise RuleFileError(
                f"{where}: {beside}: cannot be read: {error}. It says what must come of {path.name}, as JSON."
            ) from error
        if not isinstance(expected, dict) or "outcome" not in expected:
            raise RuleFileError(f'{beside}:1: says no outcome. Write for example {{"outcome": "lead", "lead": {{…}}}}.')
        yield RuleExample(name=str(path), raw=raw, expected=expected)


def _problems(example: RuleExample, rules: Sequence[MailRule]) -> Iterator[str]:
    for difference in differences(judge_mail(example.raw, rules), example.expected):
        yield f"{example.name}: {difference}. Mend the rule, or the example where the mail says otherwise."
