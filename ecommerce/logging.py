"""JSON lines for everything that logs, on stdout: the project's own lines and those of its libraries."""

import logging
import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

import msgspec
import structlog

from ecommerce.tracing import trace_id

_SECRET_NAMES = re.compile("password|token|secret|authorization|cookie|refresh|access|ticket", re.IGNORECASE)
_SECRET_TEXTS = re.compile(
    r"eyJ[\w-]+\.[\w-]+\.[\w-]*|(?i:bearer)\s+[\w.~+/=-]+|\b(?:sk|rk|whsec|pm|tok)_\w+"
    r"|(?<=://)[^\s/?#@]*:[^\s/?#@]*(?=@)"  # who signs in, in a URL
)
_HIDDEN = "[hidden]"


def without_secrets(_logger: Any, _method: str, line: dict[str, Any]) -> dict[str, Any]:
    """The net below: no line is meant to hold a secret, and one that holds one all the same loses it here."""
    return {name: _HIDDEN if _SECRET_NAMES.search(name) else _hidden_in(value) for name, value in line.items()}


def _hidden_in(value: Any) -> Any:
    if isinstance(value, str):
        return _SECRET_TEXTS.sub(_HIDDEN, value)
    if isinstance(value, dict):
        return without_secrets(None, "", value)
    return [_hidden_in(each) for each in value] if isinstance(value, list | tuple) else value


def with_its_trace(_logger: Any, _method: str, line: dict[str, Any]) -> dict[str, Any]:
    """A line about an order is found by the order's trace too."""
    if isinstance(order := line.get("correlation_id"), str):
        line["trace_id"] = trace_id(order)
    return line


class Lines:
    """A logger of many lines of the same kind at once, which cost some microseconds each instead of a hundred.

    They may hold names, ids and numbers only: nobody looks for secrets in them.
    """

    def __init__(self, name: str) -> None:
        self._logger = logging.getLogger(name)

    def is_on(self, level: int = logging.INFO) -> bool:
        return self._logger.isEnabledFor(level)

    def info(self, lines: Iterable[dict[str, Any]]) -> None:
        self.log(logging.INFO, lines)

    def log(self, level: int, lines: Iterable[dict[str, Any]]) -> None:
        """Logs each of `lines`, whose "event" says what happened."""
        if self.is_on(level) and (every := list(lines)):
            self._logger.log(level, every[0]["event"], extra={"lines": every})


class Formatter(structlog.stdlib.ProcessorFormatter):
    """A JSON line for a record; several for one of `Lines`."""

    def __init__(self, *, service: str, **given: Any) -> None:
        super().__init__(**given)
        self._service = service
        self._encode: Callable[[Any], bytes] = msgspec.json.Encoder(enc_hook=str).encode

    def format(self, record: logging.LogRecord) -> str:
        every = getattr(record, "lines", None)
        if every is None:
            return super().format(record)
        at = datetime.fromtimestamp(record.created, UTC).isoformat().replace("+00:00", "Z")
        shared = {"service": self._service, "logger": record.name, "level": record.levelname.lower(), "timestamp": at}
        return b"\n".join([self._encode(shared | line) for line in every]).decode()


_SHARED: list[Any] = [
    structlog.contextvars.merge_contextvars,
    with_its_trace,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    structlog.stdlib.ExtraAdder(),
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.format_exc_info,
]


def configuration(level: str, service: str) -> dict[str, Any]:
    """Django's LOGGING; also configures structlog to go the same way."""
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *_SHARED, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )

    def add_service(_logger: Any, _method: str, line: dict[str, Any]) -> dict[str, Any]:
        line.setdefault("service", service)
        return line

    formatter = {
        "()": Formatter,
        "service": service,
        "foreign_pre_chain": _SHARED,
        "processors": [
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            add_service,
            without_secrets,
            structlog.processors.JSONRenderer(default=str),
        ],
    }
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"json": formatter},
        "handlers": {"stdout": {"class": "logging.StreamHandler", "stream": "ext://sys.stdout", "formatter": "json"}},
        "root": {"handlers": ["stdout"], "level": level},
        "loggers": {
            "httpx": {"level": "WARNING"},
            "httpcore": {"level": "WARNING"},
            "pymongo": {"level": "WARNING"},
            "celery.beat": {"level": "WARNING"},
            "celery.app.trace": {"level": "WARNING"},
            "celery.worker.strategy": {"level": "WARNING"},
            "celery.worker.request": {"level": "WARNING"},
            "django.request": {"level": "ERROR"},
            "opentelemetry": {"level": "CRITICAL"},  # `exporting` says it once, not every second
            "urllib3": {"level": "ERROR"},
            "stripe": {"level": "WARNING"},  # below that, it writes out what it sends and is told: tokens of cards
            "stamina": {"level": "ERROR"},  # what a retry was about is said where it is given up
        },
    }
