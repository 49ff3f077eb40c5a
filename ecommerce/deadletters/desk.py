"""What staff do with dead letters, each in one transaction with what it leads to, and on record."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from typing import Any

import structlog
from pymongo import UpdateOne
from pymongo.client_session import ClientSession

from ecommerce import identity, killpoints
from ecommerce.batch import Batch
from ecommerce.deadletters import letters as stored
from ecommerce.deadletters.letters import OPEN, describe, read_edited, reread
from ecommerce.deadletters.replays import Replay
from ecommerce.deadletters.selection import Chain, Selection, chain_of
from ecommerce.deadletters.showing import parted
from ecommerce.engine import Engine
from ecommerce.inputs import Input
from ecommerce.killpoints import Place
from ecommerce.messages import Envelope, MessageDiscarded
from ecommerce.storage import Document

MOST_REPLAYS = 5  # failed ones, until a letter is quarantined
LARGEST_EDIT = 1_000_000  # bytes: what Kafka takes
_AT_ONCE = 200
_MOST_BYTES = 4_000_000
_LONGEST_HISTORY = 100

log = structlog.get_logger(__name__)


class NoSuchLetter(LookupError):
    """There is no letter with this id."""


class NotOpen(Exception):
    """The letter has been replayed or discarded already."""


class EditRefused(ValueError):
    """The edited bytes are no message that could stand for the original."""


@dataclass(frozen=True, kw_only=True)
class Actor:
    """Who does something, and why: for the record."""

    by: str
    reason: str = ""


class Desk:
    """The dead letters of one service."""

    def __init__(self, engine: Engine) -> None:
        self.service = engine.service.name
        self._engine = engine
        self._service = engine.service
        self._letters = engine.database[stored.COLLECTION]

    def letter(self, id: str) -> Document:
        """One letter. Raises `NoSuchLetter`."""
        found = self._letters.find_one({"_id": id})
        if found is None:
            raise NoSuchLetter(f"{self._service.name} has no dead letter {id}")
        return found

    def found(self, selection: Selection) -> Iterator[Document]:
        """Those that somebody means, the longest waiting first, an aggregate's in their order."""
        return iter(self._letters.find(selection.query(), sort=[("parked_at", 1), ("key", 1), ("place", 1)]))

    def latest(self, selection: Selection, behind: tuple[datetime, str] | None, *, limit: int) -> Iterator[Document]:
        """A page of them, the latest first, `behind` a place in the list of all services: time, qualified id."""
        query = selection.query()
        if behind:
            at, (service, id) = behind[0], parted(behind[1])
            if service == self.service:
                place: Document = {"$or": [{"parked_at": {"$lt": at}}, {"parked_at": at, "_id": {"$lt": id}}]}
            else:
                place = {"parked_at": {"$lt" if self.service > service else "$lte": at}}
            query = {"$and": [query, place]}
        return iter(self._letters.find(query, sort=[("parked_at", -1), ("_id", -1)], limit=limit))

    def chains(self, selection: Selection) -> Iterator[Chain]:
        """The chains that such an open letter is in."""
        return selection.chains(self._engine.database)

    # Replay

    def replay(self, chain: Chain, actor: Actor, *, dry_run: bool = False, quarantined: bool = False) -> Replay:
        """Takes the letters of a chain in their order, until one fails again.

        Whatever is taken takes effect once, with its letter closed in the same transaction. One that is `quarantined`
        stops it, unless told otherwise. A dry run stores nothing, and ends after some hundred letters.
        """
        done = Replay()
        while True:
            step = self._engine.transact(
                lambda batch, session: self._step(batch, session, chain, actor, dry_run, quarantined)
            )
            killpoints.reached(Place.REPLAY_AFTER_COMMIT, (self.service,))
            done.add(step)
            if dry_run or step.error or not step.taken or not step.left:
                break
        if not dry_run:
            log.info(
                "dead_letters_replayed", service=self._service.name, correlation_id=str(chain), by=actor.by,
                taken=done.taken, failed=done.failed, error=done.error, left=done.left,
            )  # fmt: skip
        return done

    def _step(
        self, batch: Batch, session: ClientSession, chain: Chain, actor: Actor, dry_run: bool, quarantined: bool
    ) -> Replay:
        letters = self._next(chain, session)
        given = [reread(self._service, letter) for letter in letters]
        readable = [each for each in given if each.error is None]
        batch.load(readable, look_up=True)
        step, updates = Replay(), []
        for letter, each in zip(letters, given, strict=True):
            if letter["status"] == stored.QUARANTINED and not quarantined:
                step.failed, step.error = letter["_id"], f"it is quarantined: {letter['error']}"
                break
            place = batch.park_behind(each) if not letter["key"] and each.key else None
            if place is not None:
                updates.append(_moved(letter, each, self._service.taker[type(_payload(each))].collection, place))
                step.failed, step.error = letter["_id"], f"it waits behind others of {each.key} now"
                break
            try:
                step.events += _retake(batch, each)
            except Exception as error:
                step.failed, step.error = letter["_id"], describe(error)
                updates.append(_failed_again(letter, step.error, _entry("replayed", actor, error=step.error)))
                break
            step.taken.append(letter["_id"])
            updates.append(_closed(letter, stored.REPLAYED, _entry("replayed", actor)))
        step.left = self._letters.count_documents(chain.query(), session=session) - len(step.taken)
        if chain.key and step.taken and not step.left:
            batch.unpark(chain.collection, chain.key)
        step.changes = list(batch.changes())
        if not dry_run:
            self._write(batch, session, updates)
        return step

    def _next(self, chain: Chain, session: ClientSession) -> list[Document]:
        """The first letters of a chain: so many that a transaction with them does not get too large."""
        letters: list[Document] = []
        size = 0
        for letter in self._letters.find(chain.query(), session=session, sort=[("place", 1)], limit=_AT_ONCE):
            size += len(letter["value"])
            if letters and size > _MOST_BYTES:
                break
            letters.append(letter)
        return letters

    # Discarding and editing

    def discard(self, id: str, actor: Actor) -> int:
        """Gives one letter up for good. Gives how many others of its chain wait still.

        The message counts as taken from then on and changes nothing. Raises `NoSuchLetter` or `NotOpen`.
        """
        left = self._engine.transact(lambda batch, session: self._discard(batch, session, id, actor))
        log.warning("dead_letter_discarded", service=self._service.name, letter=id, by=actor.by, reason=actor.reason)
        return left

    def _discard(self, batch: Batch, session: ClientSession, id: str, actor: Actor) -> int:
        letter = self._open(id, session)
        chain = chain_of(letter)
        left = self._letters.count_documents(chain.query(), session=session) - 1
        if chain.key:
            message = MessageDiscarded(
                of=chain.key, collection=chain.collection, letter=id, by=actor.by, reason=actor.reason
            )
            batch.discard(message, id=letter["event_id"])
            if not left:
                batch.unpark(chain.collection, chain.key)
        self._write(batch, session, [_closed(letter, stored.DISCARDED, _entry("discarded", actor))])
        return left

    def edit(self, id: str, data: bytes, actor: Actor) -> None:
        """Puts `data` in the place of the original, whose bytes stay on record. Nothing is taken by that yet.

        Raises `EditRefused` for what could not be replayed, or is another message; `NoSuchLetter`, `NotOpen`.
        """
        letter = self._open(id)
        self._check_edit(letter, data)
        superseded = letter["edited"]
        entry = _entry("edited", actor, superseded=blake2b(superseded, digest_size=8).hexdigest() if superseded else "")
        changed = self._letters.update_one(
            {"_id": id, "status": letter["status"], "edited": superseded}, _record(entry, edited=data)
        )
        if not changed.matched_count:
            raise NotOpen(f"somebody else has dealt with {id} meanwhile: look again")
        log.warning("dead_letter_edited", service=self._service.name, letter=id, by=actor.by, reason=actor.reason)

    def _check_edit(self, letter: Document, data: bytes) -> None:
        if len(data) > LARGEST_EDIT:
            raise EditRefused(f"it has {len(data)} bytes, the limit is {LARGEST_EDIT}")
        edited = read_edited(self._service, letter, data)
        if edited.error is not None:
            raise EditRefused(str(edited.error))
        if letter["key"] and edited.key != letter["key"]:
            raise EditRefused(f"it is about {edited.key}, the original about {letter['key']}")
        original = reread(self._service, {**letter, "edited": None})
        if original.envelope is not None and edited.id != original.id:
            raise EditRefused(f"its eventId is {edited.id}, that of the original {original.id}")

    def _open(self, id: str, session: ClientSession | None = None) -> Document:
        found = self._letters.find_one({"_id": id}, session=session)
        if found is None:
            raise NoSuchLetter(f"{self._service.name} has no dead letter {id}")
        if found["status"] not in OPEN:
            raise NotOpen(f"{id} is {found['status']} since {found['closed_at']:%Y-%m-%d %H:%M:%S} UTC")
        return found

    def _write(self, batch: Batch, session: ClientSession, updates: list[UpdateOne]) -> None:
        batch.write()
        if updates:
            self._letters.bulk_write(updates, session=session)


def _retake(batch: Batch, given: Input) -> list[Envelope[Any]]:
    if given.error is not None:
        raise given.error
    return batch.retake(given).events


def _payload(given: Input) -> Any:
    assert given.envelope is not None
    return given.envelope.payload


def _entry(did: str, actor: Actor, **more: str) -> Document:
    entry = {"at": identity.now(), "did": did, "by": actor.by, "reason": actor.reason, **more}
    return {name: value for name, value in entry.items() if value != ""}


def _record(entry: Document, **changes: Any) -> Mapping[str, Any]:
    return {"$set": changes, "$push": {"history": {"$each": [entry], "$slice": -_LONGEST_HISTORY}}}


def _closed(letter: Document, status: str, entry: Document) -> UpdateOne:
    at: datetime = entry["at"]
    return UpdateOne({"_id": letter["_id"]}, _record(entry, status=status, closed_at=at))


def _failed_again(letter: Document, error: str, entry: Document) -> UpdateOne:
    attempts = letter["attempts"] + 1
    status = stored.QUARANTINED if attempts > MOST_REPLAYS else stored.FAILED
    return UpdateOne({"_id": letter["_id"]}, _record(entry, status=status, attempts=attempts, error=error))


def _moved(letter: Document, given: Input, collection: str, place: int) -> UpdateOne:
    """A letter that had no key until it was edited, and whose aggregate waits for others first."""
    return UpdateOne(
        {"_id": letter["_id"]},
        {"$set": {"collection": collection, "key": given.key, "place": place, "status": stored.WAITING}},
    )
