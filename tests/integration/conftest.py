"""A shop and its people, which the tests of a module share."""

import pytest

from tests.integration.people import Person, customer, staff, stock_the_shop


@pytest.fixture(scope="module")
def shop(module_databases: None) -> None:
    stock_the_shop()


@pytest.fixture(scope="module")
def alice(shop: None) -> Person:
    return customer("alice")


@pytest.fixture(scope="module")
def worker(shop: None) -> Person:
    return staff("worker", "support", "warehouse", "finance", "operator")
