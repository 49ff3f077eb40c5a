"""How an order's personal data is sealed, before anything is logged."""

from collections.abc import Callable
from typing import Any, TypeVar

import msgspec

from ecommerce import typed
from ecommerce.vault import Erased, Vault
from orders.events import Sealed
from orders.messages import SealedNote

T = TypeVar("T")


class Address(msgspec.Struct, frozen=True, rename="camel"):
    """Where an order goes."""

    name: str
    line1: str
    city: str
    postal_code: str
    country: str


def seal(vault: Vault, customer_id: str, order_id: str, address: dict[str, Any], payment_token: str) -> Sealed:
    """Address and payment token under the customer's key, bound to the order and to their purpose.

    Raises `Erased` for a closed account, `Locked`.
    """
    return _with_key(vault, customer_id, lambda key_id: _sealed(vault, key_id, order_id, address, payment_token))


def opened(vault: Vault, order_id: str, sealed: Sealed) -> tuple[Address, str]:
    """Address and payment token in plain text. Raises `Erased`, `Locked`."""
    token = vault.unseal(sealed.key_id, sealed.payment_token, context=f"{order_id}:payment")
    return address_of(vault, order_id, {"key_id": sealed.key_id, "address": sealed.address}), token


def seal_note(vault: Vault, customer_id: str, order_id: str, note: str) -> SealedNote | None:
    """What a customer says about an order, if anything. Raises `Erased` for a closed account, `Locked`."""
    if not note:
        return None
    return _with_key(
        vault,
        customer_id,
        lambda key_id: SealedNote(key_id=key_id, note=vault.seal(key_id, note, context=f"{order_id}:note")),
    )


def note_of(vault: Vault, order_id: str, sealed: SealedNote) -> str:
    """What the customer said. Raises `Erased`, `Locked`."""
    return vault.unseal(sealed.key_id, sealed.note, context=f"{order_id}:note")


def address_of(vault: Vault, order_id: str, sealed: dict[str, str]) -> Address:
    """The address alone, of what an order keeps of it. Raises `Erased`, `Locked`."""
    address = vault.unseal(sealed["key_id"], sealed["address"], context=f"{order_id}:address")
    return typed.decode(address, Address)


def _sealed(vault: Vault, key_id: str, order_id: str, address: dict[str, Any], payment_token: str) -> Sealed:
    return Sealed(
        key_id=key_id,
        address=vault.seal(key_id, msgspec.json.encode(address).decode(), context=f"{order_id}:address"),
        payment_token=vault.seal(key_id, payment_token, context=f"{order_id}:payment"),
    )


def _with_key(vault: Vault, customer_id: str, seal: Callable[[str], T]) -> T:
    try:
        return seal(vault.key_of(customer_id))
    except Erased:  # while it was remembered here: now it no longer is, and an account that was kept has a new one
        return seal(vault.key_of(customer_id))
