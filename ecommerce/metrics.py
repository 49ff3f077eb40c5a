"""Metrics that a web process reads elsewhere when it is asked: see `sources`.

What a source does not give in time is left out: see `pipeline_source_up`.
"""

from collections.abc import Iterator, Mapping

from prometheus_client.core import GaugeMetricFamily, Metric

from ecommerce import identity, sources
from ecommerce.audit import scheduled
from ecommerce.lag import WINDOW
from ecommerce.outside import STATES
from ecommerce.registry import services
from ecommerce.sources import Ends, Stored


class PipelineMetrics:
    """A collector of prometheus_client over the services of this process."""

    def describe(self) -> list[Metric]:
        """None in advance: to be registered, nothing is read."""
        return []

    def collect(self) -> Iterator[Metric]:
        sources.ENDS.start()  # side by side with the first
        sources.AUDIT.start()
        stored, ends = sources.DATABASES.get(), sources.ENDS.get()
        up = _gauge("pipeline_source_up", "Whether what these metrics are read from answered.", "source")
        up.add_metric(["mongo"], float(stored is not None))
        up.add_metric(["kafka"], float(ends is not None))
        yield up
        if stored is not None:
            yield _breakers(stored)
            yield _lag_seconds(stored)
            yield _pending(stored)
            yield from _held_up(stored)
            if ends is not None:
                yield _lag_messages(stored, ends)
        last = sources.AUDIT.get()
        if last is not None:
            yield from _last_audit(last)


def _breakers(stored: Mapping[str, Stored]) -> Metric:
    text = "1 for the state that the circuit breaker of an outside party is in: the worst of all processes that live."
    family = _gauge("circuit_breaker_state", text, "service", "party", "state")
    for service, told in stored.items():
        for party, state in told.breakers.items():
            for each in STATES:
                family.add_metric([service, party, each], float(each == state))
    return family


def _lag_seconds(stored: Mapping[str, Stored]) -> Metric:
    text = f"The longest that a message waited for the service's consumers, by these, in the last {WINDOW:.0f} s."
    family = _gauge("consumer_lag_seconds", text, "service")
    for service, told in stored.items():
        if told.waits:
            family.add_metric([service], max(told.waits))
    return family


def _lag_messages(stored: Mapping[str, Stored], ends: Ends) -> Metric:
    text = "Messages on the service's topics behind its saved positions, which may be a second old."
    family = _gauge("consumer_lag_messages", text, "service")
    for service in services():
        family.add_metric([service.name], sources.lag_messages(service.topics, stored[service.name], ends))
    return family


def _pending(stored: Mapping[str, Stored]) -> Metric:
    family = _gauge("pending_questions", "Orders for which an outside party still owes an answer.", "service")
    for service, told in stored.items():
        if told.pending is not None:
            family.add_metric([service], told.pending)
    return family


def _held_up(stored: Mapping[str, Stored]) -> Iterator[Metric]:
    now = identity.now()
    for name, text, value in (
        ("consumers_alive", "Consumers of the service that have told so lately.", lambda told: len(told.waits)),
        ("outbox_documents", "Commits whose events Kafka has not acknowledged.", lambda told: told.outbox_depth),
        ("outbox_oldest_seconds", "How long the first of them has waited.", lambda told: told.outbox_seconds(now)),
        ("relay_lease_held", "1 where a relay serves the service's outbox.", lambda told: float(told.relay_held)),
        ("dead_letters_open", "Messages set aside, and those that wait behind them.", lambda told: told.dead_letters),
        ("stuck_orders", "Orders that should have ended by their deadline, two minutes ago.", lambda told: told.stuck),
    ):
        family = _gauge(name, text, "service")
        for service, told in stored.items():
            if (found := value(told)) is not None:
                family.add_metric([service], found)
        yield family


def _last_audit(last: scheduled.Result) -> Iterator[Metric]:
    for name, text, value in (
        ("audit_last_run_timestamp_seconds", "When the last scheduled audit ended.", last.at.timestamp()),
        ("audit_last_duration_seconds", "How long the last scheduled audit took.", last.seconds),
        ("audit_last_was_whole", "1 if it read all orders, 0 if those that had changed.", int(last.whole)),
        ("audit_last_orders", "Orders that the last scheduled audit read.", last.orders),
        ("audit_last_violations", "Violations that the last scheduled audit found.", sum(last.violations.values())),
    ):
        family = _gauge(name, text)
        family.add_metric([], value)
        yield family


def _gauge(name: str, text: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, text, labels=labels)
