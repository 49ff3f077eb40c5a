"""One audit: reads stories, stock and ledgers, applies the rules, and looks twice at what looks wrong."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from confluent_kafka import KafkaException

from ecommerce import identity
from ecommerce.audit import stock
from ecommerce.audit.ledger import Ledger
from ecommerce.audit.names import Name
from ecommerce.audit.places import Places
from ecommerce.audit.rules import judge
from ecommerce.audit.snapshot import changed
from ecommerce.audit.stories import Stories
from ecommerce.audit.story import Story, Violation
from ecommerce.engine import Engine
from ecommerce.progress import Watch, unwatched

_FEWEST_AT_ONCE, _MOST_AT_ONCE = 200, 2000  # suspects that are looked at again together


@dataclass(slots=True)
class Report:
    """What an audit found. `in_flight` orders are under way and not late; they prove nothing yet."""

    orders: int = 0
    ended: int = 0
    in_flight: int = 0
    ledger: str = "not compared"
    topics: str = "not compared"
    violations: list[Violation] = field(default_factory=list)
    open: dict[str, datetime] = field(default_factory=dict)  # orders that are not settled and right: when they began

    def __str__(self) -> str:
        return (
            f"audit: {self.orders} orders, {self.ended} ended, {self.in_flight} in flight; "
            f"gateway's ledger: {self.ledger}; topics: {self.topics}; {len(self.violations)} violations"
        )


class Audit:
    """One audit over the services of `engines` (by name)."""

    def __init__(
        self,
        engines: Mapping[str, Engine],
        *,
        patience: timedelta,
        gateway_url: str | None,
        topics: bool,
        watch: Watch = unwatched,
    ) -> None:
        self._engines = engines
        self._watch = watch
        self._patience = patience
        self._ledger = Ledger(gateway_url)
        self._stories = Stories(engines)
        self._places = Places(engines, watch=watch) if topics else None

    def run(self) -> Report:
        """Judges everything: every order, the stock, the outboxes, the dead letters."""
        self._ledger.read()
        report = self._begun(since=None)
        self._judge_each(self._everything(), report)
        report.violations += self._ledger.foreign()
        return self._ended(report)

    def run_of(self, orders: Iterable[str]) -> Report:
        """Judges some orders."""
        orders = sorted({*orders})
        self._ledger.read_of(orders)
        report = self._begun(since=None)
        self._judge_each(self._stories.of(orders), report)
        return report

    def run_since(self, since: datetime, *, oldest: datetime | None = None, also: Iterable[str] = ()) -> Report:
        """Judges the orders to which something has happened since then, those with dead letters, and some `also`.

        All the rest is judged as by `run`. The topics are compared from `oldest` on, or from `since`.
        """
        orders = {key for engine in self._engines.values() for key in changed(engine, since)}
        orders |= {*also, *self._stories.look_around()}
        self._ledger.read_of(sorted(orders))
        report = self._begun(since=oldest or since)
        self._judge_each(self._stories.of(orders), report)
        return self._ended(report)

    def _begun(self, *, since: datetime | None) -> Report:
        report = Report(topics=self._look_at_topics(since))
        self._stories.look_around()
        return report

    def _judge_each(self, stories: Iterator[Story], report: Report) -> None:
        suspects = []
        for story in self._watch(stories, "orders"):
            if self._judge(story):
                suspects.append(story.order_id)
            else:
                self._count(story, report)
        for story in self._again(suspects):
            violations = self._judge(story)
            report.violations += violations
            self._count(story, report, right=not violations)
        report.ledger = self._ledger.said

    def _ended(self, report: Report) -> Report:
        report.violations += [*stock.violations(self._engines), *self._letters()]
        if self._stories.places:
            report.violations += self._stories.places.violations(self._patience)
        return report

    def _look_at_topics(self, since: datetime | None = None) -> str:
        if self._places is None:
            return "not compared"
        try:
            self._places.look(since)
        except (KafkaException, TimeoutError) as error:
            self._stories.places = None
            return f"out of reach ({error}), so they were not compared"
        self._stories.places = self._places
        return self._places.said

    def _letters(self) -> Iterator[Violation]:
        """Dead letters that hold no order: those of products, and those of which nobody can tell whose they are."""
        self._stories.look_around()
        for (service, key), count in Counter(self._stories.other_letters).items():
            where = f"--service {service}" + (f" --key {key}" if key else "")
            name, subject = (Name.HELD, f"product {key}") if key else (Name.KEYLESS, service)
            look = f"manage.py dlq list {where}, then manage.py dlq replay {where}"
            yield Violation(name=name, subject=subject, detail=f"{count} dead letters", command=look)

    def _everything(self) -> Iterator[Story]:
        yield from self._stories.all()
        yield from self._stories.of({*self._stories.without_log()})

    def _again(self, suspects: list[str]) -> Iterator[Story]:
        """Each look reads all outboxes. Where there are many suspects, as after an outage of Kafka, so are those."""
        size = _FEWEST_AT_ONCE
        while suspects:
            some, suspects = suspects[:size], suspects[size:]
            size = min(2 * size, _MOST_AT_ONCE)
            self._stories.look_around()
            stories = self._stories.again(some)
            if self._stories.places:
                self._look_at_topics()  # only now: what is in a log by then must be found
            for story in stories:
                self._ledger.read_again(story.order_id)
                yield self._stories.placed(story)

    def _count(self, story: Story, report: Report, *, right: bool = True) -> None:
        if not right or (story.known and not story.settled):
            report.open[story.order_id] = story.first_at or identity.now()
        report.orders += story.known
        report.ended += story.known and story.ended
        report.in_flight += story.known and not story.settled

    def _judge(self, story: Story) -> list[Violation]:
        found = list(judge(story, now=identity.now(), patience=self._patience))
        charge = self._ledger.charge(story.order_id)
        if charge is not None:
            charge.is_known = story.known
            found += charge.violations(story) if story.settled else []
        return found
