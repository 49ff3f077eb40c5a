"""manage.py rotate_master_key"""

from argparse import ArgumentParser
from typing import Any

from ecommerce import masterkeys, rotation
from ecommerce.management.command import ProjectCommand
from ecommerce.progress import watched


class Command(ProjectCommand):
    help = (
        "Wraps every data key anew by MASTER_KEY. Where it was interrupted, the next run goes on. "
        "Exits with 1 while a data key needs another master key."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--check", action="store_true", help="only count the data keys that need an old master key")

    def handle(self, *, check: bool, **_: Any) -> None:
        masters = masterkeys.configured()
        if not check:
            self._rotate(masters)
        left = rotation.by_master_key()
        present = left.pop(masters.present, 0)
        self.stdout.write(f"{present} data keys are wrapped by MASTER_KEY ({masters.present})")
        if not left:
            self.stdout.write("none needs an old one: MASTER_KEYS_OLD can be emptied")
            return
        for id, count in left.items():
            self.stdout.write(f"{count} need the old master key {id or '(of a time without ids)'}")
        self.stdout.write("keep MASTER_KEYS_OLD; manage.py rotate_master_key wraps them anew")
        raise SystemExit(1)

    def _rotate(self, masters: masterkeys.MasterKeys) -> None:
        left = rotation.by_master_key()
        batches = -(-(left.total() - left[masters.present]) // rotation.BATCH)
        rotating = watched(rotation.rotate(masters), f"batches of {rotation.BATCH} keys", of=batches)
        *_, progress = rotation.Progress(), *rotating
        self.stdout.write(f"{progress.wrapped} data keys wrapped anew")
        for why in progress.locked.values():
            self.stderr.write(why)
        if progress.kept:
            self.stderr.write(f"{progress.kept} data keys were left as they are")
