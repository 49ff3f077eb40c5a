"""manage.py erase_customer, as an operator uses it: what goes, what stays, and what an interruption leaves."""

import gzip
import json
import sqlite3
from collections.abc import Callable, Iterator
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import redis
from confluent_kafka import Producer
from django.conf import settings
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.contrib.sessions.models import Session
from django.core.management import CommandError, call_command
from django.db import connections
from django.test import Client
from django.urls import reverse

from ecommerce import identity
from ecommerce import vault as vaults
from ecommerce.erasure import stores
from ecommerce.erasure.steps import Erasing
from ecommerce.platform.models import DataKey, Erasure, SignInFailure, SpentToken, User
from ecommerce.registry import engine
from ecommerce.vault import CACHE_SECONDS, Erased, Vault, vault
from inventory.events import InventoryReserved
from orders import selectors
from orders.sealing import opened
from payments import tasks
from tests.integration.people import (
    ORDER,
    ORDERS,
    PASSWORD,
    Person,
    customer,
    problem_of,
    sign_in,
    staff,
    stock_the_shop,
)
from tests.servers import Servers
from tests.topics import make_topics_anew

ZOE = "zoe-of-the-quayside"  # so long that no ciphertext has it by chance
NAME, LINE, CITY, CODE, TOKEN = "Zoë Ångström", "17 Nettle Wharf", "Quillmouth", "QM4 7ZZ", "tok_of_zoes_card"
ADDRESS = {"name": NAME, "line1": LINE, "city": CITY, "postalCode": CODE, "country": "GB"}
STEPS = [step.__name__ for step in Erasing.steps(Erasing.__new__(Erasing))]


@pytest.fixture(autouse=True)
def _places(databases: None, settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    settings.LOG_FOLDER, settings.SANDBOX_LEDGERS = tmp_path / "logs", [tmp_path / "gateway" / "ledger.db"]
    for folder in ("logs", "gateway"):
        (tmp_path / folder).mkdir()
    monkeypatch.setattr(vaults, "_vault", None)
    redis.Redis.from_url(settings.REDIS_URL).flushall()
    yield
    redis.Redis.from_url(settings.REDIS_URL).flushall()


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """For tests that are not about the search: reading nine topics takes seconds."""
    monkeypatch.setattr(stores, "_topics", list)


@pytest.fixture
def zoe() -> Person:
    """A customer who has ordered, signed out once, is signed in on a page, and whose account staff have changed."""
    stock_the_shop()
    person = customer(ZOE)
    User.objects.filter(pk=person.id).update(email="zoe@quillmouth.example", first_name="Zoë", last_name="Ångström")
    person.order(shippingAddress=ADDRESS, paymentMethod=TOKEN)
    Person().post("/api/v1/auth/logout", {"refresh": sign_in(ZOE)[1]})
    assert Client().login(username=ZOE, password=PASSWORD)
    wrong = {"username": ZOE, "password": "wrong"}  # whatever remembers that must forget it
    assert Person().post("/api/v1/auth/token", wrong).status_code == 401
    Client().post(reverse("admin:login"), wrong)
    worker = staff("worker")
    LogEntry.objects.create(
        user_id=worker.id,
        content_type=ContentType.objects.get_for_model(User),
        object_id=person.id,
        object_repr=ZOE,
        action_flag=CHANGE,
        change_message="",
    )
    return person


def erased(*arguments: str, status: int = 0) -> str:
    """What the command prints; fails if it does not end with `status`."""
    said, ended = StringIO(), 0
    try:
        call_command("erase_customer", *arguments, "--yes", "--no-wait", stdout=said)
    except SystemExit as end:
        ended = int(str(end.code))
    assert ended == status, said.getvalue()
    return said.getvalue()


def everything_stored() -> bytes:
    """All databases and Redis, as one text."""
    memory = redis.Redis.from_url(settings.REDIS_URL)
    parts = [repr((key, memory.dump(key))) for key in memory.scan_iter()]
    for alias in connections:
        connections[alias].ensure_connection()
        database = connections[alias].database
        parts += [repr(document) for name in database.list_collection_names() for document in database[name].find()]
    return "\n".join(parts).encode()


def test_the_keys_the_account_and_its_traces_are_gone_and_the_receipt_says_so(zoe: Person) -> None:
    receipt = json.loads(erased(ZOE, "--json", "--by", "anna", "--reason", "asked in writing"))
    stored = everything_stored()
    assert [text for text in (NAME, LINE, CITY, TOKEN, ZOE, "Ångström") if text.encode() in stored] == []
    key = DataKey.objects.get()
    assert (key.wrapped, key.destroyed_at is None) == (None, False)
    user = User.objects.get(pk=zoe.id)
    assert (user.username, user.email, user.get_full_name(), user.is_active) == (f"erased-{zoe.id}", "", "", False)
    assert not user.has_usable_password()
    assert (Session.objects.count(), SpentToken.objects.count(), LogEntry.objects.count()) == (0, 0, 0)
    assert (receipt["by"], receipt["reason"], receipt["keys_destroyed"]) == ("anna", "asked in writing", 1)
    deleted = {"sessions": 1, "failed sign-ins": 2, "tokens": 1, "records of changes to the account": 1}
    assert receipt["deleted"] == deleted
    assert SignInFailure.objects.count() == 0
    assert (receipt["orders"], receipt["orders_in_flight"]) == (1, 1)
    assert receipt["searched_texts"] == 5  # name, line, token, the place, the mail address
    unreadable_from = key.destroyed_at + timedelta(seconds=CACHE_SECONDS)
    assert receipt["unreadable_from"] == unreadable_from.isoformat().replace("+00:00", "Z")
    stores = {each["store"] for each in receipt["stores"]}
    assert {"collection platform.users", "collection orders.events", "collection payments.dead_letters"} <= stores
    assert {"topic orders.events", "topic shipping.dlq", "topic inventory.products", "redis"} <= stores
    assert [each for each in receipt["stores"] if each["hits"] or each["mentions"] or each["error"]] == []
    record = Erasure.objects.get()
    assert (record.receipt, record.is_clean, record.by) == (receipt, True, "anna")


def test_a_second_run_says_that_nothing_is_left(quick: None, zoe: Person) -> None:
    erased(ZOE)
    before = list(Erasure.objects.values())
    assert erased(zoe.id) == f"nothing is left of {zoe.id} to erase\n"
    assert list(Erasure.objects.values()) == before


def test_who_is_not_known_is_said_and_nothing_is_erased(zoe: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(CommandError, match="there is no customer 'zed'"):
        erased("zed")
    with pytest.raises(CommandError, match="belongs to the staff"):
        erased("worker")
    monkeypatch.setattr("builtins.input", lambda _: "no")
    with pytest.raises(CommandError, match="nothing was erased"):
        call_command("erase_customer", ZOE)
    assert (DataKey.objects.get().destroyed_at, Erasure.objects.count()) == (None, 0)
    assert zoe.post(ORDERS, ORDER).status_code == 201


def test_whoever_calls_themselves_by_the_id_of_another_is_not_taken_for_them(quick: None, zoe: Person) -> None:
    mallory = customer(zoe.id)
    erased(zoe.id)
    assert User.objects.get(pk=User.objects.get(username=mallory.name).pk).is_active
    assert not User.objects.get(pk=zoe.id).is_active


def test_a_server_out_of_reach_is_found_out_before_anything_is_destroyed(
    zoe: Person, servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stores, "PATIENCE", 2.0)
    servers.kafka.pause()
    try:
        with pytest.raises(CommandError, match="not completed, run it again"):
            erased(ZOE)
    finally:
        servers.kafka.resume()
    assert (DataKey.objects.get().destroyed_at, Erasure.objects.count()) == (None, 0)
    assert User.objects.get(pk=zoe.id).is_active


def test_a_topic_that_falls_silent_in_the_middle_is_named_and_the_others_are_searched(
    zoe: Person, servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stores, "PATIENCE", 2.0)
    found = [each for each in stores._topics() if each.name == "topic orders.events"]
    monkeypatch.setattr(stores, "_topics", lambda: found)
    servers.kafka.pause()
    try:
        receipt = json.loads(erased(ZOE, "--json", status=1))
    finally:
        servers.kafka.resume()
    wrong = {each["store"]: each["error"] for each in receipt["stores"] if each["error"]}
    assert list(wrong) == ["topic orders.events"]
    assert "Kafka is silent about orders.events" in wrong["topic orders.events"]
    assert len(receipt["stores"]) > 40


def test_an_order_in_flight_ends_for_want_of_its_card(quick: None, zoe: Person) -> None:
    order = next(selectors.sealed_of(zoe.id))[0]
    payments = engine("payments")
    created = selectors.first_answer(order)[1].payload
    asked = (created, InventoryReserved(order_id=order, lines=()))
    payments.take([payments.input(each, id=identity.new_id()) for each in asked])
    erased(ZOE)
    vaults._vault = None
    state = tasks.selectors.state(order)
    assert state is not None
    assert str(state.pending) == "AUTHORIZE"
    tasks.authorize([order])
    state = tasks.selectors.state(order)
    assert state is not None
    assert state.failure == "ERASED"


def test_a_process_that_remembers_the_key_forgets_it_within_a_minute(quick: None, zoe: Person) -> None:
    now = 1000.0
    elsewhere = Vault(lambda: now)
    order, _, sealed = next(selectors.sealed_of(zoe.id))
    assert opened(elsewhere, order, sealed)[1] == TOKEN
    erased(ZOE)
    now += CACHE_SECONDS - 0.001
    assert opened(elsewhere, order, sealed)[1] == TOKEN
    now += 0.001
    with pytest.raises(Erased):
        opened(elsewhere, order, sealed)


def test_a_key_lives_in_memory_from_before_it_was_read(
    quick: None, zoe: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A slow answer of the database is part of the minute that whoever erases waits."""
    now = 1000.0
    elsewhere = Vault(lambda: now)
    order, _, sealed = next(selectors.sealed_of(zoe.id))
    unwrap = elsewhere._masters.unwrap

    def slow(*args: Any, **kwargs: Any) -> bytes:
        nonlocal now
        now += 5
        return unwrap(*args, **kwargs)

    monkeypatch.setattr(elsewhere._masters, "unwrap", slow)
    opened(elsewhere, order, sealed)
    erased(ZOE)
    now = 1000 + CACHE_SECONDS
    with pytest.raises(Erased):
        opened(elsewhere, order, sealed)


def test_it_waits_until_other_processes_have_forgotten(
    quick: None, zoe: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    passed = timedelta()
    real = identity.now

    def sleep(seconds: float) -> None:
        nonlocal passed
        passed += timedelta(seconds=seconds)

    monkeypatch.setattr("ecommerce.erasure.steps.identity.now", lambda: real() + passed)
    zoes = User.objects.get(pk=zoe.id)
    erasing = Erasing(customer_id=zoe.id, user=zoes, by="a", reason="b", read=lambda _: ([], 0, 0), sleep=sleep)
    receipt = erasing.run()
    assert receipt.unreadable_from is not None
    assert receipt.finished_at >= receipt.unreadable_from
    assert 55 < passed.total_seconds() <= CACHE_SECONDS


@pytest.mark.parametrize("after", STEPS)
def test_a_run_that_dies_after_any_step_is_completed_by_the_next(
    quick: None, zoe: Person, after: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before_it = STEPS[: STEPS.index(after) + 1]

    def dying(self: Erasing) -> list[Callable[[], None]]:
        return [*(getattr(self, name) for name in before_it), lambda: 1 / 0]  # type: ignore[list-item, return-value]

    with monkeypatch.context() as patch:
        patch.setattr(Erasing, "steps", dying)
        with pytest.raises(ZeroDivisionError):
            erased(ZOE)
    vaults._vault = None
    said = erased(zoe.id)
    if after != "finish":
        assert "0 hits in" in said
    assert erased(zoe.id).startswith("nothing is left")
    record = Erasure.objects.get()
    assert record.finished_at is not None
    assert record.receipt["keys_destroyed"] == 1
    assert record.receipt["interrupted"] is (after in STEPS[4:-1])
    assert record.deleted["sessions"] == 1
    stored = everything_stored()
    assert [text for text in (NAME, LINE, TOKEN, ZOE) if text.encode() in stored] == []
    assert DataKey.objects.filter(destroyed_at=None).count() == 0


def test_an_erasure_that_was_begun_is_named_to_whoever_asks_by_a_name_that_is_gone(
    zoe: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Erasing, "search_stores", lambda self: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        erased(ZOE)
    with pytest.raises(CommandError, match=f"Begun and not completed: {zoe.id}"):
        erased(ZOE)


def test_a_kept_account_orders_again_with_a_new_key(quick: None, zoe: Person) -> None:
    (_, _, old), *_ = selectors.sealed_of(zoe.id)
    assert "account: kept" in erased(ZOE, "--keep-account")
    assert erased(ZOE, "--keep-account").startswith("nothing is left")
    again = zoe.order(shippingAddress=ADDRESS, paymentMethod=TOKEN)
    sealed = {order: sealed for order, _, sealed in selectors.sealed_of(zoe.id)}[again]
    assert sealed.key_id != old.key_id
    assert opened(vault(), again, sealed)[1] == TOKEN
    assert sign_in(ZOE)


def test_a_closed_account_orders_nothing_more_though_its_token_lives_on(quick: None, zoe: Person) -> None:
    erased(ZOE)
    for _ in range(2):
        answer = zoe.post(ORDERS, ORDER)
        assert problem_of(answer)[:2] == (403, "/problems/forbidden")
    assert Person().post("/api/v1/auth/token", {"username": ZOE, "password": PASSWORD}).status_code == 401
    assert DataKey.objects.filter(destroyed_at=None).count() == 0


def test_a_key_that_was_made_while_the_account_was_closed_goes_too(
    quick: None, zoe: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    delete = Erasing.delete_traces

    def another_key(self: Erasing) -> None:
        late = DataKey(customer_id=zoe.id, created_at=identity.now(), wrapped=b"late")
        late.save(force_insert=True)
        delete(self)

    monkeypatch.setattr(Erasing, "delete_traces", another_key)
    assert "2 data keys destroyed" in erased(ZOE)


def test_what_a_deleted_account_left_sealed_is_erased_by_its_id(quick: None, zoe: Person) -> None:
    id = zoe.id
    User.objects.filter(pk=id).delete()
    assert "1 data keys destroyed" in erased(id)
    assert erased(id).startswith("nothing is left")


def test_an_open_copy_is_found_wherever_it_lies(zoe: Person, settings: Any, tmp_path: Path) -> None:
    orders = connections["orders"].database
    orders["leak"].insert_one({"deep": [{"er": f"to {NAME}"}]})
    redis.Redis.from_url(settings.REDIS_URL).hset("leak", "token", TOKEN)
    producer = Producer({"bootstrap.servers": settings.KAFKA_BROKERS})
    producer.produce("payments.dlq", value=b"x", headers={"note": LINE})
    assert producer.flush(30) == 0
    (tmp_path / "logs" / "web.log").write_text(json.dumps({"line": NAME}) + f"\n{CITY} alone\n{CODE} alone\n")
    with gzip.open(tmp_path / "logs" / "old.log.gz", "wb") as file:
        file.write(f"{CITY} has {CODE}; {ZOE} was here".encode())
    with sqlite3.connect(tmp_path / "gateway" / "ledger.db") as ledger:
        ledger.execute("CREATE TABLE t (a TEXT)")
        ledger.execute("INSERT INTO t VALUES (?)", (TOKEN,))
    try:
        receipt = json.loads(erased(ZOE, "--json", status=1))
    finally:
        orders.drop_collection("leak")
        make_topics_anew()  # of the leak
    found = {each["store"]: (each["hits"], each["mentions"]) for each in receipt["stores"] if each["hits"]}
    assert found == {
        "collection orders.leak": (1, 0),
        "redis": (1, 0),
        "topic payments.dlq": (1, 0),
        "log web.log": (1, 0),
        "log old.log.gz": (1, 1),
        f"ledger {tmp_path / 'gateway' / 'ledger.db'}": (1, 0),
    }
    assert Erasure.objects.get().is_clean is False
    again = erased(zoe.id, status=1)
    assert again.startswith("nothing is left")
    assert "but look into collection orders.leak, topic payments.dlq, redis" in again
    said = json.dumps(receipt, ensure_ascii=False)
    assert [text for text in (NAME, LINE, CITY, CODE, TOKEN) if text in said] == []
