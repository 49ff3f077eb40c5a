"""`make bench`: the pipeline against a floor on bare drivers, measured in turn in one run; reports in `var/bench`."""

import argparse
import logging
import os
import signal
import sys
import tempfile
from io import StringIO
from pathlib import Path

import django
import msgspec

os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
django.setup()

from django.core.management import call_command  # noqa: E402

from deploy.local.places import VAR  # noqa: E402
from tests import settings  # noqa: E402
from tests.load.bench import Bench, Plan, Results  # noqa: E402
from tests.load.plot import svg  # noqa: E402
from tests.load.report import text  # noqa: E402
from tests.servers import all_servers  # noqa: E402


def main() -> None:
    """Measures, and writes the report. Whatever way it ends, what it started ends too."""
    plan, into = _told()
    logging.disable(logging.WARNING)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    ports = {"mongo_ports": settings.MONGO_PORTS, "kafka_ports": settings.KAFKA_PORTS}
    with (
        tempfile.TemporaryDirectory(prefix=f"ecommerce-test-{os.getpid()}-", ignore_cleanup_errors=True) as folder,
        all_servers(**ports, redis_port=settings.REDIS_PORT, like_production=True) as servers,
    ):
        call_command("migrate_all", stdout=StringIO(), verbosity=0)
        results = Bench(plan, servers, Path(folder)).run()
    _write(results, into)


def _write(results: Results, into: Path) -> None:
    into.mkdir(parents=True, exist_ok=True)
    report = text(results)
    (into / "report.txt").write_text(report)
    (into / "report.json").write_bytes(msgspec.json.format(msgspec.json.encode(results)))
    (into / "report.svg").write_text(svg(results))
    print(report)
    print(f"written: {into}/report.txt, report.json, report.svg")


def _told() -> tuple[Plan, Path]:
    parser = argparse.ArgumentParser(prog="python -m tests.load", description=__doc__)
    parser.add_argument("--orders", type=int, default=20_000, help="of a drain")
    parser.add_argument("--repeat", type=int, default=3, help="times that floor and pipeline are measured in turn")
    parser.add_argument("--keeper", action="store_true", help="drain bare programs that keep as much, too")
    parser.add_argument("--seconds", type=float, default=10, help="of a latency row; a third of it of an intake row")
    parser.add_argument("--sizes", type=int, nargs="*", default=[], help="drains with so many finished orders there")
    parser.add_argument("--pages", type=int, nargs="*", default=[], help="pages of lists of so many orders")
    parser.add_argument("--consumers", type=int, nargs="*", default=[], help="drains with so many consumers a service")
    parser.add_argument("--watchers", type=int, default=0, help="clients of the live view, at 100 orders/s")
    parser.add_argument("--watched-seconds", type=float, default=60, help="that they watch")
    parser.add_argument("--small-orders", type=int, default=2_000, help="of a drain of those two rows")
    parser.add_argument("--small-repeat", type=int, default=1, help="times that those are measured")
    parser.add_argument("--into", type=Path, default=VAR / "bench", help="folder of the report")
    told = parser.parse_args()
    plan = Plan(
        orders=told.orders,
        repeat=told.repeat,
        keeper=told.keeper,
        seconds=told.seconds,
        sizes=tuple(told.sizes),
        page_sizes=tuple(told.pages),
        consumers=tuple(told.consumers),
        watchers=told.watchers,
        watched_seconds=told.watched_seconds,
        small_orders=told.small_orders,
        small_repeat=told.small_repeat,
    )
    return plan, told.into


if __name__ == "__main__":
    main()
