"""Mail rules from files: those of the package, then a folder of one's own whose rules come instead by name.

The only I/O of the mail rules. What a rule may say is decided in `domain.mail_rules`.
"""

import hashlib
from collections.abc import Callable, Hashable, Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml

from leadflow_pipeline import domain
from leadflow_pipeline.domain.errors import PermanentError
from leadflow_pipeline.domain.mail_rule_reader import mail_rules
from leadflow_pipeline.domain.mail_rules import MailRule, RuleError

PACKAGE_RULES = Path(domain.__file__).parent / "rules"

# Every run reads the rules: libyaml does it in a tenth of the time, where PyYAML was built with it.
_FastLoader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class RuleFileError(PermanentError):
    """A rule file that cannot be used: `file:line: key: what is wrong. What to do.`"""


def load_rules(extra_folder: Path | None = None) -> tuple[MailRule, ...]:
    """Every rule, sorted by name, those for any mail last. A file of `extra_folder` replaces its namesake whole.

    Raises `RuleFileError` for a folder that is missing, a file that is no YAML, or a rule that cannot be meant.
    """
    rules = _rules_in(PACKAGE_RULES)
    if extra_folder is not None:
        if not extra_folder.is_dir():
            raise RuleFileError(
                f"{extra_folder}: is not a folder. Create it, or name another one in LEADFLOW_RULES_DIR."
            )
        rules |= _rules_in(extra_folder)
    files = sorted(rules.items(), key=lambda each: (any(rule.everything for rule in each[1]), each[0]))
    return tuple(rule for _, layouts in files for rule in layouts)


def find_rule_file(name: str, extra_folder: Path | None = None) -> tuple[Path, bool]:
    """The file that the rule `name` is read from, and whether it is one of the package's."""
    for folder in filter(None, (extra_folder, PACKAGE_RULES)):
        for path in _files_in(folder):
            if read_rule_file(path)[0].get("name") == name:
                return path, folder == PACKAGE_RULES
    raise RuleFileError(f"no rule file is named {name}. `leadflow rules check` reads all of them.")


def load_rule(path: Path) -> tuple[MailRule, ...]:
    """The rule of one file: one for each of its layouts. Raises `RuleFileError`."""
    content, line = read_rule_file(path)
    try:
        return mail_rules(content, file=str(path))
    except RuleError as error:
        where = line(*error.key.split("."))
        raise RuleFileError(f"{path}:{where}: {error.key}: {error.problem}. {error.remedy}") from error


def read_rule_file(path: Path) -> tuple[dict[str, Any], Callable[..., int]]:
    """The content of one file, and the line on which each of its keys stands. Raises `RuleFileError`."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise RuleFileError(f"{path}: cannot be read: {error}. It must be a text file in UTF-8.") from error
    try:
        content = yaml.load(text, Loader=_StrictLoader)
    except yaml.YAMLError as error:
        line = getattr(getattr(error, "problem_mark", None), "line", 0) + 1
        problem = getattr(error, "problem", None) or "cannot be read"
        raise RuleFileError(f"{path}:{line}: is not YAML: {problem}. Look at indentation and quotes there.") from error
    except ValueError as error:
        raise RuleFileError(f"{path}: holds a value that YAML cannot read: {error}. Put it in quotes.") from error
    except RecursionError as error:
        raise RuleFileError(f"{path}: is nested too deep. A rule needs four levels.") from error
    if not isinstance(content, dict):
        raise RuleFileError(f"{path}:1: is not a rule. A rule begins with `name:`, `source:`, `version:`, `match:`.")
    return content, lambda *keys: _line_of(yaml.compose(text, Loader=_FastLoader), keys)


def rules_version(rules: Sequence[MailRule]) -> str:
    """A short hash of what the rules say: another one means that mails may be read differently."""
    digest = hashlib.sha256()
    for rule in sorted(rules, key=lambda each: each.name):
        digest.update(_canonical(rule).encode("utf-8", "backslashreplace"))
    return digest.hexdigest()[:12]


def _files_in(folder: Path) -> list[Path]:
    return sorted((*folder.glob("*.yaml"), *folder.glob("*.yml")))


def _rules_in(folder: Path) -> dict[str, tuple[MailRule, ...]]:
    rules: dict[str, tuple[MailRule, ...]] = {}
    files: dict[str, Path] = {}
    for path in _files_in(folder):
        layouts = load_rule(path)
        name = layouts[0].file_name
        if name in rules:
            raise RuleFileError(f"{path}: name: `{name}` is the rule of {files[name]} too. Rename one of them.")
        rules[name], files[name] = layouts, path
    return rules


def _canonical(value: Any) -> str:
    """A value's content as text that is the same in every process: no set order, no object addresses."""
    if isinstance(value, MailRule):
        fields = value.__dataclass_fields__
        return "|".join(f"{name}={_canonical(getattr(value, name))}" for name in fields)
    if hasattr(value, "__dataclass_fields__"):
        return "(" + ";".join(_canonical(getattr(value, name)) for name in value.__dataclass_fields__) + ")"
    if isinstance(value, dict):
        return "{" + ",".join(f"{key}:{_canonical(each)}" for key, each in value.items()) + "}"
    if isinstance(value, frozenset):
        return "{" + ",".join(sorted(map(_canonical, value))) + "}"
    if isinstance(value, tuple):
        return "[" + ",".join(map(_canonical, value)) + "]"
    return repr(getattr(value, "pattern", value))


def _line_of(node: yaml.Node | None, path: Sequence[str]) -> int:
    """The line where a key stands, or the nearest one above it that the file has."""
    line = 1
    for part in path:
        found = next((each for each in _children(node) if each[0] == part), None)
        if found is None:
            return line
        _, line, node = found
    return line


def _children(node: yaml.Node | None) -> Iterator[tuple[str, int, yaml.Node]]:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield str(key.value), key.start_mark.line + 1, value
    elif isinstance(node, yaml.SequenceNode):
        for number, value in enumerate(node.value):
            yield str(number), value.start_mark.line + 1, value


class _StrictLoader(_FastLoader):  # type: ignore[misc]
    """Refuses a key given twice, of which plain YAML silently keeps the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key `{key.value}` stands there twice", key.start_mark
                )
            seen.add(str(key.value))
        mapping: dict[Hashable, Any] = super().construct_mapping(node, deep=deep)
        return mapping
