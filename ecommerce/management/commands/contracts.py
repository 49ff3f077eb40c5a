"""manage.py contracts"""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser

from ecommerce.contracts import committed
from ecommerce.management.command import ProjectCommand
from ecommerce.registry import services

FOLDER = Path("docs/contracts")


class Command(ProjectCommand):
    help = (
        "Writes the contracts (JSON Schema of each event and version, AsyncAPI, OpenAPI) from the code. "
        "Refuses a change that breaks somebody who relies on a committed version, and names the field."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--check", action="store_true", help="write nothing; fail if a file is not as it would be")
        parser.add_argument("--folder", type=Path, default=settings.BASE_DIR / FOLDER)

    def handle(self, *, check: bool, folder: Path, **_: Any) -> None:
        if settings.ENV.SERVICE != "all":
            raise CommandError("contracts are those of all services: set SERVICE=all")
        objections = list(committed.objections(committed.today(services()), committed.versions(folder)))
        if objections:
            raise CommandError("\n".join(objections))
        stale = {path: text for path, text in committed.files(services()).items() if _read(folder / path) != text}
        if check and stale:
            raise CommandError(f"not as the code says: {', '.join(sorted(stale))}. Run: make contracts")
        for path, text in stale.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(text)
            self.stdout.write(f"{folder / path} written")
        if not stale:
            self.stdout.write("The contracts are as the code says.")


def _read(path: Path) -> bytes | None:
    return path.read_bytes() if path.exists() else None
