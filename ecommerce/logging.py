"""JSON lines for everything that logs, on stdout: the project's own lines and those of its libraries."""

import re
from typing import Any

import structlog

_SECRET_NAMES = re.compile("password|token|secret|authorization|cookie|refresh|access|ticket", re.IGNORECASE)
_SECRET_TEXTS = re.compile(r"eyJ[\w-]+\.[\w-]+\.[\w-]*|(?i:bearer)\s+[\w.~+/=-]+|\b(?:sk|rk|whsec|pm|tok)_\w+")
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


_SHARED: list[Any] = [
    structlog.contextvars.merge_contextvars,
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
        "()": structlog.stdlib.ProcessorFormatter,
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
            "stripe": {"level": "WARNING"},  # below that, it writes out what it sends and is told: tokens of cards
            "stamina": {"level": "ERROR"},  # what a retry was about is said where it is given up
        },
    }
