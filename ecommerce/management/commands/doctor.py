"""manage.py doctor"""

from typing import Any

from ecommerce import doctor
from ecommerce.management.command import ProjectCommand


class Command(ProjectCommand):
    help = (
        "Says how each part of the pipeline does, and names what holds it up with the next command. Exits with 1 then."
    )

    def handle(self, **_: Any) -> None:
        seen = doctor.look()
        for name, said in doctor.state(seen):
            self.stdout.write(f"{name:<12}{said}")
        found = list(doctor.ailments(seen))
        self.stdout.write(f"\n{len(found)} things are wrong:" if found else "\nhealthy")
        for ailment in found:
            self.stdout.write(f"- {ailment.what}\n    → {ailment.action}")
        if found:
            raise SystemExit(1)
