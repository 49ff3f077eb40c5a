"""How an order's personal data is sealed, before anything is logged."""

from typing import Any

import msgspec

from ecommerce.vault import Vault
from orders.events import Sealed


def seal(vault: Vault, customer_id: str, order_id: str, address: dict[str, Any], payment_token: str) -> Sealed:
    """Address and payment token under the customer's key, bound to the order and to their purpose."""
    key_id = vault.key_of(customer_id)
    return Sealed(
        key_id=key_id,
        address=vault.seal(key_id, msgspec.json.encode(address).decode(), context=f"{order_id}:address"),
        payment_token=vault.seal(key_id, payment_token, context=f"{order_id}:payment"),
    )
