"""Leases on a real MongoDB: one holder at a time, by the server's clock."""

import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from pymongo import MongoClient

from ecommerce.leases import Lease
from tests.servers import Servers
from tests.waiting import until


@pytest.fixture
def database(servers: Servers) -> Iterator[Any]:
    with MongoClient[dict[str, Any]](settings.DATABASES["orders"]["HOST"]) as client:
        client.drop_database("leases")
        yield client["leases"]
        client.drop_database("leases")


def holder(database: Any, name: str = "work") -> str:
    return str(database["leases"].find_one({"_id": name})["holder"])


def expire(database: Any, name: str = "work") -> None:
    """Lets the lease's end pass, as if its holder had been frozen for long."""
    database["leases"].update_one({"_id": name}, [{"$set": {"until": {"$subtract": ["$$NOW", 1]}}}])


def test_who_takes_a_lease_first_holds_it_and_may_take_it_again(database: Any) -> None:
    first, second = Lease(database, "work"), Lease(database, "work")
    assert [first.take(), second.take(), first.take(), first.keep()] == [True, False, True, True]
    assert holder(database) == first.holder


def test_a_released_lease_is_free_at_once(database: Any) -> None:
    first, second = Lease(database, "work"), Lease(database, "work")
    first.take()
    first.release()
    assert [second.take(), first.take()] == [True, False]


def test_releasing_what_another_holds_changes_nothing(database: Any) -> None:
    first, second = Lease(database, "work"), Lease(database, "work")
    first.take()
    second.release()
    assert holder(database) == first.holder
    assert second.take() is False


def test_leases_of_different_names_do_not_meet(database: Any) -> None:
    assert Lease(database, "work").take()
    assert Lease(database, "other work").take()


def test_exactly_one_of_many_at_once_gets_it(database: Any) -> None:
    together = threading.Barrier(16)
    leases = [Lease(database, "work") for _ in range(16)]
    taken: list[str] = []

    def take(lease: Lease) -> None:
        together.wait()
        if lease.take():
            taken.append(lease.holder)

    threads = [threading.Thread(target=take, args=(lease,)) for lease in leases]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert taken == [holder(database)]


def test_a_lease_lasts_its_seconds_by_the_servers_clock(database: Any) -> None:
    Lease(database, "work", seconds=7).take()
    (found,) = database["leases"].aggregate([{"$project": {"left": {"$subtract": ["$until", "$$NOW"]}}}])
    assert timedelta(0) < timedelta(milliseconds=found["left"]) <= timedelta(seconds=7)


def test_a_lease_that_ran_out_goes_to_another(database: Any) -> None:
    first, second = Lease(database, "work", seconds=0.3), Lease(database, "work")
    first.take()
    until("the lease to run out", second.take)
    assert holder(database) == second.holder


def test_a_holder_that_comes_back_after_its_end_learns_that_it_lost_the_lease(database: Any) -> None:
    first, second = Lease(database, "work", seconds=0), Lease(database, "work")
    first.take()
    expire(database)
    assert second.take()
    assert [first.keep(), first.keep(), first.take()] == [False, False, False]
    assert holder(database) == second.holder


def test_a_holder_that_lost_its_lease_does_not_believe_that_it_has_it(database: Any) -> None:
    first, second = Lease(database, "work"), Lease(database, "work")
    first.take()
    expire(database)
    second.take()
    assert [first.take(), first.keep()] == [False, False]


def test_a_holder_that_gave_its_lease_back_does_not_believe_that_it_has_it(database: Any) -> None:
    first, second = Lease(database, "work"), Lease(database, "work")
    first.take()
    first.release()
    second.take()
    assert first.keep() is False


def test_a_holder_whose_lease_ran_out_and_that_nobody_else_took_has_it_again(database: Any) -> None:
    lease = Lease(database, "work", seconds=0)
    lease.take()
    expire(database)
    assert lease.keep()


def test_a_lease_that_is_kept_is_renewed_after_a_third_of_it(database: Any) -> None:
    lease = Lease(database, "work", seconds=0.6)
    lease.take()
    before = database["leases"].find_one()["until"]

    def renewed() -> bool:
        assert lease.keep()
        return bool(database["leases"].find_one()["until"] > before)

    until("the lease to be renewed", renewed)
