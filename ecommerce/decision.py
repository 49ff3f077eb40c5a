"""What one input leads to, worked out in memory by the service's pure functions before anything in hand is touched."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ecommerce import identity
from ecommerce.messages import Envelope, encode, seal_in_envelope
from ecommerce.service import Aggregate, State

# Kafka's brokers refuse a message above 1 MiB (message.max.bytes); the envelope and headers need a little of it.
LARGEST_EVENT = 900_000


class TooLarge(ValueError):
    """An event that no broker would take."""


@dataclass(slots=True)
class Decision:
    """What one input leads to: the own events with their bytes, the aggregate's next state, those of rows beside it."""

    events: list[tuple[Envelope[Any], bytes]]
    state: State
    rows: dict[str, State]


def decide(
    service: str, aggregate: Aggregate, state: State, rows: Mapping[str, State], given: Envelope[Any], *, at: datetime
) -> Decision:
    """Decides on `given` and evolves with it, `at` the time of the batch. Raises what the domain raises, `TooLarge`."""
    states, evolve = dict(rows), aggregate.evolve
    decided = (
        aggregate.decide(state, given.payload, states) if aggregate.beside else aggregate.decide(state, given.payload)
    )
    decision = Decision([], evolve(state, given.payload), states)
    for index, message in enumerate(decided):
        id = identity.event_id(
            service=service,
            cause=given.event_id,
            event_type=type(message).__name__,
            index=index,
            at=given.timestamp,
        )
        # The id has the input's time, so that it can be made again; the event has the time at which it happened.
        event = seal_in_envelope(message, id=id, at=at, cause=given.event_id)
        decision.events.append((event, _bytes_of(event)))
        decision.state = evolve(decision.state, message)
        if aggregate.beside:
            for name in states:
                states[name] = aggregate.beside.evolve(states[name], message)
    return decision


def _bytes_of(event: Envelope[Any]) -> bytes:
    data = encode(event)
    if len(data) > LARGEST_EVENT:
        raise TooLarge(f"{event.event_type} has {len(data)} bytes, the limit is {LARGEST_EVENT}")
    return data
