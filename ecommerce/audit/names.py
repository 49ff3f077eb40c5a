"""Every violation that the audit knows, by the name under which it is reported."""

from enum import StrEnum


class Name(StrEnum):
    """A test plants each of them, sees it named, and repairs it."""

    # Histories
    GAPS = "history with gaps or forks"
    UNREADABLE = "a log entry cannot be read"
    TWICE = "an effect happened twice"
    OTHER_BYTES = "a service took other bytes than were made"
    MADE_BY_NOBODY = "a service took an event that nobody made"

    # How orders ended
    STUCK = "stuck"
    COMPLETED_UNRESERVED = "completed, not reserved"
    COMPLETED_UNAUTHORISED = "completed, not authorised"
    COMPLETED_UNSHIPPED = "completed, not shipped"
    COMPLETED_UNPAID = "completed, not paid"
    COMPLETED_UNCOMMITTED = "completed, goods still in the books"
    COMPLETED_AND_CANCELLED = "completed and cancelled"
    COMPLETED_AND_VOIDED = "completed, payment voided"
    COMPLETED_AND_RELEASED = "completed, goods released"
    COMPLETED_AND_STOPPED = "completed, shipment stopped"
    SHIPPED_AND_CANCELLED = "shipped and cancelled"
    SHIPPED_UNPAID = "shipped, not authorised"
    NOT_VOIDED = "authorised, cancelled, not voided"
    NOT_REFUNDED = "paid, cancelled, not refunded"
    NOT_RELEASED = "reserved, cancelled, not released"
    INVENTORY_ANSWERS = "inventory answered a cancellation other than once"
    PAYMENTS_ANSWERS = "payments answered a cancellation other than once"
    VERDICTS = "more than one shipping verdict"

    # Aggregates
    DIFFERS = "an aggregate is not what its log says"
    WITHOUT_LOG = "an aggregate without a log"
    STATUSES = "the services disagree about how an order ended"
    AMOUNTS = "the payment is not of the order's amount"
    GOODS = "the reservation is not of the order's goods"

    # Dead letters
    HELD = "held by dead letters"
    HELD_BY_NOTHING = "held, but by no dead letter"
    HOLDS_NOTHING = "a dead letter that holds nothing back"
    KEYLESS = "a message of no order is set aside"

    # Between the services
    OUTBOX = "the outbox is not being relayed"
    LOST = "an event is neither on its topic nor in the outbox"
    PASSED_OVER = "a consumer passed over an event"
    DISORDER = "events are on their topic in another order than they happened"
    ALTERED = "an event on a topic is not the one in the log"

    # Stock
    STOCK_NEGATIVE = "stock below zero"
    STOCK_ON_HAND = "on hand is not received less shipped"
    STOCK_SUM = "available and reserved are not on hand"
    STOCK_RESERVED = "reserved is not what reservations hold"
    STOCK_SHIPPED = "shipped is not what reservations shipped"
    STOCK_LOG = "a product is not what its log says"

    # The gateway's ledger
    CHARGED_TWICE = "charged twice"
    CHARGED_AND_CANCELLED = "charged and cancelled"
    CHARGE_MISSING = "completed, but the gateway took no money"
    CHARGE_AMOUNT = "the gateway took another amount than the order's"
    FOREIGN_CHARGE = "the gateway has money of an order that nobody knows"
