"""How long messages wait for a consumer, by a clock of the test's own."""

from dataclasses import dataclass
from typing import Any

import pytest
from confluent_kafka import TIMESTAMP_CREATE_TIME, TIMESTAMP_NOT_AVAILABLE

from ecommerce.lag import WINDOW, Lag


@dataclass
class Message:
    """As much of Kafka's as is asked: when it was produced, in seconds."""

    produced: float
    kind: int = TIMESTAMP_CREATE_TIME

    def timestamp(self) -> tuple[int, int]:
        return self.kind, int(self.produced * 1000)


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def batch(*messages: Message) -> Any:
    return messages


def test_a_wait_lasts_from_the_producing_of_the_oldest_until_the_batch_is_taken() -> None:
    clock = Clock()
    lag = Lag(clock)
    assert lag.describe() == {"lag_seconds": 0.0}
    with lag.batch(batch(Message(999), Message(998), Message(999.5))):
        clock.now = 1001.0
    assert lag.describe() == {"lag_seconds": 3.0}


def test_what_is_in_hand_waits_on() -> None:
    clock = Clock()
    lag = Lag(clock)
    with lag.batch(batch(Message(999))):
        clock.now = 1100.0
        assert lag.describe() == {"lag_seconds": 101.0}


def test_what_was_given_up_counts_no_more() -> None:
    lag = Lag(Clock())
    with pytest.raises(RuntimeError), lag.batch(batch(Message(900))):
        raise RuntimeError
    assert lag.describe() == {"lag_seconds": 0.0}


def test_the_longest_wait_is_remembered_for_a_while_and_then_the_next_longest() -> None:
    clock = Clock()
    lag = Lag(clock)
    for start, waited in ((1000.0, 5.0), (1002.0, 1.0), (1004.0, 2.0)):
        clock.now = start
        with lag.batch(batch(Message(start - waited))):
            pass
    assert lag.describe() == {"lag_seconds": 5.0}
    clock.now = 1000.0 + WINDOW
    assert lag.describe() == {"lag_seconds": 2.0}
    clock.now = 1004.0 + WINDOW
    assert lag.describe() == {"lag_seconds": 0.0}


def test_no_message_and_one_without_a_time_wait_for_nobody() -> None:
    lag = Lag(Clock())
    for messages in (batch(), batch(Message(0, TIMESTAMP_NOT_AVAILABLE))):
        with lag.batch(messages):
            assert lag.describe() == {"lag_seconds": 0.0}
    assert lag.describe() == {"lag_seconds": 0.0}
