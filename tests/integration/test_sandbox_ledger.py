"""Writes that share a commit share its fate, and nothing else."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

from deploy.sandbox.ledger import Ledger


def test_a_write_that_fails_takes_those_of_the_same_commit_with_it_and_no_later_one(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.db")

    def hold(order: str) -> Callable[[], str]:
        def work() -> str:
            ledger.record(order=order, kind="authorized", reference="ch", amount=1, currency="USD")
            ledger.keep(order, b"{}")
            return order

        return work

    def fail() -> str:
        hold("b")()
        raise ValueError("broken")

    async def at_once() -> list[Any]:
        return await asyncio.gather(*map(ledger.write, (hold("a"), fail, hold("c"), hold("d"))), return_exceptions=True)

    outcomes = asyncio.run(at_once())
    assert [str(outcome) for outcome in outcomes] == ["broken", "broken", "c", "d"]
    assert [ledger.state_of(order) for order in "abcd"] == [None, None, b"{}", b"{}"]
    assert [movement.order for movement in ledger.movements(after=0, limit=10)] == ["c", "d"]
    ledger.close()
