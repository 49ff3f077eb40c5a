"""manage.py audit"""

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from ecommerce.audit.run import Audit
from ecommerce.registry import engine, services


class Command(BaseCommand):
    help = "Proves the promises from the databases and the gateway's ledger. Exits with 1 on any violation."

    def add_arguments(self, parser: ArgumentParser) -> None:
        late = settings.ORDER_DEADLINE.total_seconds() + 60
        parser.add_argument("--stuck-after", type=float, default=late, metavar="SECONDS")
        parser.add_argument("--no-gateway", action="store_true", help="do not compare with the gateway's ledger")

    def handle(self, *, stuck_after: float, no_gateway: bool, **_: Any) -> None:
        if settings.ENV.SERVICE != "all":
            self.stderr.write("the audit reads all services: run it with SERVICE=all")
            raise SystemExit(2)
        audit = Audit(
            {service.name: engine(service.name) for service in services()},
            patience=timedelta(seconds=stuck_after),
            gateway_url=None if no_gateway else settings.GATEWAY_URL,
        )
        report = audit.run()
        for violation in report.violations:
            self.stdout.write(f"VIOLATION {violation}")
        self.stdout.write(
            f"audit: {report.orders} orders, {report.ended} ended, {report.in_flight} in flight; "
            f"gateway's ledger: {report.ledger}; {len(report.violations)} violations"
        )
        if report.violations:
            raise SystemExit(1)
