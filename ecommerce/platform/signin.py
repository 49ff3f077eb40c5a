"""Signing in, by API and admin alike: who guesses passwords is held up.

After `SIGN_IN_FAILURES` wrong passwords for one name from one address, that name is locked for that address and no
other: nobody locks somebody else out. After `SIGN_IN_FAILURES_PER_ADDRESS` for whatever names, so is the address.
A lock answers a right password like a wrong one, and a name that nobody has like one that somebody has.

Failures are counted by MongoDB, one document each, after a password was compared and before anything is said about it:
of many who guess at the same moment no more are told than of those who guess one after the other.
"""

import hashlib
import hmac
import math
from datetime import timedelta
from functools import cache
from typing import Any

from django.conf import settings
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import Group, Permission
from django.db import connections
from django.db.models import QuerySet
from django.http import HttpRequest
from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError

from ecommerce import identity
from ecommerce.environment import derived
from ecommerce.http.addresses import address_of
from ecommerce.http.problems import SignInLocked
from ecommerce.platform.models import SignInFailure, User

LOCKED_FOR = timedelta(minutes=15)


class GuardedBackend(ModelBackend):
    """Django's own, behind the lock. `authenticate` raises `SignInLocked`."""

    def authenticate(
        self, request: HttpRequest | None, username: str | None = None, password: str | None = None, **kwargs: Any
    ) -> Any:
        if username is None or password is None:
            return None
        attempt = _Attempt(username, address_of(request))
        attempt.refuse_if_locked()
        user = super().authenticate(request, username=username, password=password, **kwargs)
        if user is None:
            attempt.count()
        else:
            attempt.refuse_if_locked()  # by others at the same moment: then this was one guess too many
            attempt.forget()
        return user

    # Django's own have MongoDB join every permission with every group's before it looks for these. What they give is
    # asked for no more than once a request, and kept at the user.

    def _get_user_permissions(self, user: User) -> QuerySet[Permission]:
        held = User.user_permissions.through.objects.filter(user=user.pk)
        return Permission.objects.filter(pk__in=_column(held, "permission_id"))

    def _get_group_permissions(self, user: User) -> QuerySet[Permission]:
        groups = User.groups.through.objects.filter(user=user.pk)
        held = Group.permissions.through.objects.filter(group__in=_column(groups, "group_id"))
        return Permission.objects.filter(pk__in=_column(held, "permission_id"))


def _column(rows: QuerySet[Any], name: str) -> list[Any]:
    return list(rows.values_list(name, flat=True))


class _Attempt:
    def __init__(self, name: str, address: str) -> None:
        self._digest = digest(name)
        self._limits = {
            digest(name, address): settings.SIGN_IN_FAILURES,
            digest("", address): settings.SIGN_IN_FAILURES_PER_ADDRESS,
        }
        connection = connections["default"]
        connection.ensure_connection()
        self._failures = connection.database[SignInFailure._meta.db_table]

    def refuse_if_locked(self) -> None:
        now = identity.now()
        for row in self._failures.find({"_id": {"$in": [*self._limits]}, "until": {"$gt": now}}):
            if row["count"] >= self._limits[row["_id"]]:
                raise SignInLocked(wait=math.ceil((row["until"].replace(tzinfo=now.tzinfo) - now).total_seconds()))

    def count(self) -> None:
        """Raises `SignInLocked` if others have used up the guesses since this one was let in."""
        for id, limit in self._limits.items():
            row = self._counted(id, limit)
            if row["count"] > limit:
                raise SignInLocked(wait=LOCKED_FOR.total_seconds())

    def _counted(self, id: str, limit: int) -> Any:
        # A lock ends when it was to end, however often somebody tries meanwhile.
        is_new = {"$lte": ["$until", "$$NOW"]}
        until = {"$add": ["$$NOW", int(LOCKED_FOR.total_seconds() * 1000)]}
        steps: list[dict[str, Any]] = [
            {"$set": {"count": {"$cond": [is_new, 1, {"$add": ["$count", 1]}]}, "name": self._digest}},
            {"$set": {"until": {"$cond": [{"$gt": ["$count", limit]}, "$until", until]}}},
        ]
        try:
            return self._failures.find_one_and_update(
                {"_id": id}, steps, upsert=True, return_document=ReturnDocument.AFTER
            )
        except DuplicateKeyError:  # two made the document at the same moment: now it is there
            return self._failures.find_one_and_update({"_id": id}, steps, return_document=ReturnDocument.AFTER)

    def forget(self) -> None:
        """What was mistyped before the right password. What came from the address for other names still counts."""
        self._failures.delete_one({"_id": next(iter(self._limits))})


def failures_of(user: User) -> "QuerySet[SignInFailure]":
    """What is stored of wrong passwords for this user's name."""
    return SignInFailure.objects.filter(name=digest(user.username))


def digest(*parts: str) -> str:
    """Stands for names and addresses: nobody reads them out of the database, or a password typed as a name."""
    text = "".join(f"{len(part)}:{part}" for part in parts)
    return hmac.new(_key(), text.encode(errors="surrogatepass"), hashlib.sha256).hexdigest()


@cache
def _key() -> bytes:
    return derived(settings.ENV.JWT_SECRET, "failed sign-ins")
