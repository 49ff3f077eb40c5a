"""When to hold, take, let go of and give back an order's money."""

from functools import reduce

import pytest

from ecommerce.messages import Message, Refused
from inventory.events import InventoryReservationFailed, InventoryReserved
from orders.events import CancelledBy, Item, OrderCreated, Sealed
from payments.domain import Payment, Pending, SealedToken, Status, decide, evolve
from payments.events import (
    PaymentAuthorized,
    PaymentCaptured,
    PaymentCaptureFailed,
    PaymentFailed,
    PaymentRefunded,
    PaymentVoided,
)
from payments.messages import (
    AuthorizationRequested,
    CaptureFailed,
    CaptureRequested,
    ChargeAuthorized,
    ChargeCaptured,
    ChargeDeclined,
    ChargeRefunded,
    ChargeVoided,
    RefundPayment,
    RefundRequested,
    VoidRequested,
)
from shipping.events import OrderShipped, ShipmentCancelled, ShippingFailed

CREATED = OrderCreated(
    order_id="o1",
    customer_id="c1",
    items=(Item(sku="s1", quantity=1, unit_price=1999),),
    total_amount=1999,
    currency="USD",
    sealed=Sealed(key_id="k1", address="A", payment_token="T"),
)
RESERVED = InventoryReserved(order_id="o1", lines=())
SHIPPED = OrderShipped(order_id="o1", carrier="sandbox", tracking_number="T1")
CANCELLING = [
    InventoryReservationFailed(order_id="o1", missing=()),
    ShippingFailed(order_id="o1", reason="ADDRESS_REFUSED"),
    ShipmentCancelled(order_id="o1", reason=CancelledBy.TIMEOUT),
]
HOLD = AuthorizationRequested(order_id="o1", amount=1999, currency="USD")
HELD = ChargeAuthorized(order_id="o1", charge_id="ch_1", amount=1999)
DECLINED = ChargeDeclined(order_id="o1", reason="CARD_DECLINED")
ERASED = ChargeDeclined(order_id="o1", reason="ERASED")
AUTHORIZED = PaymentAuthorized(order_id="o1", amount=1999, currency="USD")
FAILED = PaymentFailed(order_id="o1", reason="CARD_DECLINED", recoverable=True)
LET_GO = VoidRequested(order_id="o1")
TAKE = CaptureRequested(order_id="o1", amount=1999, currency="USD")
TAKEN = ChargeCaptured(order_id="o1")
NOT_TAKEN = CaptureFailed(order_id="o1", reason="CAPTURE_DECLINED")
CAPTURED = PaymentCaptured(order_id="o1", amount=1999, currency="USD")
CAPTURE_FAILED = PaymentCaptureFailed(order_id="o1", reason="CAPTURE_DECLINED")
REFUND = RefundPayment(order_id="o1", reason="kindness", by="staff")
GIVE_BACK = RefundRequested(order_id="o1", amount=1999, currency="USD")
GIVEN_BACK = ChargeRefunded(order_id="o1")
REFUNDED = PaymentRefunded(order_id="o1", amount=1999, currency="USD")

ASKED_TO_HOLD = (CREATED, RESERVED, HOLD)
HOLDING = (*ASKED_TO_HOLD, HELD, AUTHORIZED)
ASKED_TO_TAKE = (*HOLDING, SHIPPED, TAKE)
PAID = (*ASKED_TO_TAKE, TAKEN, CAPTURED)
ASKED_TO_LET_GO = (*HOLDING, CANCELLING[1], LET_GO)


def voided(amount: int, currency: str = "USD") -> PaymentVoided:
    return PaymentVoided(order_id="o1", amount=amount, currency=currency)


def let_go(amount: int) -> ChargeVoided:
    return ChargeVoided(order_id="o1", amount=amount)


def after(*events: Message) -> Payment:
    return reduce(evolve, events, Payment(order_id="o1"))


def decided(payment: Payment, given: Message) -> list[Message]:
    return list(decide(payment, given))


def where(*events: Message) -> tuple[str, str]:
    payment = after(*events)
    return payment.status, payment.pending


@pytest.mark.parametrize(("first", "last"), [(CREATED, RESERVED), (RESERVED, CREATED)])
def test_money_is_held_once_the_goods_are_reserved_whichever_fact_comes_last(first: Message, last: Message) -> None:
    assert decided(after(), first) == []
    assert decided(after(first), last) == [HOLD]


def test_it_keeps_the_card_and_not_the_address() -> None:
    assert after(CREATED).sealed == SealedToken(key_id="k1", payment_token="T")


@pytest.mark.parametrize(
    ("events", "status", "pending"),
    [
        ((CREATED,), Status.PENDING, Pending.NOTHING),
        (ASKED_TO_HOLD, Status.PENDING, Pending.AUTHORIZE),
        (HOLDING, Status.AUTHORIZED, Pending.NOTHING),
        ((*ASKED_TO_HOLD, DECLINED, FAILED), Status.FAILED, Pending.NOTHING),
        (ASKED_TO_TAKE, Status.AUTHORIZED, Pending.CAPTURE),
        ((*ASKED_TO_TAKE, NOT_TAKEN, CAPTURE_FAILED), Status.AUTHORIZED, Pending.CAPTURE),
        (PAID, Status.CAPTURED, Pending.NOTHING),
        (ASKED_TO_LET_GO, Status.AUTHORIZED, Pending.VOID),
        ((*ASKED_TO_LET_GO, let_go(1999), voided(1999)), Status.VOIDED, Pending.NOTHING),
        ((*PAID, REFUND, GIVE_BACK), Status.CAPTURED, Pending.REFUND),
        ((*PAID, REFUND, GIVE_BACK, GIVEN_BACK, REFUNDED), Status.REFUNDED, Pending.NOTHING),
    ],
)
def test_what_the_gateway_is_still_asked(events: tuple[Message, ...], status: Status, pending: Pending) -> None:
    assert where(*events) == (status, pending)


def test_a_hold_authorises_the_payment() -> None:
    assert decided(after(*ASKED_TO_HOLD), HELD) == [AUTHORIZED]
    assert after(*ASKED_TO_HOLD, HELD).charge_id == "ch_1"


def test_a_declined_card_fails_the_payment() -> None:
    assert decided(after(*ASKED_TO_HOLD), DECLINED) == [FAILED]
    assert after(*ASKED_TO_HOLD, DECLINED, FAILED).failure == "CARD_DECLINED"


def test_a_hold_of_another_amount_is_an_error() -> None:
    with pytest.raises(ArithmeticError):
        decided(after(*ASKED_TO_HOLD), ChargeAuthorized(order_id="o1", charge_id="ch_1", amount=1998))


@pytest.mark.parametrize("answer", [HELD, DECLINED, TAKEN, NOT_TAKEN, let_go(0), GIVEN_BACK])
@pytest.mark.parametrize("events", [(CREATED,), HOLDING, PAID, (*ASKED_TO_HOLD, DECLINED, FAILED)])
def test_an_answer_to_nothing_that_is_asked_changes_no_fact(events: tuple[Message, ...], answer: Message) -> None:
    assert decided(after(*events), answer) == []
    assert where(*events, answer) == where(*events)


@pytest.mark.parametrize("cancelling", CANCELLING)
def test_an_order_that_ends_before_the_gateway_is_asked_holds_nothing(cancelling: Message) -> None:
    assert decided(after(), cancelling) == [voided(0, currency="")]
    assert decided(after(CREATED), cancelling) == [voided(0)]
    assert decided(after(RESERVED), cancelling) == [voided(0, currency="")]


def test_after_that_nothing_is_ever_held_for_it() -> None:
    assert decided(after(CANCELLING[2], voided(0, ""), CREATED), RESERVED) == []
    assert decided(after(CANCELLING[2], voided(0, ""), RESERVED), CREATED) == []


@pytest.mark.parametrize("cancelling", CANCELLING)
@pytest.mark.parametrize("events", [ASKED_TO_HOLD, HOLDING])
def test_what_may_be_held_is_let_go_by_the_gateway(events: tuple[Message, ...], cancelling: Message) -> None:
    assert decided(after(*events), cancelling) == [LET_GO]


@pytest.mark.parametrize("amount", [0, 1999])
def test_the_void_is_told_when_the_gateway_has_confirmed_it(amount: int) -> None:
    assert decided(after(*ASKED_TO_LET_GO), let_go(amount)) == [voided(amount)]


@pytest.mark.parametrize("late", [HELD, DECLINED, ERASED])
def test_while_letting_go_what_became_of_the_hold_changes_nothing(late: Message) -> None:
    letting_go = (*ASKED_TO_HOLD, CANCELLING[2], LET_GO)
    assert decided(after(*letting_go), late) == []
    assert decided(after(*letting_go, late), let_go(0)) == [voided(0)]


@pytest.mark.parametrize("cancelling", CANCELLING)
@pytest.mark.parametrize(
    "events",
    [
        ASKED_TO_LET_GO,
        (*ASKED_TO_LET_GO, let_go(1999), voided(1999)),
        (*ASKED_TO_HOLD, DECLINED, FAILED),
        (CANCELLING[0], voided(0)),
        ASKED_TO_TAKE,
        PAID,
    ],
)
def test_payments_answers_once(events: tuple[Message, ...], cancelling: Message) -> None:
    assert decided(after(*events), cancelling) == []


def test_a_card_that_nobody_can_read_any_more_is_let_go_before_it_fails() -> None:
    assert decided(after(*ASKED_TO_HOLD), ERASED) == [LET_GO]
    letting_go = (*ASKED_TO_HOLD, ERASED, LET_GO)
    assert decided(after(*letting_go), HELD) == []
    failed = PaymentFailed(order_id="o1", reason="ERASED", recoverable=False)
    assert decided(after(*letting_go), let_go(1999)) == [failed]
    assert decided(after(*letting_go), CANCELLING[2]) == []
    assert where(*letting_go, let_go(1999), failed) == (Status.FAILED, Pending.NOTHING)


def test_the_money_is_taken_when_the_order_has_shipped() -> None:
    assert decided(after(*HOLDING), SHIPPED) == [TAKE]
    assert decided(after(*ASKED_TO_TAKE), TAKEN) == [CAPTURED]


def test_a_shipment_read_before_its_order_is_paid_with_it() -> None:
    assert decided(after(SHIPPED, *ASKED_TO_HOLD), HELD) == [AUTHORIZED, TAKE]


def test_a_failed_capture_is_told_once_and_tried_again() -> None:
    assert decided(after(*ASKED_TO_TAKE), NOT_TAKEN) == [CAPTURE_FAILED]
    failing = (*ASKED_TO_TAKE, NOT_TAKEN, CAPTURE_FAILED)
    assert decided(after(*failing), NOT_TAKEN) == []
    assert decided(after(*failing), TAKEN) == [CAPTURED]


def test_money_that_was_taken_can_be_given_back_once() -> None:
    assert decided(after(*PAID), REFUND) == [GIVE_BACK]
    assert decided(after(*PAID, REFUND, GIVE_BACK), REFUND) == []
    assert decided(after(*PAID, REFUND, GIVE_BACK), GIVEN_BACK) == [REFUNDED]
    with pytest.raises(Refused) as refused:
        decided(after(*PAID, REFUND, GIVE_BACK, GIVEN_BACK, REFUNDED), REFUND)
    assert refused.value.code == "already_refunded"


@pytest.mark.parametrize("events", [(), (CREATED,), ASKED_TO_HOLD, HOLDING, ASKED_TO_TAKE, ASKED_TO_LET_GO])
def test_money_that_was_not_taken_cannot_be_given_back(events: tuple[Message, ...]) -> None:
    with pytest.raises(Refused) as refused:
        decided(after(*events), REFUND)
    assert refused.value.code == "not_captured"
