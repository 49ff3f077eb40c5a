"""What the settings say of the links to MongoDB, Kafka and Redis, checked and in the words of each client's library.

No message holds a value: it may be a password.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import redis.connection
from pymongo.errors import PyMongoError
from pymongo.uri_parser import parse_uri, split_options

_FILES_OF_MONGO = ("tlsCAFile", "tlsCertificateKeyFile")
_FILES_OF_REDIS = ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile")
_OF_REDIS = (*_FILES_OF_REDIS, "ssl_cert_reqs", "ssl_check_hostname")
_ENCODED = "(user and password are percent-encoded)"


def readable(path: str) -> str:
    """The path of a file that can be read, or of none. Raises ValueError."""
    try:
        if path:
            open(path, "rb").close()
    except OSError:
        raise ValueError("must be a file that can be read") from None
    return path


def mongo_uri(value: str) -> str:
    """A URI for MongoDB's driver, which itself leaves out what it cannot read: of `tls=ture` no encryption is left."""
    query = value.partition("?")[2]
    _check_files(query, _FILES_OF_MONGO)
    try:
        if value.startswith("mongodb+srv:"):
            split_options(query)  # the rest is in the DNS
        else:
            parse_uri(value)
    except (PyMongoError, ValueError, OSError):
        raise ValueError(f"must be a URI with parameters that MongoDB's driver knows {_ENCODED}") from None
    return value


def redis_url(value: str) -> str:
    """A URL that all who use Redis read alike: redis-py, and kombu, which knows fewer parameters."""
    try:
        url = urlsplit(value)
        _parsed(value)
        told = dict(parse_qsl(url.query, strict_parsing=bool(url.query)))
    except ValueError:
        raise ValueError(f"must be a URL of the form redis://user:password@host:port/0 {_ENCODED}") from None
    if told and url.scheme != "rediss":
        raise ValueError("has parameters, which are for rediss:// alone")
    if not told.keys() <= set(_OF_REDIS):
        raise ValueError(f"has parameters other than {', '.join(_OF_REDIS)}")
    if told.get("ssl_cert_reqs", "required") not in ("required", "optional", "none"):
        raise ValueError("its ssl_cert_reqs must be required, optional or none")
    _check_files(url.query, _FILES_OF_REDIS)
    return value


def _parsed(url: str) -> dict[str, Any]:
    """What redis-py reads in it. Raises ValueError."""
    return redis.connection.parse_url(url)  # type: ignore[no-untyped-call]


def _check_files(query: str, names: tuple[str, ...]) -> None:
    known = {name.lower(): name for name in names}
    for name, path in parse_qsl(query):
        if name.lower() in known:
            try:
                readable(path)
            except ValueError as error:
                raise ValueError(f"its {known[name.lower()]} {error}") from None


def celery_broker(url: str) -> tuple[str, dict[str, Any] | None]:
    """`broker_url` and `broker_use_ssl` for this URL of Redis."""
    parts = urlsplit(url)
    if parts.scheme != "rediss":
        return url, None
    told = _parsed(url)
    ssl = {name: value for name, value in told.items() if name.startswith("ssl_")}
    # redis-py checks certificates unless it is told not to, kombu does not unless it is told to.
    return parts._replace(query="").geturl(), {"ssl_cert_reqs": "required"} | ssl


_OF_KAFKA = {
    "KAFKA_SECURITY_PROTOCOL": "security.protocol",
    "KAFKA_SASL_MECHANISM": "sasl.mechanism",
    "KAFKA_SASL_USERNAME": "sasl.username",
    "KAFKA_SASL_PASSWORD": "sasl.password",
    "KAFKA_SSL_CA_FILE": "ssl.ca.location",
    "KAFKA_SSL_CERTIFICATE_FILE": "ssl.certificate.location",
    "KAFKA_SSL_KEY_FILE": "ssl.key.location",
}


def kafka_options(variables: Mapping[str, str]) -> dict[str, str]:
    """What librdkafka is told. Raises ValueError where something is missing, or would silently be of no use."""
    protocol = variables["KAFKA_SECURITY_PROTOCOL"]
    given = {name: variables[name] for name in _OF_KAFKA if variables[name]}
    for name in _OF_KAFKA:
        if name.startswith("KAFKA_SASL_") and protocol.startswith("SASL_") and name not in given:
            raise ValueError(f"{name} is required with KAFKA_SECURITY_PROTOCOL={protocol}")
        part = name.split("_")[1]  # SASL or SSL
        if name in given and part != "SECURITY" and part not in protocol.split("_"):
            raise ValueError(f"{name} is set, but not used with KAFKA_SECURITY_PROTOCOL={protocol}")
    if ("KAFKA_SSL_CERTIFICATE_FILE" in given) != ("KAFKA_SSL_KEY_FILE" in given):
        raise ValueError("KAFKA_SSL_CERTIFICATE_FILE and KAFKA_SSL_KEY_FILE are required together")
    return {_OF_KAFKA[name]: value for name, value in given.items()}
