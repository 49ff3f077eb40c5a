"""What is sent to Stripe has the shape that Stripe's own specification asks for: `stripe-mock` checks it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from deploy.local import places
from deploy.local.servers import poll
from ecommerce.batches import Unknown
from ecommerce.outside import Outside
from payments.gateway import Authorize, Authorized, Capture, Lookup, Refund, Void
from payments.stripe.api import StripeApi
from payments.stripe.gateway import StripeGateway
from tests.servers import RunningServer, free_ports

CHARGE: dict[str, Any] = {"order": "o1", "amount": 1999, "currency": "USD", "charge": "pi_1"}


@dataclass(frozen=True)
class Mock:
    """`stripe-mock` on a port of this machine. It forgets everything at once, and answers with examples."""

    port: int

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def prepare(self) -> None:
        """Nothing to prepare."""

    def command(self) -> list[str]:
        return [places.stripe_mock(), "-http-addr", f"127.0.0.1:{self.port}"]

    def wait_ready(self, *, deadline: float) -> None:
        poll("stripe-mock to answer", self._answers, deadline=deadline)

    def _answers(self) -> bool:
        try:
            return httpx.get(self.address, timeout=5, trust_env=False).status_code == 401
        except httpx.TransportError:
            return False


@pytest.fixture(scope="module")
def outside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outside]:
    mock = RunningServer(Mock(free_ports(1)[0]), tmp_path_factory.mktemp("stripe-mock") / "log")
    mock.start()
    yield Outside("stripe", mock.address, timeout=30)
    mock.stop()


@pytest.fixture(scope="module")
def gateway(outside: Outside) -> StripeGateway:
    return StripeGateway(outside, api_key="sk_test_123")


def shapes_are_right(outcomes: Sequence[Any]) -> bool:
    """Whether Stripe took the requests. Its examples are in no state that fits the question."""
    return all(not isinstance(each, Unknown) or each.detail.startswith("the intent is ") for each in outcomes)


def test_an_authorisation_has_the_right_shape(gateway: StripeGateway) -> None:
    asked = Authorize(order="o1", amount=1999, currency="USD", token="pm_card_visa")
    assert shapes_are_right(gateway.authorize([asked]))


def test_captures_voids_refunds_and_lookups_have_the_right_shape(gateway: StripeGateway) -> None:
    assert shapes_are_right(gateway.capture([Capture(**CHARGE)]))
    assert shapes_are_right(gateway.void([Void(**CHARGE), Void(**CHARGE | {"charge": ""})]))
    assert shapes_are_right(gateway.refund([Refund(**CHARGE)]))
    assert shapes_are_right(gateway.lookup([Lookup(**CHARGE), Lookup(**CHARGE | {"charge": ""})]))


def test_its_answers_are_read(outside: Outside) -> None:
    api = StripeApi(outside, api_key="sk_test_123")
    made = api.make("o1", 1999, "USD")
    assert made.startswith("pi_")
    assert api.retrieve(made).id == made
    assert api.refund(made, order="o1").status == "succeeded"


def test_a_wrong_shape_would_be_seen(gateway: StripeGateway) -> None:
    wrong: Any = Authorize(order="o1", amount="much", currency="USD", token="pm_card_visa")  # type: ignore[arg-type]
    (outcome,) = gateway.authorize([wrong])
    assert not isinstance(outcome, Authorized)
    assert not shapes_are_right([outcome])
