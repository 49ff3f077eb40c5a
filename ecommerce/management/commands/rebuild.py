"""manage.py rebuild"""

from argparse import ArgumentParser
from collections.abc import Iterator
from typing import Any

from django.core.management.base import CommandError

from ecommerce.engine import Engine
from ecommerce.management.command import ProjectCommand
from ecommerce.progress import watched
from ecommerce.rebuild import Difference, Fold, difference_of, repair
from ecommerce.registry import engine, services


class Command(ProjectCommand):
    help = "Re-makes every aggregate from its log and compares. Exits with 1 on any difference that stays."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--service", action="append", help="only this service; may be given several times")
        parser.add_argument("--key", help="only this order, in a moment; rows of stock need the whole log")
        parser.add_argument("--write", action="store_true", help="store what the log folds to where it differs")

    def handle(self, *, service: list[str] | None, key: str | None, write: bool, **_: Any) -> None:
        try:
            engines = [engine(name) for name in service or [each.name for each in services()]]
        except LookupError as error:
            raise CommandError(str(error)) from error
        left = 0
        for each in engines:
            for difference in self._differences(each, key):
                mended = write and repair(each.database, difference)
                left += not mended
                self.stdout.write(f"{'mended' if mended else 'DIFFERENCE'} {difference}")
        if left:
            self.stdout.write(f"{left} differences" + ("" if write else "; --write stores what the log says"))
            raise SystemExit(1)
        self.stdout.write("no difference")

    def _differences(self, each: Engine, key: str | None) -> Iterator[Difference]:
        if key is not None:
            difference = difference_of(each.service, each.database, key)
            yield from [difference] if difference else []
            return
        fold = Fold(each.service, each.database, watch=watched)
        yield from fold.differences()
        self.stdout.write(f"{each.service.name}: {fold.aggregates} aggregates folded from the log")
