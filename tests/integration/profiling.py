"""What MongoDB's own profiler says of the queries that run."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.db import connections


@dataclass(frozen=True)
class Query:
    """One operation: its plan as 'database.collection plan', and how many documents and index keys it looked at."""

    plan: str
    examined: int
    command: dict[str, Any]


@contextmanager
def queries() -> Iterator[list[Query]]:
    """Collects everything that runs inside."""
    found: list[Query] = []
    databases = [connections[alias].database for alias in connections]
    for database in databases:
        database.command("profile", 2)
    try:
        yield found
    finally:
        for database in databases:
            database.command("profile", 0)
            for each in database["system.profile"].find({"planSummary": {"$exists": True}}):
                examined = max(each.get("docsExamined", 0), each.get("keysExamined", 0))
                found.append(Query(f"{each['ns']} {each['planSummary']}", examined, each.get("command", {})))
            database["system.profile"].drop()


def scans(found: list[Query]) -> list[str]:
    return sorted({each.plan for each in found if "COLLSCAN" in each.plan})
