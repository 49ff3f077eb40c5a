"""What the project's commands have in common."""

from django.core.management.base import BaseCommand


class ProjectCommand(BaseCommand):
    """A command that starts without Django's checks.

    They read every URL and view, which takes a third of its start, and find mistakes in the code: the tests run them.
    """

    requires_system_checks = ()
