"""How far a service has read: the next offset of each partition, stored in the service's own database.

So log and positions are restored together, and what an older database has not seen is read again. A topic that was
deleted and made again is another topic of the same name, and so is every topic of a cluster that was rebuilt: a
position names the topic by the id that Kafka gave it, and of a topic without a position all is read.
"""

from collections.abc import Iterable, Mapping

import structlog
from pymongo import UpdateOne
from pymongo.client_session import ClientSession
from pymongo.database import Database

from ecommerce.inputs import Position
from ecommerce.storage import POSITIONS, Document

log = structlog.get_logger(__name__)


class WentBack(Exception):
    """The database knows of less than was stored in it: an older one was put in its place."""


def position_id(position: Position) -> str:
    """The `_id` of a stored position."""
    return f"{position.topic}:{position.partition}:{position.topic_id}"


def stored(database: Database[Document], wanted: Iterable[Position]) -> dict[Position, int]:
    """The next offset of each of these partitions, 0 where nothing was read yet."""
    found = all_stored(database)
    former = {id.rpartition(":")[0] for id in found}
    offsets = {}
    for position in wanted:
        id = position_id(position)
        if id not in found and id.rpartition(":")[0] in former:
            log.warning("the topic was made anew, it is read from its beginning", **position._asdict())
        offsets[position] = found.get(id, 0)
    return offsets


def all_stored(database: Database[Document]) -> dict[str, int]:
    """The next offset by `position_id`, of former topics too."""
    return {each["_id"]: int(each["offset"]) for each in database[POSITIONS].find()}


def save(
    database: Database[Document],
    positions: Mapping[Position, int],
    *,
    known: Mapping[Position, int],
    session: ClientSession,
) -> None:
    """Moves positions forward, never back: a consumer that lost its partitions may still finish a batch.

    Raises `WentBack` if less is stored than is `known` to have been: then the transaction must be aborted.
    """
    writes = [
        UpdateOne(
            {"_id": position_id(position), "offset": {"$gte": known.get(position, 0)}},
            {"$max": {"offset": offset}},
            upsert=not known.get(position),
        )
        for position, offset in positions.items()
    ]
    if not writes:
        return
    done = database[POSITIONS].bulk_write(writes, session=session)
    if done.matched_count + done.upserted_count < len(writes):
        raise WentBack


def forget(database: Database[Document], position: Position) -> None:
    """Has a partition read from its beginning."""
    database[POSITIONS].delete_one({"_id": position_id(position)})
