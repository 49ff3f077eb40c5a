"""manage.py audit"""

import json
from argparse import ArgumentParser, ArgumentTypeError
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings

from ecommerce.audit import scheduled
from ecommerce.audit.repairs import Repairs
from ecommerce.audit.run import Audit, Report
from ecommerce.audit.snapshot import Snapshot
from ecommerce.audit.story import Repair, Violation
from ecommerce.management import arguments
from ecommerce.management.command import ProjectCommand
from ecommerce.progress import unwatched, watched
from ecommerce.registry import engine, services


class Command(ProjectCommand):
    help = (
        "Proves the promises from the databases, the topics and the gateway's ledger. Names each violation and the "
        "command that repairs it. Exits with 1 on any violation that is left, with 2 where it cannot judge."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        late = settings.ORDER_DEADLINE.total_seconds() + 60
        parser.add_argument("--stuck-after", type=float, default=late, metavar="SECONDS")
        parser.add_argument("--no-gateway", action="store_true", help="do not compare with the gateway's ledger")
        parser.add_argument("--no-topics", action="store_true", help="do not compare with Kafka's topics")
        some = parser.add_mutually_exclusive_group()
        some.add_argument("--order", action="append", metavar="ID", help="only this order; may be repeated")
        some.add_argument(
            "--since",
            type=_since,
            metavar="TIME",
            help=f"only orders to which something has happened since {arguments.TIMES}; or snapshot: those that the "
            "audits that run by themselves have not found settled and right",
        )
        parser.add_argument("--repair", action="store_true", help="make the repairs that are always safe, audit again")
        parser.add_argument("--json", action="store_true", help="one JSON document instead of text")

    def handle(self, *, repair: bool, **options: Any) -> None:
        if settings.ENV.SERVICE != "all":
            self.stderr.write("the audit reads all services: run it with SERVICE=all")
            raise SystemExit(2)
        made = list[str]()
        report = self._audit(**options)
        if repair and any(violation.safe for violation in report.violations):
            made = self._repair(report.violations)
            report = self._audit(**options)
        self._say(report, made, as_json=options["json"])
        if report.violations:
            raise SystemExit(1)

    def _audit(
        self,
        *,
        order: list[str] | None,
        since: Snapshot | datetime | None,
        stuck_after: float,
        no_gateway: bool,
        no_topics: bool,
        json: bool,
        **_: Any,
    ) -> Report:
        audit = Audit(
            {service.name: engine(service.name) for service in services()},
            patience=timedelta(seconds=stuck_after),
            gateway_url=None if no_gateway else settings.GATEWAY_URL,
            topics=not no_topics,
            watch=unwatched if json else watched,
        )
        if order:
            return audit.run_of(order)
        if isinstance(since, Snapshot):
            return audit.run_since(since.since, oldest=since.oldest, also=since.open)
        return audit.run_since(since) if since else audit.run()

    def _repair(self, violations: list[Violation]) -> list[str]:
        repairs = Repairs({service.name: engine(service.name) for service in services()})
        wanted: dict[Repair, Violation] = {each.safe: each for each in violations if each.safe}
        return [f"{violation.name}: {repairs.make(repair)}" for repair, violation in wanted.items()]

    def _say(self, report: Report, made: list[str], *, as_json: bool) -> None:
        if as_json:
            document = asdict(report) | {"repaired": made}
            del document["open"]
            self.stdout.write(json.dumps(document, default=str, indent=1))
            return
        for line in made:
            self.stdout.write(f"REPAIRED {line}")
        for violation in report.violations:
            self.stdout.write(f"VIOLATION {violation}")
        self.stdout.write(str(report))


def _since(text: str) -> Snapshot | datetime:
    if text != "snapshot":
        return arguments.time(text)
    found = scheduled.snapshot()
    if found is None:
        raise ArgumentTypeError("there is no snapshot: no audit has run by itself yet")
    return found
