"""manage.py show_pipeline"""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser

from ecommerce.contracts import picture
from ecommerce.management.command import ProjectCommand
from ecommerce.registry import services

PAGE = Path("docs/pipeline.md")
_BEGIN, _END = "<!-- of the code: manage.py show_pipeline --write -->", "<!-- end -->"


class Command(ProjectCommand):
    help = "Draws who publishes what and who takes it, from the code: Mermaid, and a table of the events."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--write", action="store_true", help=f"put it into {PAGE}")

    def handle(self, *, write: bool, **_: Any) -> None:
        drawn = f"```mermaid\n{picture.chart(services())}\n```\n\n{picture.table(services())}"
        if not write:
            self.stdout.write(drawn)
            return
        page = settings.BASE_DIR / PAGE
        before, begin, rest = page.read_text().partition(_BEGIN)
        _old, end, after = rest.partition(_END)
        if not begin or not end:
            raise CommandError(f"{PAGE} lacks the lines {_BEGIN} and {_END}, between which it goes")
        page.write_text(f"{before}{_BEGIN}\n\n{drawn}\n\n{_END}{after}")
        self.stdout.write(f"{PAGE} written")
