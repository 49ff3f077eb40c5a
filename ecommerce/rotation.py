"""Rotation of the master key: every data key is wrapped anew by the present one. What it sealed stays as it is."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from django.db import connections
from pymongo import UpdateOne

from ecommerce.masterkeys import Locked, MasterKeys
from ecommerce.platform.models import DataKey

BATCH = 500


@dataclass(slots=True)
class Progress:
    """How far a rotation is. `locked`: why keys could not be unwrapped, for each master key once; they are kept."""

    wrapped: int = 0
    kept: int = 0
    locked: dict[str, str] = field(default_factory=dict)


def by_master_key() -> Counter[str]:
    """How many data keys each master key wraps, by its id; "" for those of a time without ids."""
    groups = _keys().aggregate([{"$match": {"destroyed_at": None}}, {"$sortByCount": "$master"}])
    return Counter({each["_id"] or "": each["count"] for each in groups})


def rotate(masters: MasterKeys, *, batch: int = BATCH) -> Iterator[Progress]:
    """Wraps data keys anew, a batch at a time; gives the state after each. Started again, it does what is left.

    Keys are written one by one, and only where they are still as they were read: whoever is erased meanwhile stays so.
    """
    progress, last = Progress(), ""
    while True:
        wanted = {"_id": {"$gt": last}, "destroyed_at": None, "master": {"$ne": masters.present}}
        found = list(_keys().find(wanted, sort=[("_id", 1)], limit=batch))
        if not found:
            return
        last = found[-1]["_id"]
        writes = [write for key in found if (write := _anew(masters, key, progress))]
        if writes:
            progress.wrapped += _keys().bulk_write(writes, ordered=False).modified_count
        yield progress


def _anew(masters: MasterKeys, key: dict[str, Any], progress: Progress) -> UpdateOne | None:
    master = key.get("master") or ""
    try:
        data_key = masters.unwrap(key["wrapped"], key_id=key["_id"], master=master)
    except Locked as locked:
        progress.kept += 1
        progress.locked.setdefault(master, str(locked))
        return None
    as_read = {"_id": key["_id"], "wrapped": key["wrapped"]}
    fresh = {"wrapped": masters.wrap(data_key, key_id=key["_id"]), "master": masters.present}
    return UpdateOne(as_read, {"$set": fresh})


def _keys() -> Any:
    connections["default"].ensure_connection()
    return connections["default"].database[DataKey._meta.db_table]
