"""How querysets become pipelines."""

from typing import Any

from django_mongodb_backend import compiler
from django_mongodb_backend.compiler import (
    SQLAggregateCompiler,
    SQLDeleteCompiler,
    SQLInsertCompiler,
    SQLUpdateCompiler,
)

__all__ = ["SQLAggregateCompiler", "SQLCompiler", "SQLDeleteCompiler", "SQLInsertCompiler", "SQLUpdateCompiler"]


class SQLCompiler(compiler.SQLCompiler):  # type: ignore[misc]
    """Sorts by fields as they are.

    The backend (5.2.4) first sets each to itself, after which MongoDB reads the whole collection and sorts it in memory
    for a page of it.
    """

    def build_query(self, columns: Any = None) -> Any:
        query = super().build_query(columns)
        if columns is None and query.extra_fields:
            added = query.extra_fields.items()
            query.extra_fields = {name: value for name, value in added if value != f"${name}"}
        return query
