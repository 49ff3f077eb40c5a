"""manage.py create_topics"""

from typing import Any

from confluent_kafka import KafkaException
from django.conf import settings
from django.core.management.base import CommandError

from ecommerce import kafka
from ecommerce.management.command import ProjectCommand
from ecommerce.registry import services
from ecommerce.topics import create_topics, topics_of


class Command(ProjectCommand):
    help = "Creates the topics of this process's services that are missing. Run again, it changes nothing."

    def handle(self, **_: Any) -> None:
        topics = topics_of(services())
        try:
            created = create_topics(kafka.admin(), topics)
        except KafkaException as error:
            told = error.args[0]
            hint = "" if told.code() in kafka.REFUSALS else ". Is it up? (make ps)"
            raise CommandError(f"Kafka at {settings.KAFKA_BROKERS}: {told.str()}{hint}") from error
        for name in topics:
            self.stdout.write(f"{name} {'created' if name in created else 'exists'}")
