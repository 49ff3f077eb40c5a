"""manage.py erase_customer <id or user name>"""

import getpass
from argparse import ArgumentParser
from typing import Any

import msgspec
from confluent_kafka import KafkaException
from django.conf import settings
from django.core.management.base import CommandError
from django.db import DatabaseError
from pymongo.errors import PyMongoError
from redis.exceptions import RedisError

from ecommerce.erasure.known import Personal
from ecommerce.erasure.steps import Erasing, is_done
from ecommerce.management.command import ProjectCommand
from ecommerce.masterkeys import Locked
from ecommerce.platform.models import DataKey, Erasure, User
from ecommerce.progress import unwatched, watched
from ecommerce.vault import Erased, vault
from orders import selectors
from orders.domain import Status
from orders.sealing import opened

_ENDED = (Status.COMPLETED, Status.DELIVERED, Status.CANCELLED)


class Command(ProjectCommand):
    help = (
        "Destroys a customer's data keys, closes the account, searches every store for what is left, and gives a "
        "receipt. Exits with 1 if anything was found. Run again, it completes what was interrupted."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("customer", help="id or user name")
        parser.add_argument("--reason", default="asked for by the customer", help="for the record")
        parser.add_argument("--by", default=getpass.getuser(), help="for the record; default: your name here")
        parser.add_argument("--keep-account", action="store_true", help="only what is sealed: they can order again")
        parser.add_argument("--no-wait", action="store_true", help="do not wait until other processes forget the keys")
        parser.add_argument("--yes", action="store_true", help="do not ask")
        parser.add_argument("--json", action="store_true", help="the receipt as JSON")

    def handle(self, *, customer: str, yes: bool, json: bool, **options: Any) -> None:
        if settings.ENV.SERVICE != "all":
            raise CommandError("every store is searched: run it with SERVICE=all")
        try:
            self._erase(*_found(customer), yes=yes, json=json, **options)
        except (KafkaException, RedisError, PyMongoError, DatabaseError, Locked) as error:
            raise CommandError(f"not completed, run it again: {error}") from error

    def _erase(self, id: str, user: User | None, *, yes: bool, json: bool, **options: Any) -> None:
        keep_account = options["keep_account"]
        if user and user.is_staff and not keep_account:
            raise CommandError(f"{id} belongs to the staff, who act on record: take that away, or --keep-account")
        if is_done(id, user, keep_account=keep_account):
            self._say_what_was_found(id)
            return
        who = f"{id} ({user.username})" if user else id
        if not yes and input(f"Erase the customer {who} for ever? [yes/no] ") != "yes":
            raise CommandError("nothing was erased")
        erasing = Erasing(
            customer_id=id,
            user=user,
            by=options["by"],
            reason=options["reason"],
            read=_personal,
            keep_account=keep_account,
            wait=not options["no_wait"],
            watch=unwatched if json else watched,
        )
        receipt = erasing.run()
        self.stdout.write(msgspec.json.encode(receipt).decode() if json else "\n".join(receipt.lines()))
        if not receipt.is_clean:
            raise SystemExit(1)

    def _say_what_was_found(self, id: str) -> None:
        self.stdout.write(f"nothing is left of {id} to erase")
        last = Erasure.objects.filter(customer_id=id).order_by("-finished_at").first()
        if last and not last.is_clean:
            stores = (each for each in last.receipt["stores"] if each["hits"] or each["error"])
            self.stdout.write("but look into " + ", ".join(each["store"] for each in stores))
            raise SystemExit(1)


def _found(customer: str) -> tuple[str, User | None]:
    # The id first: whoever calls themselves by the id of another must not be taken for them.
    user = User.objects.filter(pk=customer).first() or User.objects.filter(username=customer).first()
    if user is not None:
        return user.pk, user
    if DataKey.objects.filter(customer_id=customer).exists():
        return customer, None  # the account was deleted, and left what is sealed behind
    said = f"there is no customer {customer!r}; one who was erased is known by the id alone"
    if begun := ", ".join(Erasure.objects.filter(finished_at=None).values_list("customer_id", flat=True)):
        said += f". Begun and not completed: {begun}"
    raise CommandError(said)


def _personal(customer_id: str) -> tuple[list[Personal], int, int]:
    """What is known of a customer, each different order once, and how many orders there are and are in flight."""
    known, total, in_flight = set(), 0, 0
    for order_id, status, sealed in selectors.sealed_of(customer_id):
        total += 1
        in_flight += status not in _ENDED
        try:
            address, token = opened(vault(), order_id, sealed)
        except (Erased, ValueError):  # what nobody can read is no reason to keep the rest
            continue
        known.add(Personal((address.name, address.line1, token), (address.city, address.postal_code)))
    return sorted(known), total, in_flight
