"""How an order's personal data is sealed, before anything is logged."""

from typing import Any

import msgspec

from ecommerce.vault import Erased, Vault
from orders.events import Sealed


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
    try:
        return _sealed(vault, vault.key_of(customer_id), order_id, address, payment_token)
    except Erased:  # while it was remembered here: now it no longer is, and an account that was kept has a new one
        return _sealed(vault, vault.key_of(customer_id), order_id, address, payment_token)


def opened(vault: Vault, order_id: str, sealed: Sealed) -> tuple[Address, str]:
    """Address and payment token in plain text. Raises `Erased`, `Locked`."""
    token = vault.unseal(sealed.key_id, sealed.payment_token, context=f"{order_id}:payment")
    return address_of(vault, order_id, {"key_id": sealed.key_id, "address": sealed.address}), token


def address_of(vault: Vault, order_id: str, sealed: dict[str, str]) -> Address:
    """The address alone, of what an order keeps of it. Raises `Erased`, `Locked`."""
    address = vault.unseal(sealed["key_id"], sealed["address"], context=f"{order_id}:address")
    return msgspec.json.decode(address, type=Address)


def _sealed(vault: Vault, key_id: str, order_id: str, address: dict[str, Any], payment_token: str) -> Sealed:
    return Sealed(
        key_id=key_id,
        address=vault.seal(key_id, msgspec.json.encode(address).decode(), context=f"{order_id}:address"),
        payment_token=vault.seal(key_id, payment_token, context=f"{order_id}:payment"),
    )
