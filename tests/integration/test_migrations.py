"""The migrations make what the models say."""

import pytest
from django.core.management import call_command
from django.db import connections

from payments.models import DeadLetter


@pytest.mark.usefixtures("schema")
def test_no_model_has_changed_without_a_migration() -> None:
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)  # ends with status 1 where one is missing


def test_a_collection_that_somebody_has_written_to_before_is_taken_over(databases: None) -> None:
    database = connections["payments"].database
    database["dead_letters"].drop()
    database["dead_letters"].insert_one({"_id": "written before"})
    with connections["payments"].schema_editor() as editor:
        editor.create_model(DeadLetter)
    assert database["dead_letters"].find_one() == {"_id": "written before"}
    assert {"payments_followers", "payments_open_letters"} <= set(database["dead_letters"].index_information())


def test_that_sessions_are_deleted_when_they_expire_can_be_taken_back(databases: None) -> None:
    def expiries() -> list[int | None]:
        indexes = connections["default"].database["django_session"].index_information().values()
        return [each.get("expireAfterSeconds") for each in indexes if each["key"] == [("expire_date", 1)]]

    assert expiries() == [0]
    call_command("migrate", "platform", "0004", verbosity=0)
    assert expiries() == [None]
    call_command("migrate", "platform", verbosity=0)
    assert expiries() == [0]
