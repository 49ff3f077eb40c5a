"""Is it alive, is it ready, what does it count."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as TooLate

import prometheus_client
import pymongo
import redis
from confluent_kafka import KafkaError, KafkaException
from django.conf import settings
from django.db import connections
from django.http import HttpRequest, HttpResponse, JsonResponse
from prometheus_client.core import Metric
from pymongo.errors import OperationFailure, PyMongoError

from ecommerce import kafka
from ecommerce.metrics import PipelineMetrics

OK = "ok"
_SECONDS = 2.0
_AUTHENTICATION_FAILED = 18
_pool = ThreadPoolExecutor(max_workers=6, thread_name_prefix="readiness")
_admin: kafka.Admin | None = None


def healthz(request: HttpRequest) -> HttpResponse:
    """This process answers."""
    return JsonResponse({"status": "ok"})


def readyz(request: HttpRequest) -> HttpResponse:
    """Each dependency by name. Without MongoDB nothing can be taken (503); without Kafka or Redis orders still are."""
    results = dependencies()
    ready = results["mongo"] == OK
    return JsonResponse({"ready": ready, **results}, status=200 if ready else 503)


def dependencies() -> dict[str, str]:
    """`OK`, or what is wrong, for "mongo", "kafka" and "redis"; within two seconds."""
    checks = {"mongo": _mongo, "kafka": _kafka, "redis": _redis}
    running = {name: _pool.submit(check) for name, check in checks.items()}
    results = {}
    for name, future in running.items():
        try:
            future.result(timeout=_SECONDS)
            results[name] = OK
        except TooLate:
            results[name] = f"no answer within {_SECONDS:g} s"
        except Exception as error:
            results[name] = _kind(error)
    return results


def _kind(error: Exception) -> str:
    """What is wrong in a word or two; not the error's own text, which tells of hosts and users."""
    if _is_untrusted(error):
        return "certificate not trusted"
    refused = isinstance(error, redis.AuthenticationError)
    refused |= isinstance(error, OperationFailure) and error.code == _AUTHENTICATION_FAILED
    refused |= isinstance(error, KafkaException) and error.args[0].code() == KafkaError._AUTHENTICATION
    return "user or password refused" if refused else type(error).__name__


def _is_untrusted(error: Exception) -> bool:
    return "certificate verify failed" in str(error)  # as OpenSSL says it, below all three clients


def metrics(request: HttpRequest) -> HttpResponse:
    """Prometheus' text format."""
    return HttpResponse(prometheus_client.generate_latest(REGISTRY), content_type=prometheus_client.CONTENT_TYPE_LATEST)


class _OfAWebProcess(prometheus_client.CollectorRegistry):
    """What this process counts itself, as every process does, and what web processes alone read elsewhere."""

    def collect(self) -> Iterator[Metric]:
        yield from prometheus_client.REGISTRY.collect()
        yield from super().collect()


REGISTRY = _OfAWebProcess()
REGISTRY.register(PipelineMetrics())


def _mongo() -> None:
    try:
        with pymongo.timeout(0.6 * _SECONDS):  # its error tells why, and comes up to half a second later
            for alias in connections:
                connection = connections[alias]
                connection.ensure_connection()
                hello = connection.connection.admin.command("hello")
                if not hello.get("isWritablePrimary"):
                    raise ConnectionError("no primary")
    except PyMongoError as error:
        if error.timeout and not _is_untrusted(error):
            raise TooLate from error
        raise


def _kafka() -> None:
    global _admin
    _admin = _admin or kafka.admin()
    _admin.look(timeout=_SECONDS)


def _redis() -> None:
    client: redis.Redis = redis.Redis.from_url(settings.REDIS_URL, socket_timeout=_SECONDS, socket_connect_timeout=1)
    try:
        client.ping()
    finally:
        client.close()


Check = Callable[[], None]
