"""A shop, its customers, and an order that all services know of, which the tests of a module share."""

import pytest

from ecommerce.registry import engine
from orders import selectors
from tests.integration.people import Person, customer, stock_the_shop


@pytest.fixture(scope="module")
def alice(module_databases: None) -> Person:
    stock_the_shop()
    return customer("alice")


@pytest.fixture(scope="module")
def bob(alice: Person) -> Person:
    return customer("bob")


@pytest.fixture(scope="module")
def order(alice: Person) -> str:
    """An order of Alice's: placed, and neither reserved nor paid."""
    order_id = alice.order()
    _, created = selectors.first_answer(order_id)
    for service in ("inventory", "payments", "shipping"):
        engine(service).execute(created.payload, id=created.event_id)
    return order_id
