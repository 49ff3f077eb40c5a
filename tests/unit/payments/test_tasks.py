"""Which gateway the tasks ask, and whose ledger is compared."""

from collections.abc import Iterator
from typing import Any

import pytest

from ecommerce.audit.ledger import Ledger
from payments.gateway import SandboxGateway
from payments.stripe.gateway import StripeGateway
from payments.tasks import gateway


@pytest.fixture(autouse=True)
def _chosen_anew() -> Iterator[None]:
    gateway.cache_clear()
    yield
    gateway.cache_clear()


def test_the_sandbox_is_asked_unless_told_otherwise() -> None:
    assert isinstance(gateway(), SandboxGateway)


def test_stripe_is_asked_where_it_is_chosen_at_its_own_address(settings: Any) -> None:
    settings.PAYMENT_GATEWAY, settings.STRIPE_API_KEY = "stripe", "sk_test_1"
    chosen = gateway()
    assert isinstance(chosen, StripeGateway)
    assert chosen.outside.url == "https://api.stripe.com"


def test_a_ledger_that_nobody_can_read_is_said_to_be_not_compared() -> None:
    ledger = Ledger(None)
    ledger.read()
    assert (ledger.said, ledger.charge("o1")) == ("not compared", None)
