"""manage.py explain_order <id>"""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from ecommerce import diagnosis, outbox, storage, tracing
from ecommerce.deadletters.letters import COLLECTION as DEAD_LETTERS
from ecommerce.engine import Engine
from ecommerce.management.command import ProjectCommand
from ecommerce.registry import engine, services

_HIDDEN = {"_id", "stamp", "sealed", "fingerprint", "v"}


class Command(ProjectCommand):
    help = "Shows what each service knows of an order, and says why it is where it is and what may be done."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("order_id")

    def handle(self, *, order_id: str, **_: Any) -> None:
        engines = [engine(service.name) for service in services()]
        known = [self._explain(each, order_id) for each in engines]
        if not any(known):
            served = ", ".join(each.service.name for each in engines)
            raise CommandError(f"no log has an order {order_id} ({served})")
        self.stdout.write(f"trace {tracing.trace_id(order_id)}")
        self._diagnose(order_id)

    def _diagnose(self, order_id: str) -> None:
        found = diagnosis.findings(order_id, services(), diagnosis.known(order_id, services()))
        self.stdout.write("why it is where it is:" if found else "it waits for nothing")
        for finding in found:
            self.stdout.write(f"  {finding}")
            if finding.action:
                self.stdout.write(f"    → {finding.action}")

    def _explain(self, each: Engine, order_id: str) -> bool:
        history = storage.history(each.database, order_id)
        collection = each.service.aggregates[0].collection
        state = each.database[collection].find_one({"_id": order_id}) or {}
        shown = {name: value for name, value in state.items() if name not in _HIDDEN and value not in ("", None, [], 0)}
        self.stdout.write(f"{each.service.name}: {', '.join(f'{name}={value}' for name, value in shown.items())}")
        for entry in history:
            kind = "made" if entry["own"] else "took"
            self.stdout.write(f"  {entry['v']:>3}  {entry['taken_at']:%H:%M:%S.%f}  {kind}  {entry['type']}")
        for letter in each.database[DEAD_LETTERS].find({"key": order_id}, sort=[("place", 1)]):
            self.stdout.write(
                f"  dead letter {letter['_id']}: {letter['status']} {letter['event_type']} {letter['error']}"
            )
        waiting = each.database[outbox.COLLECTION].count_documents({"messages.key": order_id})
        if waiting:
            self.stdout.write(
                f"  {waiting} outbox documents with its events have not been relayed: is the relay running?"
            )
        return bool(history)
