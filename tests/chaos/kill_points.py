"""A process kills itself at a named place, under a load that has every branch of the saga."""

from random import Random

from ecommerce.environment import SERVICES
from ecommerce.killpoints import Place
from tests.chaos.arena import Arena
from tests.chaos.customers import Load
from tests.chaos.scenario import Harm, Scenario

_SHORT = {(Place.OUTSIDE_AFTER_ANSWER, "authorize")}


def _dies(process: str, kill_point: str, *, most: int, seconds: float) -> Harm:
    def harm(arena: Arena, load: Load, chance: Random) -> str:
        after = chance.randint(1, most)
        load.wave()  # whoever is started then finds something that waited: a relay scans nothing else
        with arena.armed(process, kill_point, after=after) as fuse:
            load.waves_until(f"{process} to reach {kill_point}", fuse.has_gone_off, seconds=seconds)
        return f"SIGKILL of {process} the {after}. time"

    return harm


def _point(
    place: Place, *labels: str, process: str, most: int = 1, short: bool = False, last: bool = False
) -> Scenario:
    """`process` dies at `place` when it has `labels`, the first to the `most`th time."""
    kill_point = ":".join((place, *labels))
    seconds = 240.0 if last else 90.0  # a deadline comes when it comes
    harm = _dies(process, kill_point, most=most, seconds=seconds)
    return Scenario(name=f"{kill_point} in {process}", harm=harm, short=short, last=last)


def _consumer(place: Place, service: str, *labels: str, most: int = 3, short: bool = False) -> Scenario:
    return _point(place, service, *labels, process=f"consumer-{service}", most=most, short=short)


SCENARIOS = [
    *(_consumer(Place.ENGINE_BEFORE_COMMIT, service) for service in SERVICES),
    *(_consumer(Place.ENGINE_AFTER_COMMIT, service, short=service == "payments") for service in SERVICES),
    *(_consumer(Place.CONSUMER_AFTER_READING, service) for service in SERVICES),
    *(_consumer(Place.CONSUMER_AFTER_HANDLING, service, short=service == "inventory") for service in SERVICES),
    *(_consumer(Place.CONSUMER_AT_ASSIGNMENT, service, most=1) for service in SERVICES),
    # Between an intent and its task.
    _consumer(Place.ENGINE_AFTER_COMMIT, "payments", "AuthorizationRequested", most=1),
    _consumer(Place.ENGINE_AFTER_COMMIT, "payments", "CaptureRequested", most=1),
    _consumer(Place.ENGINE_AFTER_COMMIT, "payments", "VoidRequested", most=1),
    # In the middle of a compensation.
    _consumer(Place.ENGINE_AFTER_COMMIT, "inventory", "InventoryReleased", most=1),
    _consumer(Place.ENGINE_BEFORE_COMMIT, "inventory", "InventoryReleased", most=1),
    _point(Place.ENGINE_BEFORE_COMMIT, "payments", "PaymentVoided", process="worker-payments"),
    _point(Place.ENGINE_AFTER_COMMIT, "payments", "PaymentVoided", process="worker-payments", short=True),
    _consumer(Place.ENGINE_BEFORE_COMMIT, "orders", "OrderCancelled", most=1),
    _consumer(Place.ENGINE_AFTER_COMMIT, "shipping", "ShipmentCancelled", most=1),
    # Answers of the outside world, taken: their tasks are not acknowledged, and run again.
    _point(Place.ENGINE_AFTER_COMMIT, "payments", "ChargeAuthorized", process="worker-payments", most=2),
    _point(Place.ENGINE_AFTER_COMMIT, "payments", "ChargeCaptured", process="worker-payments", most=2),
    _point(Place.ENGINE_AFTER_COMMIT, "payments", "ChargeRefunded", process="worker-payments"),
    _point(Place.ENGINE_AFTER_COMMIT, "shipping", "CarrierAccepted", process="worker-shipping", most=2),
    _point(Place.ENGINE_AFTER_COMMIT, "shipping", "CarrierRefused", process="worker-shipping"),
    *(
        _point(place, "gateway", f"/{operation}", process="worker-payments", short=(place, operation) in _SHORT)
        for place in (Place.OUTSIDE_BEFORE_CALL, Place.OUTSIDE_AFTER_ANSWER)
        for operation in ("authorize", "capture", "void", "refund")
    ),
    _point(Place.OUTSIDE_BEFORE_CALL, "carrier", "/book", process="worker-shipping", most=3),
    _point(Place.OUTSIDE_AFTER_ANSWER, "carrier", "/book", process="worker-shipping", most=3, short=True),
    _point(Place.OUTSIDE_AMID_ANSWERS, "gateway", "/authorize", process="worker-payments", most=2),
    _point(Place.RELAY_AMID_SCAN, process="relay", short=True),
    *(_point(Place.RELAY_AFTER_SEND, service, process="relay", most=5) for service in SERVICES),
    _point(Place.RELAY_AFTER_ACKNOWLEDGEMENT, process="relay", most=5, short=True),
    _point(Place.RELAY_AMID_DELETION, process="relay", most=5),
    _point(Place.HTTP_AFTER_COMMIT, "first", process="web", most=5, short=True),
    _point(Place.HTTP_AFTER_COMMIT, "repeated", process="web"),
    *(
        _point(place, "orders", command, process="web")
        for place in (Place.ENGINE_BEFORE_COMMIT, Place.ENGINE_AFTER_COMMIT)
        for command in ("PlaceOrder", "CancelOrder")
    ),
    _point(Place.ENGINE_AFTER_COMMIT, "payments", "RefundPayment", process="web"),
    _point(Place.DEADLINE_AFTER_READING, process="worker", last=True),
    _point(Place.ENGINE_BEFORE_COMMIT, "orders", "OrderExpired", process="worker", last=True),
    _point(Place.ENGINE_AFTER_COMMIT, "orders", "OrderExpired", process="worker", last=True),
]
