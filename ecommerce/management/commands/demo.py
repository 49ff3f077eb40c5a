"""manage.py demo"""

import time
from argparse import ArgumentParser
from collections import Counter
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import CommandError

from ecommerce.demo import BRANCHES, Placed, Shop, hops
from ecommerce.management.command import ProjectCommand
from ecommerce.percentiles import percentile


class Command(ProjectCommand):
    help = "Sends orders through every branch over the public API, then prints their fates, the hops and the audit."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--url", default=f"http://127.0.0.1:{settings.ENV.PORT}")
        parser.add_argument("--wait", type=float, help="seconds to wait for all to end (default: deadline + 60)")

    def handle(self, *, url: str, wait: float | None, **_: Any) -> None:
        call_command("seed", stdout=self.stdout)
        shop = Shop(url)
        placed = [one for branch in BRANCHES for one in branch.place(shop)]
        self.stdout.write(f"{len(placed)} orders placed at {url}")
        deadline = time.monotonic() + (wait or settings.ORDER_DEADLINE.total_seconds() + 60)
        self._wait(shop, placed, deadline)
        for one in placed:
            one.branch.follow_up(shop, one)
        failures = self._print_fates(shop, placed)
        self._print_hops([one.order_id for one in placed if one.branch.name == "plain order"])
        call_command("audit", stdout=self.stdout)
        if failures:
            raise CommandError(f"{failures} orders did not have the fate that was expected of them")

    def _wait(self, shop: Shop, placed: list[Placed], deadline: float) -> None:
        waiting, said = list(placed), ""
        while waiting:
            waiting = [one for one in waiting if not one.look(shop)]
            if waiting and time.monotonic() >= deadline:
                first = waiting[0]
                raise CommandError(
                    f"{len(waiting)} orders have not ended, the first is {first.order_id} ({first.status}, "
                    f"{first.branch.name}): manage.py audit, and the logs in logs/, tell more"
                )
            if waiting:
                kinds = self._kinds(waiting)
                if kinds != said:
                    self.stdout.write(f"waiting for {len(waiting)} orders: {kinds}")
                    self.stdout.flush()
                said = kinds
                time.sleep(0.2)

    def _kinds(self, waiting: list[Placed]) -> str:
        kinds = Counter(one.branch.name for one in waiting)
        return ", ".join(f"{count} × {name}" for name, count in kinds.items())

    def _print_fates(self, shop: Shop, placed: list[Placed]) -> int:
        self.stdout.write(f"\n{'branch':<34}{'orders':>6}  {'expected':<40}actual")
        failures = 0
        for branch in BRANCHES:
            fates = Counter(one.fate(shop) for one in placed if one.branch is branch)
            wrong = sum(count for fate, count in fates.items() if fate not in branch.expected)
            failures += wrong
            actual = ", ".join(f"{count} × {fate}" for fate, count in sorted(fates.items()))
            mark = "ok" if not wrong else "WRONG"
            expected = " or ".join(branch.expected)
            self.stdout.write(f"{branch.name:<34}{fates.total():>6}  {expected:<40}{actual}  {mark}")
        return failures

    def _print_hops(self, order_ids: list[str]) -> None:
        self.stdout.write("\nfrom event to event, milliseconds (plain orders, placed one after the other):")
        for name, values in hops(order_ids).items():
            self.stdout.write(f"  {name:<50}p50 {percentile(values, 50):>6.0f}   p95 {percentile(values, 95):>6.0f}")
        self.stdout.write("")
