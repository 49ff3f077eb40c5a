"""Inputs of several threads share a commit, and each gets its own outcome."""

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest
from pymongo.errors import AutoReconnect

from ecommerce.groupcommit import MOST_INPUTS, GroupCommit
from ecommerce.inputs import Input, Outcome


def given(id: str) -> Input:
    return Input(id=id, key=id, data=b"")


class Gate:
    """A commit that holds the first batch until the test lets it go, so that the others have to gather."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.held = threading.Event()
        self.let_go = threading.Event()

    def commit(self, inputs: Sequence[Input]) -> list[Outcome]:
        ids = [each.id for each in inputs]
        self.batches.append(ids)
        if ids == ["first"]:
            self.held.set()
            assert self.let_go.wait(10)
        if "bad" in ids:
            raise ValueError("bad")
        if "unreachable" in ids:
            raise AutoReconnect("gone")
        return [Outcome(each) for each in inputs]


def gathered(gate: Gate, ids: list[str]) -> tuple[GroupCommit, list[object]]:
    """What each of `ids` got, all of them having come while the first was being committed."""
    together = GroupCommit(gate.commit)

    def take(id: str) -> object:
        try:
            return together.take(given(id)).input.id
        except Exception as error:
            return error

    with ThreadPoolExecutor(len(ids) + 1) as threads:
        first = threads.submit(take, "first")
        assert gate.held.wait(10)
        rest = [threads.submit(take, id) for id in ids]
        while len(together._queue) < len(ids):
            assert not any(each.done() for each in rest)
        gate.let_go.set()
        assert first.result() == "first"
        return together, [each.result() for each in rest]


def test_a_lone_input_waits_for_nobody() -> None:
    gate = Gate()
    assert GroupCommit(gate.commit).take(given("alone")).input.id == "alone"
    assert gate.batches == [["alone"]]


def test_those_who_come_during_a_commit_share_the_next_one() -> None:
    gate = Gate()
    _, results = gathered(gate, ["a", "b", "c"])
    assert results == ["a", "b", "c"]
    assert [sorted(batch) for batch in gate.batches] == [["first"], ["a", "b", "c"]]


def test_a_batch_has_its_limit() -> None:
    gate = Gate()
    ids = [f"{number:04}" for number in range(MOST_INPUTS + 1)]
    _, results = gathered(gate, ids)
    assert results == ids
    assert sorted(map(len, gate.batches)) == [1, 1, MOST_INPUTS]


def test_an_input_that_raises_fails_alone() -> None:
    gate = Gate()
    _, (good, bad, fine) = gathered(gate, ["a", "bad", "c"])
    assert (good, fine) == ("a", "c")
    assert isinstance(bad, ValueError)


def test_a_database_out_of_reach_is_everybodys_answer_and_is_asked_once() -> None:
    gate = Gate()
    _, results = gathered(gate, ["a", "unreachable", "c"])
    assert [type(result) for result in results] == [AutoReconnect] * 3
    assert len(gate.batches) == 2


def test_the_next_input_is_served_after_a_failure() -> None:
    gate = Gate()
    together, _ = gathered(gate, ["bad"])
    assert together.take(given("later")).input.id == "later"
    with pytest.raises(ValueError, match="bad"):
        together.take(given("bad"))
