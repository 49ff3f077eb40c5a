"""The gateway's own record of what was charged, and what must hold of it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx

from ecommerce.audit.names import Name
from ecommerce.audit.story import Story, Violation

_PAGE = 1000


@dataclass(slots=True)
class Charge:
    """What the gateway recorded of one order; amounts in minor units, by kind of movement."""

    kinds: list[str] = field(default_factory=list)
    amounts: dict[str, int] = field(default_factory=dict)
    is_known: bool = False  # whether there is such an order

    def add(self, movement: dict[str, Any]) -> None:
        self.kinds.append(movement["kind"])
        self.amounts[movement["kind"]] = self.amounts.get(movement["kind"], 0) + (movement.get("amount") or 0)

    @property
    def has_money(self) -> bool:
        """Whether something is still held, or was taken and not given back."""
        authorized, captured, voided, refunded = (
            self.amounts.get(kind, 0) for kind in ("authorized", "captured", "voided", "refunded")
        )
        return authorized - captured - voided != 0 or captured != refunded

    def violations(self, story: Story) -> Iterator[Violation]:
        """What is wrong with the charge of an order that has ended."""
        twice = any(self.kinds.count(kind) > 1 for kind in ("authorized", "captured"))
        is_completed, times = bool(story.made["OrderCompleted"]), self.kinds.count("captured")
        payment = story.stored.get("payments")
        wrong = {
            Name.CHARGED_TWICE: twice,
            Name.CHARGED_AND_CANCELLED: bool(story.made["OrderCancelled"] and self.has_money),
            Name.CHARGE_MISSING: is_completed and times != 1,
            Name.CHARGE_AMOUNT: bool(
                is_completed and times == 1 and payment and self.amounts["captured"] != payment["amount"]
            ),
        }
        for name in (name for name, is_so in wrong.items() if is_so):
            yield story.violation(name, f"the gateway has {', '.join(self.kinds) or 'nothing'}")


class Ledger:
    """The gateway's ledger over HTTP. `said` tells what was read, or why nothing could be."""

    def __init__(self, url: str | None) -> None:
        self._client = httpx.Client(base_url=url, timeout=10) if url else None
        self._charges: dict[str, Charge] | None = None
        self.said = "not read" if url else "not compared"

    def read(self) -> None:
        """Reads all of it."""
        if self._client is None:
            return
        try:
            movements = list(self._movements(self._client))
        except httpx.HTTPError as error:
            self._give_up(error)
            return
        self._charges = {}
        for movement in movements:
            self._charges.setdefault(movement["order"], Charge()).add(movement)
        self.said = f"{len(movements)} movements"

    def read_of(self, orders: Sequence[str]) -> None:
        """Reads what it has of some orders."""
        if self._client is None:
            return
        self._charges = {}
        for order_id in orders:
            self.read_again(order_id)
        if self._charges is not None:
            self.said = f"{sum(len(charge.kinds) for charge in self._charges.values())} movements"

    def charge(self, order_id: str) -> Charge | None:
        """What was recorded of an order when the ledger was read; None where it could not be read."""
        return None if self._charges is None else self._charges.get(order_id, Charge())

    def foreign(self) -> Iterator[Violation]:
        """Money of orders that no log has heard of, once all orders were judged."""
        for order_id, charge in (self._charges or {}).items():
            if charge.has_money and not charge.is_known:
                yield Violation(
                    name=Name.FOREIGN_CHARGE,
                    subject=f"order {order_id}",
                    detail=f"the gateway has {', '.join(charge.kinds)}",
                    command="give it back at the gateway, or restore the databases that knew of it",
                    key=order_id,
                )

    def read_again(self, order_id: str) -> None:
        """Reads one order anew: what looked wrong may have happened since."""
        if self._client is None or self._charges is None:
            return
        charge = Charge()
        try:
            answer = self._client.get(f"/ledger/{order_id}").raise_for_status()
        except httpx.HTTPError as error:
            self._give_up(error)
            return
        for movement in answer.json()["movements"]:
            charge.add(movement)
        self._charges[order_id] = charge

    def _give_up(self, error: httpx.HTTPError) -> None:
        self._charges = None
        self.said = f"out of reach ({error!r}), so it was not compared"

    def _movements(self, client: httpx.Client) -> Iterator[dict[str, Any]]:
        after: int | None = 0
        while after is not None:
            answer = client.get("/ledger", params={"after": after, "limit": _PAGE})
            page = answer.raise_for_status().json()
            yield from page["movements"]
            after = page["next"]
