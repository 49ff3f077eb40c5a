"""manage.py seed"""

import time
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.contrib.auth.models import Group
from django.core.management.base import CommandError

from ecommerce import identity
from ecommerce.management.command import ProjectCommand
from ecommerce.messages import Command as Wish
from ecommerce.platform import roles
from ecommerce.platform.models import User
from ecommerce.registry import engine
from inventory.messages import AdjustStock, PutProduct

PASSWORD = "demo-pass-1"
USERS = {"admin": {"is_staff": True, "is_superuser": True}, "staff": {"is_staff": True}, "alice": {}, "bob": {}}
ROLES_OF_STAFF = ("support", "warehouse", "finance", "operator")
PRODUCTS = [
    ("Espresso cup", 1250),
    ("Saucer", 650),
    ("Tea pot", 3490),
    ("French press", 2999),
    ("Milk jug", 1799),
    ("Hand grinder", 8900),
    ("Kettle", 5450),
    ("Scale", 4200),
    ("Filter paper", 499),
    ("Dripper", 1999),
    ("Tamper", 2750),
    ("Tray", 2199),
    ("Mug", 1199),
    ("Travel mug", 2499),
    ("Sugar bowl", 1649),
    ("Spoon set", 1399),
    ("Tea towel", 899),
    ("Coffee beans", 1599),
    ("Green tea", 1149),
    ("Gift card", 5000),
]
ON_HAND = 1000


class Command(ProjectCommand):
    help = "Makes the demo's users and products. Run again, it changes nothing."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--wait", type=float, default=60, help="seconds to wait until orders knows the prices")

    def handle(self, *, wait: float, **_: Any) -> None:
        if settings.PRODUCTION:
            raise CommandError("seed makes users with a known password: refused where ENVIRONMENT=production")
        self.stdout.write(f"{self._users()} users and {self._products()} products made")
        self._wait_for_prices(time.monotonic() + wait)

    def _users(self) -> int:
        made = 0
        roles.establish()
        for name, rights in USERS.items():
            if not User.objects.filter(username=name).exists():
                user = User(username=name, **rights)
                user.set_password(PASSWORD)
                user.save(force_insert=True)
                made += 1
        User.objects.get(username="staff").groups.add(*Group.objects.filter(name__in=ROLES_OF_STAFF))
        return made

    def _products(self) -> int:
        inventory = engine("inventory")
        wishes: list[tuple[str, Wish]] = []
        for number, (name, price) in enumerate(PRODUCTS, start=1):
            sku = f"SKU-{number:03}"
            wishes.append(("product", PutProduct(sku=sku, name=name, price=price, currency="USD")))
            wishes.append(("stock", AdjustStock(sku=sku, delta=ON_HAND, reason="opening stock", by="seed")))
        outcomes = inventory.take(
            [inventory.input(wish, id=identity.derived_id("seed", what, wish.key)) for what, wish in wishes]
        )
        return sum(not outcome.duplicate for outcome in outcomes) // 2

    def _wait_for_prices(self, deadline: float) -> None:
        if "orders" not in settings.SERVED:
            self.stdout.write("this process does not serve orders, so whether it has the prices is not checked")
            return
        # Orders' own copy, read as its admin would: no code of orders is needed for that.
        prices = engine("orders").database["products"]
        skus = [f"SKU-{number:03}" for number in range(1, len(PRODUCTS) + 1)]
        self.stdout.write("waiting until orders knows the prices")
        while (known := prices.count_documents({"_id": {"$in": skus}})) < len(skus):
            if time.monotonic() >= deadline:
                raise CommandError(
                    f"orders knows {known} of {len(skus)} prices: are the relay and consumer-orders running? (make ps)"
                )
            time.sleep(0.1)
        self.stdout.write(f"orders knows all {len(skus)} prices")
