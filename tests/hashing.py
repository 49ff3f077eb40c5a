"""Passwords hashed as in production, at next to no cost: most tests sign somebody in."""

from django.contrib.auth.hashers import Argon2PasswordHasher


class QuickArgon2Hasher(Argon2PasswordHasher):
    """A thousandth of the work, so worth nothing outside tests: 8 KiB once over, by one thread."""

    time_cost, memory_cost, parallelism = 1, 8, 1
