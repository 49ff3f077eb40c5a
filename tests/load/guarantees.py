"""The promises in force during a run, read from what is configured and running, for the report."""

import json
import platform
from importlib.metadata import version
from unittest.mock import patch

import confluent_kafka
from confluent_kafka.admin import ConfigResource
from django.conf import settings
from django.db import connections

from deploy.local import places
from ecommerce import kafka, transaction
from ecommerce.registry import engine
from tests.load import bare
from tests.load.running_pipeline import order

_PRODUCER = ("acks", "enable.idempotence", "message.timeout.ms", "compression.type", "linger.ms")
_CONSUMER = ("enable.auto.commit", "enable.auto.offset.store", "auto.offset.reset", "partition.assignment.strategy")


def guarantees() -> dict[str, str]:
    """Each with its value. Uses a running pipeline: it tries what an input that comes twice does."""
    with patch.object(kafka, "Producer", dict), patch.object(kafka, "Consumer", dict):
        producer, consumer = kafka.producer(), kafka.consumer("load")
    client = connections["orders"].connection
    replica_set = client.admin.command("replSetGetConfig")["config"]
    return {
        "pipeline, transactions": f"write {transaction._MAJORITY.document}, read {transaction._SNAPSHOT.document}",
        "floor, transactions": f"write {bare.MAJORITY.document}",
        "mongod, majority waits for the journal": str(replica_set.get("writeConcernMajorityJournalDefault")),
        "mongod, members": str(len(replica_set["members"])),
        "pipeline, producer": _chosen(producer, _PRODUCER),
        "floor, producer": _chosen(bare.PRODUCER, _PRODUCER),
        "pipeline, consumer": _chosen(consumer, _CONSUMER),
        "floor, consumer": _chosen(bare.CONSUMER, _CONSUMER),
        "Kafka, orders.events": _topic("orders.events"),
        "an input that comes twice": _twice(),
        "versions": _versions(client),
    }


def _chosen(config: dict[str, object], names: tuple[str, ...]) -> str:
    return ", ".join(f"{name}={json.dumps(config[name])}" for name in names if name in config)


def _topic(name: str) -> str:
    resource = ConfigResource(ConfigResource.Type.TOPIC, name)
    admin = kafka.admin()  # it must outlive its answer
    [described] = admin.describe_configs([resource]).values()
    config = described.result()
    wanted = ("min.insync.replicas", "retention.ms", "flush.messages")
    return ", ".join(f"{each}={config[each].value}" for each in wanted)


def _twice() -> str:
    given = order(0)
    first, second = (engine("orders").take([given])[0] for _ in range(2))
    assert first.events
    return "is dropped: the log has it" if second.duplicate and not second.events else "TAKES EFFECT TWICE"


def _versions(client: object) -> str:
    server = client.admin.command("buildInfo")["version"]  # type: ignore[attr-defined]
    jar = next(places.KAFKA_JARS.glob("kafka_2.13-*.jar")).stem.rpartition("-")[2]
    packages = ", ".join(f"{name} {version(name)}" for name in ("Django", "celery", "pymongo", "confluent-kafka"))
    return (
        f"MongoDB {server}, Kafka {jar}, librdkafka {confluent_kafka.libversion()[0]}, "
        f"Python {platform.python_version()}, {packages}; ENVIRONMENT={settings.ENV.ENVIRONMENT}"
    )
