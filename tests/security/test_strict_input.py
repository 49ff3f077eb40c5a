"""What no command takes, one table for all of them: each field with each thing that it is not, each body's own tricks.

What is particular to a field (bounds, formats) is in `tests/integration/test_api_bad_*`.
"""

import copy
import json
import re
from dataclasses import dataclass, field
from typing import Any

import pytest

from ecommerce.http.parsing import MOST_BYTES
from tests.integration.people import ORDER, PASSWORD, Person, problem_of, staff

VALIDATION, MALFORMED = "/problems/validation", "/problems/malformed"


@dataclass(frozen=True)
class Command:
    """A path with a body that is right, its `texts` with their longest, its whole `numbers`, and who may send it."""

    path: str
    body: dict[str, Any]
    texts: dict[str, int]
    numbers: tuple[str, ...] = ()
    who: str = "nobody"
    key: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "key", self.path.removeprefix("/api/v1/"))


ADDRESS_TEXTS = {"name": 200, "line1": 200, "city": 200, "postalCode": 20, "country": 2}
REASON = {"reason": "asked for"}
COMMANDS = [
    Command(
        "/api/v1/orders",
        ORDER,
        {"items[0].sku": 64, "paymentMethod": 200}
        | {f"shippingAddress.{name}": most for name, most in ADDRESS_TEXTS.items()},
        ("items[0].quantity",),
        "alice",
    ),
    Command("/api/v1/orders/{order}/cancel", REASON, {"reason": 500}, (), "alice"),
    Command("/api/v1/stock/CUP/adjustments", {"delta": 1, **REASON}, {"reason": 500}, ("delta",), "root"),
    Command("/api/v1/payments/{order}/refund", REASON, {"reason": 500}, (), "root"),
    Command("/api/v1/dead-letters/orders:x/replay", REASON, {"reason": 500}, (), "root"),
    Command("/api/v1/dead-letters/orders:x/discard", REASON, {"reason": 500}, (), "root"),
    Command(
        "/api/v1/auth/register", {"username": "newcomer", "password": PASSWORD}, {"username": 150, "password": 128}
    ),
    Command("/api/v1/auth/token", {"username": "alice", "password": PASSWORD}, {"username": 150, "password": 128}),
    Command("/api/v1/auth/token/refresh", {"refresh": "x"}, {"refresh": 4000}),
    Command("/api/v1/auth/logout", {"refresh": "x"}, {"refresh": 4000}),
]
NO_TEXT: dict[str, Any] = {
    "an operator": {"$ne": 1},
    "another operator": {"$regex": ".*"},
    "a number": 7,
    "a boolean": True,
    "a list": ["x"],
    "null": None,
    "a null character": "a\0b",
    "a control character": "a\x1bb",
}
NO_NUMBER: dict[str, Any] = {
    "an operator": {"$gt": 0},
    "Arabic digits": "٣",
    "digits": "3",
    "a fraction": 1.5,
    "10³⁰": 10**30,
    "-10³⁰": -(10**30),
    "2⁶³": 2**63,
    "a boolean": True,
    "null": None,
    "a list": [1],
}
FIELDS = [
    *((each, name, what, value) for each in COMMANDS for name in each.texts for what, value in NO_TEXT.items()),
    *((each, name, "too long", "x" * (most + 1)) for each in COMMANDS for name, most in each.texts.items()),
    *((each, name, what, value) for each in COMMANDS for name in each.numbers for what, value in NO_NUMBER.items()),
]


@pytest.fixture(scope="module")
def root(alice: Person) -> Person:
    return staff("root", is_superuser=True)


@pytest.fixture
def people(alice: Person, root: Person) -> dict[str, Person]:
    return {"nobody": Person(), "alice": alice, "root": root}


def changed(body: dict[str, Any], name: str, value: Any) -> dict[str, Any]:
    """`body` with `value` at "items[0].sku"."""
    changed = copy.deepcopy(body)
    at: Any = changed
    *way, last = [int(part) if part.isdigit() else part for part in re.split(r"[.\[\]]+", name)]
    for part in way:
        at = at[part]
    at[last] = value
    return changed


@pytest.mark.parametrize(
    ("command", "name", "what", "value"), FIELDS, ids=[f"{each.key} {name} {what}" for each, name, what, _ in FIELDS]
)
def test_what_a_field_is_not_is_refused_by_its_name(
    people: dict[str, Person], order: str, command: Command, name: str, what: str, value: Any
) -> None:
    answer = people[command.who].post(command.path.format(order=order), changed(command.body, name, value))
    status, type, fields = problem_of(answer)
    assert (status, type, set(fields)) == (400, VALIDATION, {name})


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.key)
def test_a_body_with_a_trick_in_it_is_refused(people: dict[str, Person], order: str, command: Command) -> None:
    who, path = people[command.who], command.path.format(order=order)
    text, name = json.dumps(command.body), next(iter(command.texts))
    last = re.split(r"[.\]]+", name)[-1]

    def refused(data: bytes) -> tuple[tuple[int, str, list[str]], str]:
        answer = who.send("POST", path, data)
        return problem_of(answer), answer.json().get("detail", "")

    unknown = who.post(path, command.body | {"colour": "red", "$where": "1"})
    assert problem_of(unknown) == (400, VALIDATION, ["colour", "$where"])
    twice, said = refused((text[:-1] + f', "{next(iter(command.body))}": 1}}').encode())
    assert (twice, said) == (
        (400, MALFORMED, []),
        f"not valid JSON: the key {next(iter(command.body))!r} is there twice",
    )
    surrogate = json.dumps(changed(command.body, name, "\ud800")).encode()
    assert refused(surrogate) == ((400, MALFORMED, []), f"{name}: a string holds a lone surrogate")
    deep = text.replace(f'"{last}": ', f'"{last}": ' + "[" * 1000, 1).encode() + b"]" * 1000
    assert refused(deep) == ((400, MALFORMED, []), "nested more than 20 levels deep")
    assert refused(text.encode().ljust(MOST_BYTES + 1))[0] == (413, "/problems/too-large", [])
