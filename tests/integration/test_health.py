"""What operators and their probes ask."""

import json
from typing import Any

import pytest
from django.test import Client
from prometheus_client.parser import text_string_to_metric_families

from tests.servers import Servers


@pytest.fixture
def client(schema: None) -> Client:
    return Client()


def ready(client: Client) -> tuple[int, Any]:
    answer = client.get("/readyz")
    return answer.status_code, json.loads(answer.content)


def test_a_process_that_answers_is_alive_without_asking_anybody() -> None:
    answer = Client().get("/healthz")
    assert (answer.status_code, json.loads(answer.content)) == (200, {"status": "ok"})


def test_ready_names_each_dependency(client: Client) -> None:
    assert ready(client) == (200, {"ready": True, "mongo": "ok", "kafka": "ok", "redis": "ok"})


def test_without_redis_orders_are_still_taken(client: Client, servers: Servers) -> None:
    servers.redis.kill()
    try:
        expected = {"ready": True, "mongo": "ok", "kafka": "ok", "redis": "ConnectionError"}
        assert ready(client) == (200, expected)
    finally:
        servers.redis.start()
    assert ready(client)[1]["redis"] == "ok"


def test_a_mongodb_that_does_not_answer_is_not_ready(client: Client, servers: Servers) -> None:
    servers.mongo.pause()
    try:
        expected = {"ready": False, "mongo": "no answer within 2 s", "kafka": "ok", "redis": "ok"}
        assert ready(client) == (503, expected)
        assert client.get("/healthz").status_code == 200
    finally:
        servers.mongo.resume()


def test_metrics_are_prometheus_text_and_count_requests(client: Client) -> None:
    def answered(text: str) -> float:
        samples = (sample for family in text_string_to_metric_families(text) for sample in family.samples)
        return sum(each.value for each in samples if each.name == "django_http_responses_total_by_status_total")

    before = client.get("/metrics")
    assert before["Content-Type"].startswith("text/plain; version=")
    client.get("/healthz")
    after = client.get("/metrics")
    # The first one counts itself once it is written.
    assert answered(after.content.decode()) - answered(before.content.decode()) == 2
