"""Answers taken one by one, from a party that gives them as it is told."""

from typing import Any

import msgspec
import pytest

from ecommerce.batches import Unknown, ask_each
from ecommerce.outside import Outside, Rejected, Unavailable


class Pay(msgspec.Struct, frozen=True):
    order: str


class Paid(msgspec.Struct, frozen=True, tag_field="status", tag="paid"):
    amount: int


class Scripted(Outside):
    """Answers each request with the next of `answers`."""

    def __init__(self, *answers: Any) -> None:
        super().__init__("bank", "http://bank.invalid", attempts=2)
        self._answers = list(answers)
        self.asked: list[list[str]] = []

    def post(self, path: str, json: Any) -> Any:
        self.asked.append([operation.order for operation in json["operations"]])
        answer = self._answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def paid(order: str) -> dict[str, Any]:
    return {"order": order, "status": "paid", "amount": 5}


def ask(party: Outside, *orders: str) -> list[Any]:
    return ask_each(party, "/pay", [Pay(order) for order in orders], expected=Paid)


def test_each_operation_gets_its_own_answer() -> None:
    assert ask(Scripted({"results": [paid("a"), {"order": "b", "status": "pending"}]}), "a", "b") == [
        Paid(5),
        Unknown(detail="the operation is pending"),
    ]


def test_nothing_is_asked_about_no_orders() -> None:
    party = Scripted()
    assert ask(party) == []
    assert party.asked == []


@pytest.mark.parametrize(
    "results", [[paid("b"), paid("a")], [paid("a")], [paid("a"), paid("b"), paid("c")]], ids=["swapped", "few", "many"]
)
def test_an_answer_about_other_orders_is_taken_for_none(results: list[dict[str, Any]]) -> None:
    unknown = Unknown(detail="the answer is about other orders")
    assert ask(Scripted({"results": results}), "a", "b") == [unknown, unknown]


@pytest.mark.parametrize("answer", [None, [], {}, {"results": None}, {"results": [1]}, {"results": [{}]}])
def test_an_answer_of_another_shape_is_unknown(answer: Any) -> None:
    [outcome] = ask(Scripted(answer), "a")
    assert outcome.detail.startswith("the answer is not understood: ")


@pytest.mark.parametrize(
    "result", [{"order": "a"}, {"order": "a", "status": "robbed"}, {"order": "a", "status": "paid"}]
)
def test_a_result_that_is_not_expected_is_unknown(result: dict[str, Any]) -> None:
    [outcome] = ask(Scripted({"results": [result]}), "a")
    assert outcome.detail.startswith("the answer is not understood: ")


def test_only_what_failed_in_passing_is_asked_again() -> None:
    passing = {"order": "b", "status": "unavailable"}
    party = Scripted({"results": [paid("a"), passing, paid("c")]}, {"results": [paid("b")]})
    assert ask(party, "a", "b", "c") == [Paid(5), Paid(5), Paid(5)]
    assert party.asked == [["a", "b", "c"], ["b"]]


def test_a_wrong_content_is_narrowed_down_and_other_rejections_are_not() -> None:
    wrong = Rejected(400, "no")
    party = Scripted(wrong, {"results": [paid("a"), paid("b")]}, wrong, wrong, {"results": [paid("d")]})
    assert [type(outcome) for outcome in ask(party, "a", "b", "c", "d")] == [Paid, Paid, Unknown, Paid]
    assert party.asked == [["a", "b", "c", "d"], ["a", "b"], ["c", "d"], ["c"], ["d"]]

    party = Scripted(Rejected(404, "no such call"))
    assert ask(party, "a", "b") == [Unknown(detail="bank rejected the request: 404: no such call")] * 2
    assert party.asked == [["a", "b"]]


def test_a_batch_without_an_answer_is_unknown_and_left_to_the_caller() -> None:
    party = Scripted(Unavailable("bank answered 503"))
    assert ask(party, "a", "b") == [Unknown(detail="bank answered 503")] * 2
    assert party.asked == [["a", "b"]]
