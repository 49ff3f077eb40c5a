"""One audit: reads stories, stock and ledgers, applies the rules, and looks twice at what looks wrong."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from confluent_kafka import KafkaException

from ecommerce import identity
from ecommerce.audit import stock
from ecommerce.audit.ledger import Ledger
from ecommerce.audit.names import Name
from ecommerce.audit.places import Places
from ecommerce.audit.rules import judge
from ecommerce.audit.stories import Stories
from ecommerce.audit.story import Story, Violation
from ecommerce.engine import Engine

_AT_ONCE = 200


@dataclass(slots=True)
class Report:
    """What an audit found. `in_flight` orders are under way and not late; they prove nothing yet."""

    orders: int = 0
    ended: int = 0
    in_flight: int = 0
    ledger: str = "not compared"
    topics: str = "not compared"
    violations: list[Violation] = field(default_factory=list)

    def __str__(self) -> str:
        return (
            f"audit: {self.orders} orders, {self.ended} ended, {self.in_flight} in flight; "
            f"gateway's ledger: {self.ledger}; topics: {self.topics}; {len(self.violations)} violations"
        )


class Audit:
    """One audit over the services of `engines` (by name)."""

    def __init__(
        self, engines: Mapping[str, Engine], *, patience: timedelta, gateway_url: str | None, topics: bool
    ) -> None:
        self._engines = engines
        self._patience = patience
        self._ledger = Ledger(gateway_url)
        self._stories = Stories(engines)
        self._places = Places(engines) if topics else None

    def run(self, only: Iterable[str] = ()) -> Report:
        """Judges every order and the stock, or only some orders."""
        report = Report()
        self._ledger.read()
        report.ledger = self._ledger.said
        report.topics = self._look_at_topics()
        only = set(only)
        self._stories.look_around()
        suspects = []
        for story in self._stories.of(only) if only else self._everything():
            if self._judge(story):
                suspects.append(story.order_id)
            else:
                self._count(story, report)
        for story in self._again(suspects):
            self._count(story, report)
            report.violations += self._judge(story)
        if not only:
            report.violations += [*stock.violations(self._engines), *self._letters()]
            if self._stories.places:
                report.violations += self._stories.places.violations(self._patience)
        return report

    def _look_at_topics(self) -> str:
        if self._places is None:
            return "not compared"
        try:
            self._places.look()
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
        for start in range(0, len(suspects), _AT_ONCE):
            some = suspects[start : start + _AT_ONCE]
            self._stories.look_around()
            stories = self._stories.again(some)
            if self._stories.places:
                self._look_at_topics()  # only now: what is in a log by then must be found
            for story in stories:
                self._ledger.read_again(story.order_id)
                yield self._stories.placed(story)

    def _count(self, story: Story, report: Report) -> None:
        report.orders += story.known
        report.ended += story.known and story.ended
        report.in_flight += story.known and not story.settled

    def _judge(self, story: Story) -> list[Violation]:
        found = list(judge(story, now=identity.now(), patience=self._patience))
        charge = self._ledger.charge(story.order_id)
        if charge is not None and story.settled:
            found += charge.violations(story)
        return found
