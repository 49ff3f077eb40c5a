"""The promises hold in every schedule: whatever is late, lost, repeated, refused, cancelled or dies.

SIMULATION_SCHEDULES (10,000 by default) says how many are tried, SIMULATION_SEED which is the first.
"""

import os

import pytest

from tests.simulation.runs import run, story_of
from tests.simulation.world import SERVICES

FIRST = int(os.environ.get("SIMULATION_SEED", "0"))
SCHEDULES = int(os.environ.get("SIMULATION_SCHEDULES", "10000"))

# What a run that proves anything has met: every event, every fate, every refusal.
EVENTS = {event.__name__ for service in SERVICES for event in service.publishes} - {"ProductUpserted"}
FATES = {"COMPLETED", "DELIVERED"} | {
    f"CANCELLED {reason}"
    for reason in ("OUT_OF_STOCK", "PAYMENT_FAILED", "SHIPPING_FAILED", "CUSTOMER", "STAFF", "TIMEOUT")
}
REFUSALS = {"already_shipped", "not_captured", "already_refunded", "insufficient_stock"}


def test_the_promises_hold_in_every_schedule() -> None:
    met, failed = run(first=FIRST, count=SCHEDULES)
    if failed is not None:
        pytest.fail(story_of(failed), pytrace=False)
    if SCHEDULES >= 10_000:
        assert met.keys() == EVENTS | FATES | REFUSALS
    assert met["OrderCreated"] == met["OrderCompleted"] + met["OrderCancelled"]
