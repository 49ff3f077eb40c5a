"""The project's settings over servers of the tests' own, on free ports: a running pipeline is never touched.

`TEST_NODES=3` makes MongoDB and Kafka clusters of three nodes, for the tests that kill some of them.
"""

import os

from tests.servers import free_ports

NODES = int(os.environ.get("TEST_NODES", "1"))
REDIS_PORT, GATEWAY_PORT, CARRIER_PORT, WEB_PORT, *_ports = free_ports(4 + 2 * NODES)
MONGO_PORTS, KAFKA_PORTS = _ports[:NODES], _ports[NODES:]

os.environ |= {
    "ENVIRONMENT": "development",
    "SERVICE": "all",
    "MONGO_URI": f"mongodb://{','.join(f'127.0.0.1:{port}' for port in MONGO_PORTS)}/?replicaSet=rs0",
    "KAFKA_BROKERS": ",".join(f"127.0.0.1:{port}" for port in KAFKA_PORTS),
    "KAFKA_CLIENT_ID": "tests",
    "KAFKA_SECURITY_PROTOCOL": "PLAINTEXT",
    "REDIS_URL": f"redis://127.0.0.1:{REDIS_PORT}/0",
    "PORT": str(WEB_PORT),
    "JWT_SECRET": "a secret that only the tests know, 32 bytes or more",
    "MASTER_KEY": "",
    "MASTER_KEYS_OLD": "",
    "CARRIER_WEBHOOK_SECRET": "",
    "DATABASE_PREFIX": "",
    "GATEWAY_URL": f"http://127.0.0.1:{GATEWAY_PORT}",
    "CARRIER_URL": f"http://127.0.0.1:{CARRIER_PORT}",
    "PAYMENT_GATEWAY": "sandbox",
    "ORDER_DEADLINE_SECONDS": "120",
    "AUDIT_EVERY_SECONDS": "0",
    "SIGN_IN_FAILURES_PER_ADDRESS": "100000",  # all tests come from one
    "THROTTLE_ADDRESS": "",
    "THROTTLE_USER": "",
    "THROTTLE_SIGN_IN": "",
    "THROTTLE_ORDERS": "",
    "LOG_LEVEL": "INFO",
    "METRICS_PORT": "",
    "OTEL_EXPORTER_OTLP_ENDPOINT": "",
    "OTEL_TRACES_FILE": "",
    "OTEL_TRACES_RATIO": "",
}

from ecommerce.settings import *  # noqa: E402, F403

PASSWORD_HASHERS = ["tests.hashing.QuickArgon2Hasher"]
