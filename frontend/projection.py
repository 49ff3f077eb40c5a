"""From the events of all services to what clients see: which orders changed, how they are, and how many a second."""

import asyncio
import time
from collections.abc import Mapping

import structlog
from confluent_kafka import KafkaException, Message
from django.db import DatabaseError
from pymongo.errors import PyMongoError

from ecommerce.leases import Lease
from ecommerce.messages import Undecodable, decode
from ecommerce.percentiles import percentile
from ecommerce.reading import read
from ecommerce.registry import engine
from frontend import audience, figures
from frontend.figures import Figures
from frontend.following import Follower, Lost
from frontend.layer import OUT_OF_REACH, Voice
from frontend.rates import Rates
from frontend.shapes import update_of
from frontend.watchlist import LATER, UNREADABLE, Watched, Watchlist
from orders import selectors
from orders.events import OrderCompleted
from orders.selectors import Standing
from orders.service import ORDERS

MOST_AT_ONCE = 500  # orders that are looked at, and told in one message
_WAIT = 0.05  # seconds for a message, when nothing is to be looked at
_REST = 0.5  # seconds without asking for messages, while nobody listens
_SHARE, _LONGEST_PAUSE = 0.1, 0.1  # of its time that it looks at most, but for looks that took long; seconds
_EVERY = 1.0  # seconds
_MOST_HELD = 1000
_COUNTED = {"OrderCreated": "placed", "OrderCompleted": "completed", "OrderCancelled": "cancelled"}
_OUT_OF_REACH = (PyMongoError, DatabaseError, KafkaException, Lost)

log = structlog.get_logger(__name__)


class Projection:
    """One at a time: another waits until this one has ended, or is gone. Runs until `stop()`."""

    def __init__(self) -> None:
        self._topics = [topic for topic in ORDERS.topics if topic.endswith(".events")]
        self._publishers = [topic.partition(".")[0] for topic in self._topics]
        self._watchlist = Watchlist()
        self._rates = Rates()
        self._heard = True  # whether anybody listens
        self._stopping = False

    def stop(self) -> None:
        self._stopping = True

    def run(self) -> None:
        """Follows, and begins again after whatever outage."""
        lease = Lease(engine("orders").database, "live")
        log.info("telling of changes, or standing by for the one that does")
        with asyncio.Runner() as runner:
            while not self._stopping:
                try:
                    if lease.take():
                        self._follow(lease, Voice(runner))
                except _OUT_OF_REACH as error:
                    log.warning("the projection begins again", error=repr(error)[:500])
                if not self._stopping:
                    time.sleep(_EVERY)
        try:
            lease.release()
        except PyMongoError:  # it runs out by itself
            log.info("the lease could not be given back")

    def _follow(self, lease: Lease, voice: Voice) -> None:
        follower = Follower(self._topics)
        try:
            for order_id in selectors.held(limit=_MOST_HELD):
                self._watchlist.touch(order_id, None, time.monotonic())
            tell_at = look_at = 0.0
            while not self._stopping and lease.keep():
                for message in follower.read(_WAIT, rest=0.0 if self._heard else _REST):
                    self._note(message, time.monotonic())
                if time.monotonic() >= look_at:
                    look_at = self._look(voice)
                # Not before it follows: who hears of it reads a new snapshot, and what changes after that is told.
                if follower.assigned and time.monotonic() >= tell_at:
                    tell_at = time.monotonic() + _EVERY
                    voice.say()
                    self._attend(audience.listens())
                    if self._heard:
                        look_at = min(look_at, time.monotonic() + _LONGEST_PAUSE)
                    self._keep_figures()
                    follower.show()
        finally:
            follower.close()

    def _attend(self, heard: bool) -> None:
        """Where nobody listens, orders are looked at late and not read: enough to know which to tell who comes."""
        if heard and not self._heard:
            self._watchlist.hurry(time.monotonic())
        elif not heard:
            self._watchlist.relax()
        self._heard = heard

    def _note(self, message: Message, now: float) -> None:
        """Which order a message is about, and whether orders has still to take it: its own events it has."""
        named = dict(message.headers() or ()).get("event-type") or b""
        event_type = named.decode(errors="replace") if isinstance(named, bytes) else named
        self._rates.count((message.topic() or "").partition(".")[0], now)
        if event_type in _COUNTED:
            self._rates.count(_COUNTED[event_type], now)
        given = read(ORDERS, message)
        if given is not None:
            if given.key:
                self._watchlist.touch(given.key, UNREADABLE if given.error else given.id, now)
            return
        watched = self._watchlist.touch((message.key() or b"").decode(errors="replace"), None, now)
        if event_type == OrderCompleted.__name__:
            try:
                watched.completed_at = decode(message.value() or b"", OrderCompleted).timestamp
            except Undecodable as error:
                log.info("a completed order is not counted", error=str(error)[:200])

    def _look(self, voice: Voice) -> float:
        """Tells what has changed of those that are due; gives when to look again: the busier, the more at once."""
        now = time.monotonic()
        if due := self._watchlist.due(now, most=MOST_AT_ONCE):
            self._look_at(due, now, voice)
        ended = time.monotonic()
        if not self._heard and len(due) < MOST_AT_ONCE:
            return ended + LATER
        return ended + min((ended - now) * (1 - _SHARE) / _SHARE, _LONGEST_PAUSE)

    def _look_at(self, due: dict[str, Watched], now: float, voice: Voice) -> None:
        try:
            # First what orders has taken, then how the order is: so what was taken is in it. Most have not changed.
            taken = selectors.taken((id, event) for id, watched in due.items() for event in watched.missing if event)
            standings = selectors.standings(due)
            changed = [id for id, standing in standings.items() if standing.version > due[id].version]
            updates = [*map(update_of, selectors.some(changed))] if changed and self._heard else []
        except (PyMongoError, DatabaseError) as error:
            log.warning("MongoDB is out of reach", error=repr(error)[:500])
            for watched in due.values():
                self._watchlist.postpone(watched, now)
            return
        if updates:
            voice.say(updates)
        elif changed:
            voice.keep_silent()
        for update in updates:
            due[update.order_id].version = update.version
        self._count(due, standings)
        for id, watched in due.items():
            seen = {event for event in watched.missing if (id, event) in taken}
            held = id in standings and standings[id].parked > 0
            self._watchlist.looked(id, seen, held=held, now=now)
        if self._watchlist.given_up:
            log.warning("more orders wait than are watched: some are told with their next event")
            self._watchlist.given_up = 0

    def _count(self, due: dict[str, Watched], standings: Mapping[str, Standing]) -> None:
        """How long those took that were completed."""
        for id, standing in standings.items():
            if completed_at := due[id].completed_at:
                self._rates.took((completed_at - standing.created_at).total_seconds(), time.monotonic())
                due[id].completed_at = None

    def _keep_figures(self) -> None:
        now = time.monotonic()
        rates, took = self._rates.a_second(now), self._rates.latencies(now)
        p50, p95, p99 = (percentile(took, percent) if took else None for percent in (50, 95, 99))
        try:
            figures.keep(
                Figures(
                    placed=rates.get("placed", 0.0),
                    completed=rates.get("completed", 0.0),
                    cancelled=rates.get("cancelled", 0.0),
                    in_flight=selectors.under_way(),
                    published={name: rates.get(name, 0.0) for name in self._publishers},
                    p50=p50,
                    p95=p95,
                    p99=p99,
                    count=len(took),
                )
            )
        except (*OUT_OF_REACH, PyMongoError) as error:
            log.info("the figures are not kept", error=repr(error)[:200])
