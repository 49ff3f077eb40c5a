"""The topics of the services that this process knows, and their creation."""

from collections.abc import Iterable, Mapping

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import NewTopic

from ecommerce.kafka import Admin
from ecommerce.service import Service

PARTITIONS = 12


def topics_of(services: Iterable[Service]) -> dict[str, Mapping[str, str]]:
    """Each topic with its configuration: those that the services publish on, and their dead letter topics."""
    topics: dict[str, Mapping[str, str]] = {}
    for service in services:
        for kind in service.publishes:
            compacted = kind.key_field != "order_id"  # facts about a thing, of which the newest is enough
            topics[kind.topic] = {"cleanup.policy": "compact"} if compacted else {"retention.ms": "-1"}
        topics[f"{service.name}.dlq"] = {"retention.ms": "-1"}
    return topics


def create_topics(admin: Admin, topics: Mapping[str, Mapping[str, str]], *, timeout: float = 30) -> list[str]:
    """Creates the topics that are missing; gives their names. Raises `KafkaException` if Kafka cannot be reached."""
    brokers = len(admin.look(timeout=timeout).brokers)
    replicas = min(3, brokers)
    safety = {"min.insync.replicas": str(max(1, replicas - 1))}
    wanted = [
        NewTopic(name, num_partitions=PARTITIONS, replication_factor=replicas, config=safety | dict(config))
        for name, config in topics.items()
    ]
    created = []
    for name, future in admin.create_topics(wanted, operation_timeout=timeout).items():
        try:
            future.result()
            created.append(name)
        except KafkaException as error:
            if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                raise
    return created
