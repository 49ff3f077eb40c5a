"""What an erasure leaves: who asked for it, from when on nothing can be read, and what was found in each store."""

from collections.abc import Collection, Iterator
from datetime import datetime

import msgspec

from ecommerce.erasure.known import Known
from ecommerce.erasure.stores import Store
from ecommerce.progress import Watch, unwatched


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One store: how many of its records were searched, and in how many something of the customer was found.

    `mentions` are of the user name, which may be a common word.
    """

    store: str
    records: int = 0
    hits: int = 0
    mentions: int = 0
    error: str = ""


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """Nothing in it tells who the customer was, beyond the id that the orders keep.

    `searched_texts` is how many plain texts were looked for, `too_short` how many were not, since they would be found
    anywhere. After an interruption there may be none left to look for.
    """

    customer_id: str
    by: str
    reason: str
    started_at: datetime
    finished_at: datetime
    keys_destroyed: int
    unreadable_from: datetime | None
    orders: int
    orders_in_flight: int
    account: str
    deleted: dict[str, int]
    searched_texts: int
    too_short: int
    interrupted: bool
    stores: tuple[Finding, ...]

    @property
    def is_clean(self) -> bool:
        """Whether everything was searched and nothing was found."""
        return not any(each.hits or each.error for each in self.stores)

    def lines(self) -> Iterator[str]:
        """For people."""
        yield f"customer {self.customer_id}, erased by {self.by}: {self.reason}"
        yield f"from {self.started_at:%Y-%m-%d %H:%M:%S} to {self.finished_at:%Y-%m-%d %H:%M:%S} UTC"
        yield f"{self.keys_destroyed} data keys destroyed"
        if self.unreadable_from:
            yield f"nobody can read what they sealed from {self.unreadable_from:%Y-%m-%d %H:%M:%S} UTC on"
        yield f"{self.orders} orders, {self.orders_in_flight} of them in flight: those end by themselves (ERASED)"
        yield f"account: {self.account}"
        yield "deleted: " + (", ".join(f"{count} {what}" for what, count in self.deleted.items()) or "nothing")
        yield (
            f"looked for: {self.searched_texts} texts"
            + (f"; {self.too_short} texts are too short to look for" if self.too_short else "")
            + ("; an earlier run was interrupted, and what it had destroyed is looked for no more" * self.interrupted)
        )
        for each in self.stores:
            found = f"{each.hits} hits in {each.records} records" + (f", {each.error}" if each.error else "")
            yield f"  {each.store}: {found}" + (f", {each.mentions} with the user name's word" if each.mentions else "")
        hits = sum(each.hits for each in self.stores)
        yield f"{hits} hits in {len(self.stores)} stores" + ("" if self.is_clean else ": PEOPLE MUST LOOK")


def search(stores: Collection[Store], known: Known, watch: Watch = unwatched) -> Iterator[Finding]:
    """Looks for what is known in each store. One that cannot be read is named, and the others are searched."""
    for store in watch(stores, "stores searched", of=len(stores)):
        records = hits = mentions = 0
        error = ""
        try:
            for record in store.records():
                records += 1
                hits += known.is_in(record)
                mentions += known.mentioned_in(record)
        except Exception as failure:  # the keys are gone: what can be searched has to be searched now
            error = f"not read to its end: {failure!r:.200}"
        yield Finding(store=store.name, records=records, hits=hits, mentions=mentions, error=error)
