"""An event of an order as it was published, for staff."""

from ecommerce.registry import engine
from orders import selectors
from tests.integration.parking import Feed, bytes_of, reserved
from tests.integration.people import ADDRESS, ORDERS, Person, problem_of


def test_staff_see_the_bytes_that_were_published(alice: Person, worker: Person) -> None:
    order = alice.order()
    Feed(engine("orders")).give(reserved(order))
    _, placed = selectors.first_answer(order)
    events = worker.get(f"{ORDERS}/{order}/timeline").json()["events"]
    answers = {each["eventType"]: worker.get(f"{ORDERS}/{order}/events/{each['eventId']}") for each in events}
    created, other = answers["OrderCreated"], answers["InventoryReserved"]
    assert created.json()["eventId"] == placed.event_id
    assert created.json()["payload"]["customerId"] == alice.id
    assert set(created.json()["payload"]["sealed"]) == {"keyId", "address", "paymentToken"}
    assert ADDRESS["line1"] not in created.content.decode()
    assert other.content == bytes_of(reserved(order))
    assert other["Content-Type"] == "application/json"


def test_what_was_not_published_is_absent(alice: Person, worker: Person) -> None:
    order, another = alice.order(), alice.order()
    log = engine("orders").database["events"].find({"_id": {"$regex": f"^{order}:"}, "type": "PlaceOrder"})
    command = next(iter(log))["_id"].partition(":")[2]
    event = worker.get(f"{ORDERS}/{another}/timeline").json()["events"][0]["eventId"]
    for id in (command, event, "absent", f"{another}:{event}", "%00"):
        assert problem_of(worker.get(f"{ORDERS}/{order}/events/{id}")) == (404, "/problems/not-found", [])
    assert problem_of(worker.get(f"{ORDERS}/absent/events/{event}"))[0] == 404


def test_a_customer_sees_none_not_even_of_their_own(alice: Person) -> None:
    order = alice.order()
    event = alice.get(f"{ORDERS}/{order}/timeline").json()["events"][0]["eventId"]
    assert problem_of(alice.get(f"{ORDERS}/{order}/events/{event}")) == (403, "/problems/forbidden", [])
