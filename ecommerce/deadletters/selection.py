"""Which dead letters somebody means."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from pymongo.database import Database

from ecommerce.deadletters.letters import COLLECTION, LONGEST_ERROR, OPEN
from ecommerce.storage import Document


class Chain(NamedTuple):
    """The open letters of one aggregate, which are taken in order; or, without a key, a `letter` by itself."""

    collection: str
    key: str
    letter: str = ""

    def query(self) -> Document:
        """MongoDB's, for the open letters of the chain."""
        of = {"collection": self.collection, "key": self.key} if self.key else {"_id": self.letter}
        return of | {"status": {"$in": list(OPEN)}}

    def __str__(self) -> str:
        return self.key or self.letter


def chain_of(letter: Document) -> Chain:
    """The chain that a letter is in."""
    key = letter["key"]
    return Chain(letter["collection"], key, "" if key else letter["_id"])


def _holds(text: str) -> Document:
    """MongoDB's form of "has this in it, in capitals or not"."""
    if len(text) > LONGEST_ERROR:  # in none; and a pattern has to be below 32 KB
        return {"$in": []}
    return {"$regex": re.escape(text).replace("\0", r"\x00"), "$options": "i"}  # no pattern holds a zero as it is


@dataclass(frozen=True, kw_only=True)
class Selection:
    """What a letter must be like. `error` is a part of its error's text; it was set aside at `since` or later."""

    ids: tuple[str, ...] = ()
    type: str | None = None
    key: str | None = None
    error: str | None = None
    since: datetime | None = None
    statuses: tuple[str, ...] = OPEN

    def query(self) -> Document:
        """MongoDB's form of it."""
        query: dict[str, Any] = {"status": {"$in": list(self.statuses)}}
        if self.ids:
            query["_id"] = {"$in": list(self.ids)}
        if self.type:
            query["event_type"] = self.type
        if self.key:
            query["key"] = self.key
        if self.error:
            query["error"] = _holds(self.error)
        if self.since:
            query["parked_at"] = {"$gte": self.since}
        return query

    def chains(self, database: Database[Document]) -> Iterator[Chain]:
        """The chains that an open letter of this kind is in, the longest waiting first."""
        alone = {"$cond": [{"$eq": ["$key", ""]}, "$_id", ""]}
        pipeline = [
            {"$match": self.query()},
            {"$group": {"_id": {"c": "$collection", "k": "$key", "l": alone}, "since": {"$min": "$parked_at"}}},
            {"$sort": {"since": 1, "_id": 1}},
        ]
        for found in database[COLLECTION].aggregate(pipeline, allowDiskUse=True):
            yield Chain(found["_id"]["c"], found["_id"]["k"], found["_id"]["l"])
