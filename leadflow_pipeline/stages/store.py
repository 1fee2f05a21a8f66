"""The ports that stages write through: a store of named queries with transactions.

`adapters.database.Database` is the real one. No query and no driver in here.
"""

import json
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import is_dataclass
from decimal import Decimal
from typing import Any, Protocol


class StoreTransaction(Protocol):
    """Named queries within one transaction."""

    def rows(self, query: str, **parameters: Any) -> list[Mapping[str, Any]]: ...

    def row(self, query: str, **parameters: Any) -> Mapping[str, Any] | None: ...

    def value(self, query: str, **parameters: Any) -> Any: ...

    def execute(self, query: str, **parameters: Any) -> int: ...


class Store(Protocol):
    """Opens transactions; raises `TransientError` when it cannot."""

    def transaction(self) -> AbstractContextManager[StoreTransaction]: ...


def as_json_rows(rows: Iterable[Mapping[str, Any]]) -> str:
    """Rows as one JSON array, the form in which whole batches go to the database.

    A dataclass is a row by `vars`, and may hold others: `asdict` would copy every value of a batch first.
    """
    return json.dumps(list(rows), default=_as_json, ensure_ascii=False)


def _as_json(value: object) -> object:
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, tuple | set | frozenset):
        return list(value)
    if isinstance(value, Mapping):
        return dict(value)
    if is_dataclass(value):
        return vars(value)
    raise TypeError(f"{type(value).__name__} has no form in JSON")
