"""Users and the key vault, as stored."""

from typing import ClassVar

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


class SpentToken(models.Model):
    """A refresh token that was rotated or logged out, by its `jti`: it is worth nothing from then on."""

    jti = models.CharField(primary_key=True, db_column="_id", max_length=64)
    user_id = models.CharField(max_length=36)
    expires_at = models.DateTimeField(help_text="after that the token would be refused anyway")

    class Meta:
        db_table = "spent_tokens"
        indexes: ClassVar = [models.Index(fields=["expires_at"], name="expiry")]

    def __str__(self) -> str:
        return str(self.pk)
