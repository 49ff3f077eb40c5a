"""The project's settings over servers of the tests' own, on free ports: a running pipeline is never touched."""

import os

from tests.servers import free_ports

MONGO_PORT, KAFKA_PORT, REDIS_PORT, GATEWAY_PORT, CARRIER_PORT, WEB_PORT = free_ports(6)

os.environ |= {
    "ENVIRONMENT": "development",
    "SERVICE": "all",
    "MONGO_URI": f"mongodb://127.0.0.1:{MONGO_PORT}/?replicaSet=rs0",
    "KAFKA_BROKERS": f"127.0.0.1:{KAFKA_PORT}",
    "KAFKA_CLIENT_ID": "tests",
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
    "LOG_LEVEL": "INFO",
}

from ecommerce.settings import *  # noqa: E402, F403
