"""Reads what the services have stored of orders: all of them along the logs' ids, or those that are named.

The databases are not read at one moment, so an order on its way may look torn. What looks wrong is therefore read
again: each service's part as of one moment, and in an order in which nothing can hide.
"""

import heapq
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from itertools import groupby, islice
from typing import TypeVar

from pymongo.client_session import ClientSession

from ecommerce import identity, storage
from ecommerce.audit.places import Places, event_id_of
from ecommerce.audit.story import Entry, Story, digest_of
from ecommerce.deadletters import letters
from ecommerce.engine import Engine
from ecommerce.messages import Event, Undecodable
from ecommerce.rebuild import Folded, aggregate_of, compare
from ecommerce.storage import Document

T = TypeVar("T")

_AT_ONCE = 200
_OF_LETTERS = {"key": 1, "collection": 1}

Logs = dict[str, list[Document]]  # by service
Positions = dict[str, dict[tuple[str, int], int]]


class Stories:
    """Reads stories. With `places` they tell where each public event is."""

    def __init__(self, engines: Mapping[str, Engine]) -> None:
        self._engines = engines
        self.takers, self.makers, self.topics = _takers(engines.values()), _makers(engines), _topics(engines.values())
        self.positions: Positions = {}
        self.places: Places | None = None
        self.letters: dict[str, Counter[str]] = {}  # open dead letters of orders, by service
        self.other_letters: list[tuple[str, str]] = []  # those of products or of nobody: service, key
        self._began = identity.now()
        self._met: Counter[str] = Counter()  # how many aggregates of each service, older than that, were read

    def look_around(self) -> set[str]:
        """Reads what is read whole: the consumers' positions and the open dead letters. Before any log.

        Gives the orders that have such letters.
        """
        self.positions = {
            name: _positions(engine.database[storage.POSITIONS].find()) for name, engine in self._engines.items()
        }
        self.letters, self.other_letters = {}, []
        for name, engine in self._engines.items():
            self._look_for_letters(name, engine)
        return {key for counts in self.letters.values() for key in counts}

    def all(self) -> Iterator[Story]:
        """Every order that any log has, one after the other."""
        self._began, self._met = identity.now(), Counter()
        streams = [self._stream(name, engine) for name, engine in self._engines.items()]
        merged = heapq.merge(*streams, key=lambda each: each[0])
        grouped = (
            (rank[:-1], _by_service((name, entry) for _, name, entry in entries))
            for rank, entries in groupby(merged, key=lambda each: each[0])
        )
        return self._told(grouped)

    def of(self, keys: Iterable[str]) -> Iterator[Story]:
        """The named ones, also those of which there is nothing but an aggregate."""
        for some in _chunks(sorted(keys)):
            yield from self._told(self._entries(some).items())

    def again(self, keys: Iterable[str]) -> list[Story]:
        """A few, each service's part as of one moment; `look_around` must have been called just before."""
        stories = []
        for key in keys:
            logs: Logs = {}
            stored: dict[str, Document] = {}
            for name, engine in self._engines.items():
                with engine.database.client.start_session(snapshot=True) as session:
                    logs[name] = storage.history(engine.database, key, session=session)
                    stored |= self._aggregates(name, [key], session).get(key, {})
            stories.append(self._story(key, logs, stored))
        for story in stories:
            story.edited = self._edited(story.order_id)
        return stories

    def placed(self, story: Story) -> Story:
        """The same story, with the places of its events as they are known now."""
        if self.places:
            story.places = {each.event_id: self.places.of(self.topics[each.type], each) for _, each in story.public()}
        return story

    def without_log(self) -> Iterator[str]:
        """The keys of aggregates and dead letters that `all` has not met, because no log has them."""
        for name, counts in self.letters.items():
            for some in _chunks(counts):
                yield from self._unlogged(name, some)
        for name, engine in self._engines.items():
            collection = engine.database[engine.service.aggregates[0].collection]
            old = {"$or": [{"created_at": {"$lt": self._began}}, {"created_at": None}]}
            if collection.count_documents(old) == self._met[name]:
                continue
            for some in _chunks(each["_id"] for each in collection.find(old, {"_id": 1})):
                yield from self._unlogged(name, some)

    def _unlogged(self, name: str, keys: list[str]) -> Iterator[str]:
        entries = self._engines[name].database[storage.EVENTS].find(_entries_of(keys), {"_id": 1})
        yield from sorted(set(keys) - {storage.key_of(each) for each in entries})

    # One story

    def _told(self, grouped: Iterable[tuple[str, Logs]]) -> Iterator[Story]:
        for some in _chunks(grouped):
            orders = [(key, logs) for key, logs in some if self._is_order(logs)]
            stored: dict[str, dict[str, Document]] = defaultdict(dict)
            for name in self._engines:
                for key, found in self._aggregates(name, [key for key, _ in orders]).items():
                    stored[key] |= found
                    self._met[name] += _is_older(found[name], self._began)
            for key, logs in orders:
                yield self.placed(self._story(key, logs, stored[key]))

    def _is_order(self, logs: Logs) -> bool:
        """Whether this is no product: those are compared as rows of stock are."""
        for name, entries in logs.items():
            service = self._engines[name].service
            for entry in entries:
                with suppress(LookupError, Undecodable):
                    return aggregate_of(service, [entry]) is service.aggregates[0]
        return True

    def _story(self, key: str, logs: Logs, stored: dict[str, Document]) -> Story:
        entries: dict[str, list[Entry]] = {name: [] for name in self._engines}
        differences, unreadable = {}, {}
        for name, log in logs.items():
            log.sort(key=lambda each: each["v"])
            entries[name] = [_entry(each) for each in log]
        for name, engine in self._engines.items():
            try:
                found = _compare(engine, key, logs.get(name, []), stored.get(name))
            except (LookupError, Undecodable, ArithmeticError, TypeError, ValueError) as error:
                unreadable[name] = f"{type(error).__name__}: {error}"[:300]
            else:
                if found:
                    differences[name] = found
        open_letters = {name: counts[key] for name, counts in self.letters.items() if counts[key]}
        return Story(
            order_id=key,
            logs=entries,
            takers=self.takers,
            makers=self.makers,
            topics=self.topics,
            stored=stored,
            differences=differences,
            unreadable=unreadable,
            letters=open_letters,
            positions=self.positions,
        )

    # Reading

    def _stream(self, name: str, engine: Engine) -> Iterator[tuple[str, str, Document]]:
        for entry in engine.database[storage.EVENTS].find(sort=[("_id", 1)]):
            # With the colon, as the index has it: "order-1" is behind "order-10".
            yield f"{storage.key_of(entry)}:", name, entry

    def _entries(self, keys: list[str]) -> dict[str, Logs]:
        logs: dict[str, Logs] = {key: {} for key in keys}
        for name, engine in self._engines.items():
            for entry in engine.database[storage.EVENTS].find(_entries_of(keys)):
                logs[storage.key_of(entry)].setdefault(name, []).append(entry)
        return logs

    def _aggregates(
        self, name: str, keys: list[str], session: ClientSession | None = None
    ) -> dict[str, dict[str, Document]]:
        engine = self._engines[name]
        collection = engine.database[engine.service.aggregates[0].collection]
        return {each["_id"]: {name: each} for each in collection.find({"_id": {"$in": keys}}, session=session)}

    def _look_for_letters(self, name: str, engine: Engine) -> None:
        orders, counts = engine.service.aggregates[0].collection, self.letters.setdefault(name, Counter())
        for each in engine.database[letters.COLLECTION].find({"status": {"$in": letters.OPEN}}, _OF_LETTERS):
            if each["key"] and each["collection"] == orders:
                counts[each["key"]] += 1
            else:
                self.other_letters.append((name, each["key"]))

    def _edited(self, key: str) -> frozenset[str]:
        """The ids of the order's events that a taker has in a version of somebody's."""
        where = {"key": key, "edited": {"$ne": None}}
        return frozenset(
            event_id_of(each["edited"])
            for engine in self._engines.values()
            for each in engine.database[letters.COLLECTION].find(where, {"edited": 1})
        )


def _entry(document: Document) -> Entry:
    return Entry(
        event_id=storage.event_id_of(document),
        type=document["type"],
        own=document["own"],
        version=document["v"],
        at=document["taken_at"],
        digest=digest_of(document["data"]),
    )


def _compare(engine: Engine, key: str, log: list[Document], stored: Document | None) -> str:
    service = engine.service
    aggregate = service.aggregates[0]
    folded = Folded(aggregate.initial(key))
    folded.fold(service, aggregate, log)
    found = compare(service, aggregate, key, folded, stored)
    return str(found) if found else ""


def _by_service(entries: Iterable[tuple[str, Document]]) -> Logs:
    logs: Logs = defaultdict(list)
    for name, entry in entries:
        logs[name].append(entry)
    return logs


def _chunks(items: Iterable[T]) -> Iterator[list[T]]:
    pending = iter(items)
    while some := list(islice(pending, _AT_ONCE)):
        yield some


def _entries_of(keys: Iterable[str]) -> Document:
    return {"$or": [{"_id": {"$gte": f"{key}:", "$lt": f"{key};"}} for key in keys]}


def _is_older(document: Document, than: datetime) -> bool:
    created: datetime | None = document.get("created_at")
    return created is None or created < than


def _positions(stored: Iterable[Document]) -> dict[tuple[str, int], int]:
    """By topic and partition. Of a topic that was made anew the lowest: nothing is to be called passed over wrongly."""
    found: dict[tuple[str, int], int] = {}
    for each in stored:
        topic, partition, _topic_id = each["_id"].rsplit(":", 2)
        found[topic, int(partition)] = min(each["offset"], found.get((topic, int(partition)), each["offset"]))
    return found


def _order_events(engines: Iterable[Engine]) -> Iterator[type[Event]]:
    for engine in engines:
        for kind in engine.service.publishes:
            if kind.key_field == "order_id":
                yield kind


def _topics(engines: Iterable[Engine]) -> dict[str, str]:
    """The topic of each public event about orders."""
    return {kind.__name__: kind.topic for kind in _order_events(engines)}


def _makers(engines: Mapping[str, Engine]) -> dict[str, str]:
    """Which service makes which public event about orders."""
    return {kind.__name__: name for name, engine in engines.items() for kind in _order_events([engine])}


def _takers(engines: Iterable[Engine]) -> dict[str, frozenset[str]]:
    """Which services take which public events about orders."""
    engines = list(engines)
    return {
        kind.__name__: frozenset(each.service.name for each in engines if kind in each.service.taker)
        for kind in _order_events(engines)
    }
