"""`manage.py audit`: what it says, how it exits, and what it does of what it prints."""

from typing import Any

import pytest
from django.core.management.base import CommandError

from ecommerce.audit import scheduled
from ecommerce.audit.names import Name
from tests.integration.planting import audit, audited, typed
from tests.integration.saga import Saga, make_old
from tests.integration.test_audit_orders import COMPLETED, RETURNED, captured_after_all
from tests.integration.test_audit_orders import played as played  # fixtures
from tests.integration.test_audit_orders import saga as saga

pytestmark = pytest.mark.usefixtures("databases")

ALONE = ("--no-gateway", "--no-topics")


def test_the_last_line_sums_up_and_a_clean_audit_exits_with_0(saga: Saga) -> None:
    saga.place("order-7")
    said = audit(*ALONE)
    assert (
        said.text
        == "audit: 6 orders, 5 ended, 1 in flight; gateway's ledger: not compared; topics: not compared; 0 violations\n"
    )
    assert said.status == 0


def test_a_violation_is_a_line_with_its_name_whom_it_concerns_and_the_command(saga: Saga) -> None:
    saga.aggregates("payments").update_one({"_id": COMPLETED}, {"$set": {"charge_id": "other"}})
    lines = audit(*ALONE).text.splitlines()
    assert lines == [
        f"VIOLATION an aggregate is not what its log says: order {COMPLETED} (payments.payments {COMPLETED}: "
        f"charge_id: 'other' should be 'ch-{COMPLETED}'); "
        f"repair: manage.py rebuild --service payments --key {COMPLETED} --write",
        "audit: 5 orders, 5 ended, 0 in flight; gateway's ledger: not compared; topics: not compared; 1 violations",
    ]


def test_the_printed_commands_repair_what_they_say(saga: Saga) -> None:
    saga.aggregates("payments").update_one({"_id": COMPLETED}, {"$set": {"charge_id": "other"}})
    saga.aggregates("shipping").update_one({"_id": COMPLETED}, {"$set": {"parked": 2}})
    said = audited(*ALONE)
    assert sorted(said.names) == [Name.DIFFERS, Name.HELD_BY_NOTHING]
    for name in said.names:
        (command,) = said.commands(Name(name))
        assert typed(f"{command} {' '.join(ALONE)}" if " audit " in command else command).status == 0
    assert audited(*ALONE).names == []


def test_a_repair_says_what_it_did_and_leaves_what_is_not_safe(saga: Saga) -> None:
    saga.aggregates("payments").update_one({"_id": COMPLETED}, {"$set": {"charge_id": "other"}})
    model = saga.aggregates("shipping").find_one({"_id": COMPLETED})
    saga.aggregates("shipping").insert_one(model | {"_id": "order-6"})
    said = audit(*ALONE, "--repair")
    assert said.status == 1
    repaired, left, summary = said.text.splitlines()
    assert repaired.startswith(f"REPAIRED {Name.DIFFERS}: stored what the log says: payments.payments {COMPLETED}")
    assert left.startswith(f"VIOLATION {Name.WITHOUT_LOG}: order order-6")
    assert summary.endswith("; 1 violations")
    assert saga.aggregates("shipping").count_documents({"_id": "order-6"}) == 1


def test_only_the_named_order_is_judged_and_repaired(saga: Saga) -> None:
    saga.aggregates("shipping").update_many({}, {"$set": {"parked": 2}})
    assert audited(*ALONE).names == [Name.HELD_BY_NOTHING] * 5
    said = audit(*ALONE, "--order", COMPLETED, "--repair")
    assert (said.status, said.text.splitlines()[-1].split(";")[0]) == (0, "audit: 1 orders, 1 ended, 0 in flight")
    assert audited(*ALONE).names == [Name.HELD_BY_NOTHING] * 4


def test_a_hold_that_became_true_meanwhile_stays(saga: Saga) -> None:
    """The order was unheld when it was audited; then its dead letter came back."""
    from ecommerce.audit.repairs import Repairs
    from ecommerce.audit.story import Mending, Repair
    from tests.integration.test_audit_orders import CANCELLED, parked

    parked(saga)
    said = Repairs(saga.engines).make(Repair(mending=Mending.UNPARK, service="shipping", key=CANCELLED))
    assert said == f"shipping {CANCELLED}: dead letters hold it now, nothing written"
    assert saga.aggregates("shipping").find_one({"_id": CANCELLED})["parked"] == 1


def test_money_that_was_taken_for_a_cancelled_order_goes_back_by_the_printed_command(saga: Saga) -> None:
    captured_after_all(saga)
    saga.aggregates("payments").update_one({"_id": RETURNED}, {"$set": {"status": "CAPTURED"}})
    (command,) = audited(*ALONE).commands(Name.NOT_REFUNDED)
    assert command == f"manage.py refund {RETURNED}"
    assert typed(command).status == 0
    saga.settle()
    assert Name.NOT_REFUNDED not in audited(*ALONE).names


def test_a_process_of_one_service_cannot_judge(settings: Any) -> None:
    settings.ENV = settings.ENV.model_copy(update={"SERVICE": "orders"})
    assert audit(*ALONE).status == 2


def test_it_can_be_read_by_programs(saga: Saga) -> None:
    saga.aggregates("payments").update_one({"_id": COMPLETED}, {"$set": {"charge_id": "other"}})
    document = audited(*ALONE).document
    assert (document["orders"], document["ended"], document["in_flight"]) == (5, 5, 0)
    (violation,) = document["violations"]
    assert (violation["name"], violation["key"]) == (Name.DIFFERS, COMPLETED)
    assert violation["safe"]["mending"] == "rebuild"


def test_since_judges_orders_to_which_something_has_happened_since(saga: Saga) -> None:
    assert audited(*ALONE, "--since", "1h").document["orders"] == 5
    make_old(saga, but=COMPLETED)
    saga.aggregates("payments").update_one({"_id": RETURNED}, {"$set": {"charge_id": "other"}})
    said = audited(*ALONE, "--since", "1h")
    assert (said.document["orders"], said.names) == (1, [])
    assert audited(*ALONE, "--since", "3h").names == [Name.DIFFERS]


def test_since_the_snapshot_judges_what_the_audits_that_run_by_themselves_would(saga: Saga, settings: Any) -> None:
    with pytest.raises(CommandError, match="there is no snapshot: no audit has run by itself yet"):
        audit(*ALONE, "--since", "snapshot")
    settings.GATEWAY_URL = None
    saga.aggregates("payments").update_one({"_id": COMPLETED}, {"$set": {"charge_id": "other"}})
    scheduled.run()
    make_old(saga)
    said = audited(*ALONE, "--since", "snapshot")
    assert (said.document["orders"], said.names) == (1, [Name.DIFFERS])


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (("--since", "yesterday"), "'yesterday' is neither a time"),
        (("--since", "1h", "--order", "x"), "not allowed with argument"),
    ],
)
def test_what_cannot_be_meant_is_refused(saga: Saga, arguments: tuple[str, ...], error: str) -> None:
    with pytest.raises(CommandError, match=error):
        audit(*arguments)
