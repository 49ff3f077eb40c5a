"""What `audit --repair` does: only what is right whatever has happened, and safe under the very traffic that it mends.

Writes compare what they replace, messages are repeated with their original bytes, and takers drop what they know.
"""

from collections.abc import Callable, Mapping

from ecommerce import identity, outbox, storage
from ecommerce.audit import stock
from ecommerce.audit.story import Mending, Repair
from ecommerce.deadletters import letters
from ecommerce.engine import Engine
from ecommerce.inputs import Source
from ecommerce.messages import decode
from ecommerce.reading import read_bytes
from ecommerce.rebuild import difference_of
from ecommerce.rebuild import repair as write
from ecommerce.storage import Document


class Repairs:
    """Repairs over the services of `engines` (by name)."""

    def __init__(self, engines: Mapping[str, Engine]) -> None:
        self._engines = engines
        self._do: dict[Mending, Callable[[Repair], str]] = {
            Mending.REBUILD: self._rebuild,
            Mending.UNPARK: self._unpark,
            Mending.REQUEUE: self._requeue,
            Mending.FEED: self._feed,
            Mending.STOCK: self._stock,
        }

    def make(self, repair: Repair) -> str:
        """Makes one; says in words what was done, or why nothing was."""
        return self._do[repair.mending](repair)

    def _rebuild(self, repair: Repair) -> str:
        engine = self._engines[repair.service]
        difference = difference_of(engine.service, engine.database, repair.key)
        if difference is None or difference.folded is None:
            return f"{repair.service} {repair.key}: there is no difference any more"
        done = write(engine.database, difference)
        return f"stored what the log says: {difference}" if done else f"{repair.key} has moved on, nothing written"

    def _unpark(self, repair: Repair) -> str:
        engine = self._engines[repair.service]
        aggregates = engine.database[engine.service.aggregates[0].collection]
        found = aggregates.find_one({"_id": repair.key})
        open_letters = {"key": repair.key, "status": {"$in": letters.OPEN}}
        if not found or engine.database[letters.COLLECTION].find_one(open_letters):
            return f"{repair.service} {repair.key}: dead letters hold it now, nothing written"
        # A message that is parked meanwhile changes the document, so this then matches nothing.
        done = aggregates.update_one(found, {"$set": {"parked": 0}}).matched_count
        return f"{repair.service} takes messages of {repair.key} again" if done else f"{repair.key} has moved on"

    def _requeue(self, repair: Repair) -> str:
        engine = self._engines[repair.service]
        entry = self._entry(engine, repair.key, repair.event_id)
        envelope = decode(entry["data"], engine.service.kinds[entry["type"]])
        message = outbox.message(envelope, entry["data"])
        stamp = identity.milliseconds(identity.now())
        engine.database[outbox.COLLECTION].insert_one(outbox.document(stamp, [message]))
        return f"put {entry['type']} {repair.event_id} into the outbox of {repair.service} again"

    def _feed(self, repair: Repair) -> str:
        maker, _, event_id = repair.event_id.partition(":")
        engine, source = self._engines[repair.service], self._engines[maker]
        entry = self._entry(source, repair.key, event_id)
        kind = source.service.kinds[entry["type"]]
        envelope = decode(entry["data"], kind)
        message = outbox.message(envelope, entry["data"])
        given = read_bytes(
            engine.service,
            entry["data"],
            Source(
                topic=message["topic"],
                partition=repair.place.partition,
                offset=repair.place.offset,
                key=message["key"].encode(),
                headers=[(name, value) for name, value in message["headers"]],
            ),
        )
        if given is None:
            return f"{repair.service} does not take {entry['type']} any more"
        (outcome,) = engine.take([given])
        became = "knew it already" if outcome.duplicate else "set it aside" if outcome.parked else "took it"
        return f"gave {entry['type']} {event_id} to {repair.service}, which {became}"

    def _stock(self, repair: Repair) -> str:
        engine = self._engines[repair.service]
        for sku, _, difference in stock.compared(engine, {repair.key}):
            if sku == repair.key and difference:
                done = write(engine.database, difference)
                return f"stored what the log says: {difference}" if done else f"{sku} has moved on, nothing written"
        return f"{repair.service} {repair.key}: there is no difference any more"

    def _entry(self, engine: Engine, key: str, event_id: str) -> Document:
        entry = engine.database[storage.EVENTS].find_one({"_id": storage.entry_id(key, event_id)})
        assert entry is not None, f"{key} has no event {event_id}"
        return entry
