"""manage.py refund <order>"""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from ecommerce import identity
from ecommerce.management.command import ProjectCommand
from ecommerce.messages import Refused
from ecommerce.registry import engine
from payments.messages import RefundPayment


class Command(ProjectCommand):
    help = "Gives an order's money back, as staff can over the API. Safe to run again: there is one refund."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("order_id")
        parser.add_argument("--reason", default="manage.py refund", help="for the record")

    def handle(self, *, order_id: str, reason: str, **_: Any) -> None:
        command = RefundPayment(order_id=order_id, reason=reason, by="manage.py")
        try:
            engine("payments").execute(command, id=identity.new_id())
        except Refused as refused:
            raise CommandError(f"{order_id}: {refused.detail}") from refused
        self.stdout.write(f"the gateway is being asked to give the money of {order_id} back")
