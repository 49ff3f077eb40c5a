"""The master key is replaced while the shop is open: nothing becomes unreadable, nothing is forgotten."""

import base64
import os
from io import StringIO
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import call_command

from ecommerce import identity, masterkeys, rotation
from ecommerce import vault as vaults
from ecommerce.environment import Environment
from ecommerce.masterkeys import Locked, MasterKeys, id_of
from ecommerce.outside import Outside
from ecommerce.platform.models import DataKey
from ecommerce.registry import engine
from ecommerce.vault import Erased, Vault
from inventory.events import InventoryReserved
from orders import selectors
from payments import tasks
from payments.gateway import SandboxGateway
from payments.models import Payment
from tests.integration.people import ORDER, ORDERS, customer, stock_the_shop
from tests.sandbox import Sandbox

FIRST, SECOND, THIRD = (bytes([number]) * 32 for number in (1, 2, 3))


@pytest.fixture(autouse=True)
def _first_key(databases: None, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    use(settings, FIRST)
    monkeypatch.setattr(vaults, "_vault", None)


def use(settings: Any, present: bytes, *old: bytes) -> None:
    settings.MASTER_KEY, settings.MASTER_KEYS_OLD = present, old


def sealed_for(customers: int) -> dict[str, str]:
    """Customers' key ids with a text sealed by each, under the present master key."""
    vault = Vault()
    ids = [vault.key_of(f"customer {uuid4()}") for _ in range(customers)]
    return {id: vault.seal(id, f"text of {id}", context="c") for id in ids}


def readable(sealed: dict[str, str]) -> int:
    """How many are read as what they were; a wrong text fails the test."""
    vault, count = Vault(), 0
    for id, text in sealed.items():
        try:
            assert vault.unseal(id, text, context="c") == f"text of {id}"
        except Locked:
            continue
        count += 1
    return count


def rotated(*options: str) -> tuple[int, str, str]:
    """Exit status, output and errors of the command."""
    out, err = StringIO(), StringIO()
    try:
        call_command("rotate_master_key", *options, stdout=out, stderr=err)
    except SystemExit as end:
        return int(str(end.code)), out.getvalue(), err.getvalue()
    return 0, out.getvalue(), err.getvalue()


def test_old_and_new_keys_are_read_side_by_side_and_the_old_one_can_go_after_a_rotation(settings: Any) -> None:
    old = sealed_for(3)
    use(settings, SECOND, FIRST)
    new = sealed_for(2)
    assert readable(old | new) == 5
    status, said, _ = rotated("--check")
    assert (status, f"3 need the old master key {id_of(FIRST)}" in said) == (1, True)
    status, said, _ = rotated()
    assert status == 0
    assert "3 data keys wrapped anew" in said
    assert f"5 data keys are wrapped by MASTER_KEY ({id_of(SECOND)})" in said
    use(settings, SECOND)
    assert readable(old | new) == 5
    assert rotated("--check")[0] == 0
    use(settings, FIRST)
    assert readable(old | new) == 0


def test_a_rotation_that_was_interrupted_goes_on_where_it_was(settings: Any) -> None:
    sealed = sealed_for(7)
    use(settings, SECOND, FIRST)
    running = rotation.rotate(masterkeys.configured(), batch=2)
    next(running)
    assert next(running).wrapped == 4
    running.close()
    assert rotation.by_master_key() == {id_of(SECOND): 4, id_of(FIRST): 3}
    assert readable(sealed) == 7
    assert "3 data keys wrapped anew" in rotated()[1]
    use(settings, SECOND)
    assert readable(sealed) == 7


def test_keys_of_a_time_without_ids_are_rotated_too(settings: Any) -> None:
    sealed = sealed_for(2)
    DataKey.objects.update(master="")
    use(settings, SECOND, THIRD, FIRST)
    assert readable(sealed) == 2
    assert rotated()[0] == 0
    use(settings, SECOND)
    assert readable(sealed) == 2


@pytest.mark.parametrize("master", ["as written", ""])
def test_a_missing_old_key_is_asked_for_by_the_name_of_its_setting_and_nothing_is_lost(
    settings: Any, master: str
) -> None:
    lost = sealed_for(2)
    if not master:
        DataKey.objects.update(master="")
    use(settings, SECOND)
    kept = sealed_for(1)
    before = list(DataKey.objects.order_by("pk").values())
    use(settings, THIRD, SECOND)
    status, said, errors = rotated()
    assert (status, "1 data keys wrapped anew" in said) == (1, True)
    assert "add that master key to MASTER_KEYS_OLD" in errors
    assert "2 data keys were left as they are" in errors
    changed = [row for row in DataKey.objects.order_by("pk").values() if row not in before]
    assert [row["id"] for row in changed] == list(kept)
    with pytest.raises(Locked, match="MASTER_KEYS_OLD"):
        Vault().unseal(next(iter(lost)), next(iter(lost.values())), context="c")
    use(settings, THIRD, SECOND, FIRST)
    assert rotated()[0] == 0
    use(settings, THIRD)
    assert readable(lost | kept) == 3


def test_whoever_is_erased_in_the_middle_of_a_rotation_stays_erased(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    (id,) = sealed = sealed_for(1)
    use(settings, SECOND, FIRST)
    wrap = MasterKeys.wrap

    def erased_meanwhile(self: MasterKeys, data_key: bytes, *, key_id: str) -> bytes:
        Vault().erase(DataKey.objects.get(pk=key_id).customer_id)
        return wrap(self, data_key, key_id=key_id)

    monkeypatch.setattr(MasterKeys, "wrap", erased_meanwhile)
    assert "0 data keys wrapped anew" in rotated()[1]
    key = DataKey.objects.get()
    assert (key.wrapped, key.destroyed_at is None) == (None, False)
    with pytest.raises(Erased):
        Vault().unseal(id, sealed[id], context="c")


def test_a_repeated_idempotency_key_is_recognised_after_a_rotation_also_without_the_old_key(settings: Any) -> None:
    stock_the_shop()
    alice, key = customer("alice"), str(uuid4())
    first = alice.post(ORDERS, ORDER, key=key)
    assert first.status_code == 201
    use(settings, SECOND, FIRST)
    assert rotated()[0] == 0
    for old in [(FIRST,), ()]:
        use(settings, SECOND, *old)
        vaults._vault = None
        again = alice.post(ORDERS, ORDER, key=key)
        assert (again.status_code, again.content) == (201, first.content)
        assert alice.post(ORDERS, ORDER | {"paymentMethod": "tok_flaky"}, key=key).status_code == 422


def test_a_request_that_meets_a_missing_master_key_may_be_repeated(settings: Any) -> None:
    stock_the_shop()
    alice = customer("alice")
    alice.order()
    use(settings, SECOND)
    vaults._vault = None
    answer = alice.post(ORDERS, ORDER)
    assert (answer.status_code, answer["Retry-After"]) == (503, "60")
    use(settings, SECOND, FIRST)
    vaults._vault = None
    assert alice.post(ORDERS, ORDER).status_code == 201


def test_one_locked_customer_does_not_hold_up_the_others_of_a_batch(
    settings: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    stock_the_shop()
    orders = [customer("alice").order()]
    use(settings, SECOND)
    vaults._vault = None
    orders.append(customer("bob").order())
    vaults._vault = None  # this process was never told of FIRST
    known = engine("payments")
    for order in orders:
        created = selectors.first_answer(order)[1]
        reserved = InventoryReserved(order_id=order, lines=())
        known.take([known.input(each, id=identity.new_id()) for each in (created.payload, reserved)])
    with Sandbox("gateway", tmp_path) as gateway:
        asked = SandboxGateway(Outside("gateway", gateway.url))
        monkeypatch.setattr(tasks, "gateway", lambda: asked)
        tasks.authorize(orders)
        assert [Payment.objects.get(pk=order).status for order in orders] == ["PENDING", "AUTHORIZED"]
        use(settings, SECOND, FIRST)
        vaults._vault = None
        tasks.authorize(orders)
    assert [Payment.objects.get(pk=order).status for order in orders] == ["AUTHORIZED", "AUTHORIZED"]


def test_master_keys_in_base64_come_from_the_environment() -> None:
    keys = [base64.b64encode(os.urandom(32)).decode() for _ in range(2)]
    read = Environment(MASTER_KEYS_OLD=", ".join(keys))  # type: ignore[call-arg]
    assert [base64.b64encode(key).decode() for key in read.master_keys_old] == keys
