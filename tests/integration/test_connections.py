"""What is left of a member of the replica set that could not be read for a moment: nothing."""

from collections.abc import Iterator
from contextlib import suppress

import pytest
from django.db import connections
from pymongo import MongoClient
from pymongo.errors import AutoReconnect

from ecommerce.storage import Document
from tests.servers import Servers
from tests.waiting import until


@pytest.fixture
def member(servers: Servers, databases: None) -> Iterator[MongoClient[Document]]:
    """The set's only member, steered by a client of its own; primary again afterwards."""
    with MongoClient[Document]("127.0.0.1", servers.mongo.server.port, directConnection=True) as client:
        yield client
        be_primary(client)


def be_primary(member: MongoClient[Document]) -> None:
    with suppress(Exception):  # it is not recovering
        member.admin.command("replSetMaintenance", False)
    with suppress(Exception):  # it is primary
        member.admin.command("replSetFreeze", 0)
    until("it to be primary", lambda: member.admin.command("hello")["isWritablePrimary"], seconds=60)


def recover(member: MongoClient[Document]) -> None:
    """From now on it is neither primary nor secondary."""
    member.admin.command("replSetStepDown", 600, force=True)
    member.admin.command("replSetMaintenance", True)
    hello = member.admin.command("hello")
    assert not hello["isWritablePrimary"]
    assert not hello["secondary"]


def test_a_connection_made_while_a_member_recovers_is_not_used_when_it_is_primary(
    member: MongoClient[Document], servers: Servers
) -> None:
    params = connections["orders"].get_connection_params() | {"host": f"127.0.0.1:{servers.mongo.server.port}"}
    with MongoClient[Document](**params, directConnection=True) as client:
        recover(member)
        with suppress(AutoReconnect):
            client.admin.command("ping")
        be_primary(member)
        with client.start_session() as session, session.start_transaction():
            client["orders"]["leases"].insert_one({"_id": "taken"}, session=session)
    assert connections["orders"].database["leases"].find_one({"_id": "taken"})
