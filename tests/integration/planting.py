"""Violations planted, seen and repaired: a table of what breaks the data in which way."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from io import StringIO
from typing import Any

from django.core.management import call_command

from ecommerce.audit.names import Name
from ecommerce.environment import SERVICES
from tests.integration.saga import Saga

Plant = Callable[[Saga], str | None]
PLANTED: dict[Name, list[Plant]] = {}


def plants(*names: Name) -> Callable[[Plant], Plant]:
    """Registers a function that breaks the data so that these are named; it gives the subject, if it matters."""

    def register(plant: Plant) -> Plant:
        for name in names:
            PLANTED.setdefault(name, []).append(plant)
        return plant

    return register


@dataclass(frozen=True)
class Said:
    """What an audit said, and how it exited."""

    status: int
    text: str
    document: dict[str, Any] = field(default_factory=dict)

    @property
    def names(self) -> list[str]:
        return [each["name"] for each in self.document["violations"]]

    def commands(self, name: Name) -> list[str]:
        return [each["command"] for each in self.document["violations"] if each["name"] == name]

    def is_safe(self, name: Name) -> bool:
        return all(each["safe"] for each in self.document["violations"] if each["name"] == name)


def audit(*arguments: str) -> Said:
    """`manage.py audit` with these arguments, as text."""
    return _run("audit", *arguments)


def audited(*arguments: str) -> Said:
    """`manage.py audit --json`."""
    said = _run("audit", "--json", *arguments)
    return Said(said.status, said.text, json.loads(said.text))


def typed(command: str) -> Said:
    """A command exactly as it was printed."""
    program, *words = command.split()
    assert program == "manage.py"
    return _run(*words)


def _run(*words: str) -> Said:
    out, status = StringIO(), 0
    try:
        call_command(*words, stdout=out)
    except SystemExit as exit:
        status = int(exit.code or 0)
    return Said(status, out.getvalue())


class Backup:
    """A copy of all that the services have stored, which can be put back: what a person does where nothing is safe."""

    def __init__(self, saga: Saga) -> None:
        self._databases = [saga.engines[name].database for name in SERVICES]
        self._kept = [
            {name: list(database[name].find()) for name in database.list_collection_names()}
            for database in self._databases
        ]

    def put_back(self) -> None:
        for database, collections in zip(self._databases, self._kept, strict=True):
            for name in database.list_collection_names():
                kept = collections.get(name, [])
                database[name].delete_many({})
                if kept:
                    database[name].insert_many(kept)
