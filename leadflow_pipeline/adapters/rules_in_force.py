"""The rules that judge now, and their version: another one means that quarantined events are worth another try.

A rule file that cannot be read must not stop all leads: the folder as it was last readable stays in force, and the
problem is told. What a rule may say is decided in `domain.mail_rules`.
"""

import functools
import hashlib
import json
import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from leadflow_pipeline import domain
from leadflow_pipeline.adapters.rule_files import RuleFileError, load_rules
from leadflow_pipeline.domain.mail_rules import MailRule

DOMAIN_FOLDER = Path(domain.__file__).parent
KEPT_FILE = "rules_in_force.json"
SUFFIXES = (".yaml", ".yml")


@dataclass(frozen=True, kw_only=True)
class RulesInForce:
    """The rules, what they are called together, and what is wrong with those that were meant to be in force."""

    rules: Sequence[MailRule]
    version: str  # hash of the rule files and of all code that reads or cleans a lead
    problem: str | None = None


def read_rules_in_force(rules_dir: Path | None, home: Path) -> RulesInForce:
    """The package's rules and those of `rules_dir`; the folder as last readable (kept in `home`) if it is broken now.

    Files are read again only when one has changed. Raises `RuleFileError` when a broken folder has never been readable.
    """
    return _read(rules_dir, home, _signature(DOMAIN_FOLDER, (".py", *SUFFIXES)), _signature(rules_dir, SUFFIXES))


@functools.lru_cache(maxsize=4)
def _read(
    rules_dir: Path | None, home: Path, code: tuple[tuple[str, int, int], ...], own: tuple[tuple[str, int, int], ...]
) -> RulesInForce:
    code_hash = _hash_files([Path(path) for path, _, _ in code])
    kept_file = home / KEPT_FILE
    try:
        rules = load_rules(rules_dir)
    except RuleFileError as error:
        kept = _kept_files(kept_file)
        if kept is None:
            raise
        return RulesInForce(rules=_load_kept(kept), version=_version(code_hash, kept), problem=str(error))
    files = {Path(path).name: Path(path).read_text(encoding="utf-8-sig") for path, _, _ in own}
    if rules_dir is not None:
        _keep(kept_file, files)
    return RulesInForce(rules=rules, version=_version(code_hash, files))


def _signature(folder: Path | None, suffixes: tuple[str, ...]) -> tuple[tuple[str, int, int], ...]:
    """Path, time and size of each file: the same as long as nobody has touched them."""
    if folder is None or not folder.is_dir():
        return ()
    found = []
    for path in sorted(folder.rglob("*") if folder == DOMAIN_FOLDER else folder.iterdir()):
        if path.suffix in suffixes:
            stat = path.stat()
            found.append((str(path), stat.st_mtime_ns, stat.st_size))
    return tuple(found)


def _hash_files(paths: Sequence[Path]) -> str:
    digest = hashlib.sha256()
    for path in paths:
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def _version(code_hash: str, files: dict[str, str]) -> str:
    own = json.dumps(files, sort_keys=True)
    return hashlib.sha256(f"{code_hash}{own}".encode("utf-8", "backslashreplace")).hexdigest()[:12]


def _keep(kept_file: Path, files: dict[str, str]) -> None:
    """Remember the folder as it is readable now; whole or not at all, whoever writes at the same time."""
    if _kept_files(kept_file) == files:
        return
    kept_file.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=kept_file.parent, delete=False) as written:
        json.dump(files, written)
    os.replace(written.name, kept_file)


def _kept_files(kept_file: Path) -> dict[str, str] | None:
    try:
        kept = json.loads(kept_file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return {str(name): str(text) for name, text in kept.items()}


def _load_kept(files: dict[str, str]) -> Sequence[MailRule]:
    with tempfile.TemporaryDirectory(prefix="leadflow-rules-") as folder:
        for name, text in files.items():
            (Path(folder) / name).write_text(text, encoding="utf-8")
        return load_rules(Path(folder))
