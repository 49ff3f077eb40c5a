"""The steps of an erasure, in an order in which a run that died anywhere is completed by the next.

The record comes first, so that an erasure that was begun is known. Then the account is closed, before the keys are
destroyed: nobody makes a new one. The name that it is found by goes last.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import ceil
from typing import Any

import msgspec
from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.contrib.sessions.models import Session
from django.db.models import QuerySet

from ecommerce import identity, typed
from ecommerce import vault as vaults
from ecommerce.erasure.known import Known, Personal
from ecommerce.erasure.receipt import Finding, Receipt, search
from ecommerce.erasure.stores import all_stores
from ecommerce.platform.models import DataKey, Erasure, SpentToken, User
from ecommerce.platform.signin import failures_of
from ecommerce.progress import Watch, unwatched
from ecommerce.vault import vault

ANONYMOUS = "erased-"


@dataclass(kw_only=True)
class Erasing:
    """One run. `read` gives what is sealed of a customer, in plain text, and the numbers of orders: all, in flight.

    `user` is None where the account was deleted.
    """

    customer_id: str
    user: User | None
    by: str
    reason: str
    read: Callable[[str], tuple[list[Personal], int, int]]
    keep_account: bool = False
    wait: bool = True
    watch: Watch = unwatched
    sleep: Callable[[float], None] = time.sleep

    record: Erasure = field(init=False)
    known: Known = field(init=False)
    orders: tuple[int, int] = (0, 0)
    stores: tuple[Finding, ...] = ()
    interrupted: bool = False

    def run(self) -> Receipt:
        """All of it. Raises what a step raises; the next run completes it."""
        for step in self.steps():
            step()
        return typed.convert(self.record.receipt, Receipt)

    def steps(self) -> list[Callable[[], None]]:
        """In order."""
        return [
            self.reach_everything,
            self.begin,
            self.read_what_is_known,
            self.close_account,
            self.destroy_keys,
            self.delete_traces,
            self.wait_for_others,
            self.destroy_keys_again,
            self.anonymise,
            self.search_stores,
            self.finish,
        ]

    def reach_everything(self) -> None:
        """What cannot be searched afterwards is found out before anything is destroyed."""
        all_stores()

    def begin(self) -> None:
        begun = Erasure.objects.filter(customer_id=self.customer_id, finished_at=None).first()
        self.record = begun or Erasure.objects.create(
            customer_id=self.customer_id, by=self.by, reason=self.reason, started_at=identity.now()
        )
        self.interrupted = self._destroyed().exists()

    def read_what_is_known(self) -> None:
        personal, *orders = self.read(self.customer_id)
        user = self._account()
        self.known = Known(personal, email=user.email, username=user.username) if user else Known(personal)
        self.orders = (orders[0], orders[1])

    def close_account(self) -> None:
        if user := self._account():
            user.is_active = False
            user.set_unusable_password()  # refresh tokens are worth nothing from here on
            user.save(update_fields=["is_active", "password"])

    def destroy_keys(self) -> None:
        # The customer of a kept account may have ordered again by now, in an earlier run's time: with a new key.
        vault().erase(self.customer_id, made_before=self.record.started_at if self.keep_account else None)

    def delete_traces(self) -> None:
        id, deleted = self.customer_id, dict(self.record.deleted)
        sessions = [each.pk for each in Session.objects.all() if each.get_decoded().get("_auth_user_id") == id]
        traces: dict[str, Any] = {"sessions": Session.objects.filter(pk__in=sessions)}
        if user := self._account():
            traces["failed sign-ins"] = failures_of(user)
        if not self.keep_account:
            kind = ContentType.objects.get_for_model(User)
            traces["tokens"] = SpentToken.objects.filter(user_id=id)
            traces["records of changes to the account"] = LogEntry.objects.filter(object_id=id, content_type=kind)
        for what, rows in traces.items():
            deleted[what] = deleted.get(what, 0) + rows.delete()[0]
        self.record.deleted = deleted
        self.record.save(update_fields=["deleted"])

    def wait_for_others(self) -> None:
        """Other processes may hold a key for as long as the vault lets them."""
        until = self._unreadable_from()
        if self.wait and until:
            seconds = ceil((until - identity.now()).total_seconds())
            for left in self.watch(
                self._left(until), "seconds until other processes have forgotten the keys", of=seconds
            ):
                self.sleep(min(1.0, left))

    def destroy_keys_again(self) -> None:
        """Those of a process that asked whether the account is closed just before it was."""
        self.destroy_keys()

    def anonymise(self) -> None:
        if user := self._account():
            user.username, user.email, user.first_name, user.last_name = f"{ANONYMOUS}{user.pk}", "", "", ""
            user.last_login = None
            user.save(update_fields=["username", "email", "first_name", "last_name", "last_login"])

    def search_stores(self) -> None:
        self.stores = tuple(search(all_stores(), self.known, self.watch))

    def finish(self) -> None:
        record = self.record
        record.finished_at = identity.now()
        receipt = Receipt(
            customer_id=record.customer_id,
            by=record.by,
            reason=record.reason,
            started_at=record.started_at,
            finished_at=record.finished_at,
            keys_destroyed=self._destroyed().count(),
            unreadable_from=self._unreadable_from(),
            orders=self.orders[0],
            orders_in_flight=self.orders[1],
            account="kept" if self.keep_account else "closed, and what named it is gone",
            deleted=record.deleted,
            searched_texts=self.known.searched,
            too_short=self.known.too_short,
            interrupted=self.interrupted,
            stores=self.stores,
        )
        record.receipt, record.is_clean = msgspec.to_builtins(receipt), receipt.is_clean
        record.save()

    def _left(self, until: datetime) -> Iterator[float]:
        while (left := (until - identity.now()).total_seconds()) > 0:
            yield left

    def _account(self) -> User | None:
        """The account that has to go, unless it has gone."""
        return None if self.keep_account or self.user is None or is_anonymous(self.user) else self.user

    def _destroyed(self) -> "QuerySet[DataKey]":
        return DataKey.objects.filter(customer_id=self.customer_id, destroyed_at__gte=self.record.started_at)

    def _unreadable_from(self) -> datetime | None:
        last = self._destroyed().order_by("-destroyed_at").first()
        return last.destroyed_at + timedelta(seconds=vaults.CACHE_SECONDS) if last and last.destroyed_at else None


def is_anonymous(user: User) -> bool:
    """Whether the account was erased before."""
    return user.username == f"{ANONYMOUS}{user.pk}"


def is_done(customer_id: str, user: User | None, *, keep_account: bool) -> bool:
    """Whether there is nothing left to do: no key, no name, no erasure that was begun and did not end."""
    begun = Erasure.objects.filter(customer_id=customer_id, finished_at=None)
    keys = DataKey.objects.filter(customer_id=customer_id, destroyed_at=None)
    nameless = keep_account or user is None or is_anonymous(user)
    return nameless and not begun.exists() and not keys.exists()
