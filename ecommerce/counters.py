"""What this process counts of its own work, for its /metrics. What databases and Kafka say is in `metrics`."""

from prometheus_client import Counter, Histogram

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900)

BATCHES = Histogram(
    "engine_batch_inputs",
    "Inputs that the engine took in one transaction.",
    ["service"],
    buckets=(1, 2, 5, 10, 20, 50, 100, 200, 500, 1000),
)
INPUTS = Counter(
    "engine_inputs",
    "Inputs by their type and by what became of them: taken, duplicate, refused or parked.",
    ["service", "type", "outcome"],
)
HOPS = Histogram("hop_seconds", "From an event's time until a service took it.", ["service"], buckets=_SECONDS)
SAGAS = Histogram("saga_seconds", "From an order's placing to its end.", ["outcome"], buckets=_SECONDS)
RELAYED = Counter("relay_messages", "Messages that Kafka has acknowledged.", ["service"])
RELAY_DELAY = Histogram(
    "relay_delay_seconds", "From a commit until Kafka acknowledged all of it.", ["service"], buckets=_SECONDS
)
TASKS = Histogram("task_seconds", "How long Celery tasks ran.", ["task", "outcome"], buckets=_SECONDS)
REQUESTS = Counter("outside_requests", "Requests to outside parties: ok, failed or rejected.", ["party", "outcome"])
RETRIES = Counter("outside_retries", "Requests to outside parties that were made again.", ["party"])
BREAKER_CHANGES = Counter("circuit_breaker_changes", "Changes of a circuit breaker, by its new state.", ["party", "to"])
