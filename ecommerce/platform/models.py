"""Users and the key vault, as stored."""

from typing import Any, ClassVar

from django.contrib.auth.models import AbstractUser
from django.db import models

from ecommerce import identity


class User(AbstractUser):
    """A person who signs in: a customer or, with `is_staff`, a member of the back office. `id` is the customer id."""

    id = models.CharField(primary_key=True, db_column="_id", max_length=36, default=identity.new_id, editable=False)

    class Meta:
        db_table = "users"
        # The unique index is a partial one, which look-ups do not use.
        indexes: ClassVar = [models.Index(fields=["username"], name="username")]


class DataKey(models.Model):
    """A customer's data key, wrapped by a master key. A destroyed one keeps its id and nothing else."""

    id = models.CharField(primary_key=True, db_column="_id", max_length=36, default=identity.new_id, editable=False)
    customer_id = models.CharField(max_length=36)
    wrapped = models.BinaryField(null=True)
    master = models.CharField(max_length=16, default="", help_text="the id of the master key; none in the first ones")
    created_at = models.DateTimeField()
    destroyed_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "data_keys"
        indexes: ClassVar = [models.Index(fields=["customer_id", "created_at"], name="customer")]

    def __str__(self) -> str:
        return f"{self.id} of {self.customer_id}"


class Erasure(models.Model):
    """That a customer was erased: who asked for it, when and why. One without `finished_at` was begun and not ended."""

    id = models.CharField(primary_key=True, db_column="_id", max_length=36, default=identity.new_id, editable=False)
    customer_id = models.CharField(max_length=36)
    by = models.CharField(max_length=150)
    reason = models.CharField(max_length=500)
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)
    deleted: "models.JSONField[Any]" = models.JSONField(default=dict)
    is_clean = models.BooleanField(null=True, help_text="every store was searched, and nothing was found")
    receipt: "models.JSONField[Any]" = models.JSONField(null=True)

    class Meta:
        db_table = "erasures"
        indexes: ClassVar = [models.Index(fields=["customer_id"], name="erased_customer")]

    def __str__(self) -> str:
        return f"{self.customer_id}, asked for by {self.by}"


class Reveal(models.Model):
    """That somebody looked at what is sealed of an order. Written before it is shown."""

    id = models.CharField(primary_key=True, db_column="_id", max_length=36, default=identity.new_id, editable=False)
    by = models.CharField(max_length=150)
    order_id = models.CharField(max_length=36)
    customer_id = models.CharField(max_length=36, help_text="whose it is")
    reason = models.CharField(max_length=500)
    at = models.DateTimeField()

    class Meta:
        db_table = "reveals"
        permissions: ClassVar = [("reveal_personal_data", "Can see addresses, with a reason and on record")]
        indexes: ClassVar = [
            models.Index(fields=["customer_id", "at"], name="reveals_of"),
            models.Index(fields=["by", "at"], name="reveals_by"),
        ]

    def __str__(self) -> str:
        return f"{self.order_id} to {self.by}"


class SpentToken(models.Model):
    """A refresh token that was rotated or logged out, by its `jti`, or a family of them: worth nothing from then on.

    MongoDB deletes it when it has expired.
    """

    jti = models.CharField(primary_key=True, db_column="_id", max_length=64)
    user_id = models.CharField(max_length=36)
    expires_at = models.DateTimeField(help_text="after that the token would be refused anyway")

    class Meta:
        db_table = "spent_tokens"
        indexes: ClassVar = [models.Index(fields=["user_id"], name="spent_by")]

    def __str__(self) -> str:
        return str(self.pk)


class SignInFailure(models.Model):
    """Wrong passwords from one address: for one name, or for whatever names. MongoDB deletes it after `until`.

    `id` and `name` are keyed hashes (see `ecommerce.platform.signin`).
    """

    id = models.CharField(primary_key=True, db_column="_id", max_length=64)
    name = models.CharField(max_length=64, help_text="the name of the last one")
    count = models.IntegerField()
    until = models.DateTimeField(help_text="when it is forgotten, or the lock ends")

    class Meta:
        db_table = "sign_in_failures"
        indexes: ClassVar = [models.Index(fields=["name"], name="failures_of")]

    def __str__(self) -> str:
        return str(self.pk)
