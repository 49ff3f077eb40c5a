"""The migrations make what the models say."""

import pytest
from django.core.management import call_command


@pytest.mark.usefixtures("schema")
def test_no_model_has_changed_without_a_migration() -> None:
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)  # ends with status 1 where one is missing
