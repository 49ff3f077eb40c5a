"""manage.py audit"""

import json
from argparse import ArgumentParser
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from ecommerce.audit.repairs import Repairs
from ecommerce.audit.run import Audit, Report
from ecommerce.audit.story import Repair, Violation
from ecommerce.registry import engine, services


class Command(BaseCommand):
    help = (
        "Proves the promises from the databases, the topics and the gateway's ledger. Names each violation and the "
        "command that repairs it. Exits with 1 on any violation that is left, with 2 where it cannot judge."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        late = settings.ORDER_DEADLINE.total_seconds() + 60
        parser.add_argument("--stuck-after", type=float, default=late, metavar="SECONDS")
        parser.add_argument("--no-gateway", action="store_true", help="do not compare with the gateway's ledger")
        parser.add_argument("--no-topics", action="store_true", help="do not compare with Kafka's topics")
        parser.add_argument("--order", action="append", metavar="ID", help="only this order; may be repeated")
        parser.add_argument("--repair", action="store_true", help="make the repairs that are always safe, audit again")
        parser.add_argument("--json", action="store_true", help="one JSON document instead of text")

    def handle(self, *, order: list[str] | None, repair: bool, **options: Any) -> None:
        if settings.ENV.SERVICE != "all":
            self.stderr.write("the audit reads all services: run it with SERVICE=all")
            raise SystemExit(2)
        only, made = set(order or ()), list[str]()
        report = self._audit(only, **options)
        if repair and any(violation.safe for violation in report.violations):
            made = self._repair(report.violations)
            report = self._audit(only, **options)
        self._say(report, made, as_json=options["json"])
        if report.violations:
            raise SystemExit(1)

    def _audit(self, only: set[str], *, stuck_after: float, no_gateway: bool, no_topics: bool, **_: Any) -> Report:
        audit = Audit(
            {service.name: engine(service.name) for service in services()},
            patience=timedelta(seconds=stuck_after),
            gateway_url=None if no_gateway else settings.GATEWAY_URL,
            topics=not no_topics,
        )
        return audit.run(only)

    def _repair(self, violations: list[Violation]) -> list[str]:
        repairs = Repairs({service.name: engine(service.name) for service in services()})
        wanted: dict[Repair, Violation] = {each.safe: each for each in violations if each.safe}
        return [f"{violation.name}: {repairs.make(repair)}" for repair, violation in wanted.items()]

    def _say(self, report: Report, made: list[str], *, as_json: bool) -> None:
        if as_json:
            document = asdict(report) | {"repaired": made}
            self.stdout.write(json.dumps(document, default=str, indent=1))
            return
        for line in made:
            self.stdout.write(f"REPAIRED {line}")
        for violation in report.violations:
            self.stdout.write(f"VIOLATION {violation}")
        self.stdout.write(str(report))
