"""Minor units inside, what people write outside."""

import msgspec
import pytest

from ecommerce.money import outside

_encoder = msgspec.json.Encoder(decimal_format="number")


@pytest.mark.parametrize(
    ("amount", "currency", "written"),
    [
        (1999, "USD", "19.99"),
        (1990, "EUR", "19.90"),
        (2000, "USD", "20"),
        (1, "USD", "0.01"),
        (0, "USD", "0"),
        (-1999, "USD", "-19.99"),
        (1_000_000, "USD", "10000"),
        (10**12 - 1, "USD", "9999999999.99"),
        (2**63 - 1, "USD", "92233720368547758.07"),
        (1999, "JPY", "1999"),
        (2000, "JPY", "2000"),
        (10**12, "JPY", "1000000000000"),
        (1999, "SEK", "19.99"),
    ],
)
def test_an_amount_goes_out_exact_and_without_an_exponent(amount: int, currency: str, written: str) -> None:
    assert _encoder.encode(outside(amount, currency)).decode() == written
