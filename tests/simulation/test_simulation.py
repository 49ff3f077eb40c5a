"""The promises hold in every schedule: whatever is late, lost, repeated, refused, cancelled or dies.

SIMULATION_SCHEDULES (10,000 by default) says how many are tried, SIMULATION_SEED which is the first.
"""

import os

import bson
import pytest

from ecommerce.messages import decode, encode, seal_in_envelope
from ecommerce.storage import document_of, state_of
from tests.simulation.node import NOW
from tests.simulation.runs import run, story_of
from tests.simulation.schedules import from_seed
from tests.simulation.world import SERVICES, World

FIRST = int(os.environ.get("SIMULATION_SEED", "0"))
SCHEDULES = int(os.environ.get("SIMULATION_SCHEDULES", "10000"))

# What a run that proves anything has met: every event, every fate, every refusal.
EVENTS = {event.__name__ for service in SERVICES for event in service.publishes} - {"ProductUpserted"}
FATES = {"COMPLETED", "DELIVERED"} | {
    f"CANCELLED {reason}"
    for reason in ("OUT_OF_STOCK", "PAYMENT_FAILED", "SHIPPING_FAILED", "CUSTOMER", "STAFF", "TIMEOUT")
}
REFUSALS = {"already_shipped", "not_captured", "already_refunded", "insufficient_stock", "nothing_to_adjust"}


def test_what_is_logged_and_stored_reads_back_as_it_was() -> None:
    world = World()
    world.run(from_seed(3))
    for node in world.nodes.values():
        kinds = {aggregate.collection: aggregate for aggregate in node.service.aggregates}
        for (collection, key), state in node.states.items():
            document = bson.decode(bson.encode(document_of(kinds[collection], key, state)))
            assert state_of(kinds[collection], document) == state
        for entry in (entry for log in node.log.values() for entry in log.values()):
            envelope = seal_in_envelope(entry.message, id="id", at=NOW, cause=None)
            assert decode(encode(envelope), type(entry.message)) == envelope


def test_the_promises_hold_in_every_schedule() -> None:
    met, failed = run(first=FIRST, count=SCHEDULES)
    if failed is not None:
        pytest.fail(story_of(failed), pytrace=False)
    if SCHEDULES >= 10_000:
        assert met.keys() == EVENTS | FATES | REFUSALS
    assert met["OrderCreated"] == met["OrderCompleted"] + met["OrderCancelled"]
