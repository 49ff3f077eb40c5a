"""Money: integer minor units inside, a JSON number with at most two decimals outside. No float arithmetic anywhere."""

from decimal import Decimal

# ISO 4217: how many decimals a currency has.
DECIMALS = {"USD": 2, "EUR": 2, "GBP": 2, "CHF": 2, "JPY": 0}


def outside(amount: int, currency: str) -> Decimal:
    """`amount` minor units as people write them: 1999 USD is 19.99, 2000 USD is 20."""
    value = Decimal(amount).scaleb(-DECIMALS.get(currency, 2))
    return value if value % 1 else value.quantize(Decimal(1))


def written(amount: int, currency: str) -> str:
    """`amount` minor units as a page shows them: 2000 USD is "20.00 USD"."""
    return f"{Decimal(amount).scaleb(-DECIMALS.get(currency, 2))} {currency}".strip()
