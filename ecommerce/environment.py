"""The configuration, read once from the environment (and `.env`, which the environment overrides).

A wrong or missing variable stops the start: one message that names each of them, exit status 1.
"""

import base64
import ipaddress
import sys
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from pydantic import AfterValidator, Field, ValidationError, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from ecommerce import links
from ecommerce.killpoints import Armed, Place

ROOT = Path(__file__).resolve().parent.parent
CARRIER_WEBHOOK = "carrier webhook"
SERVICES = ("orders", "inventory", "payments", "shipping")


def _url(*schemes: str, needed: bool = True) -> AfterValidator:
    def check(value: str) -> str:
        scheme, _, rest = value.partition("://")
        if not (value or needed):
            return value
        if scheme not in schemes or not rest:
            raise ValueError(f"must be a URL of the form {schemes[0]}://host:port")
        return value

    return AfterValidator(check)


def _brokers(value: str) -> str:
    for broker in value.split(","):
        host, _, port = broker.strip().rpartition(":")
        if not host or not (port.isascii() and port.isdigit() and 1 <= int(port[:6]) <= 65535):
            raise ValueError("must be host:port, several separated by commas")
    return value


def _key_bytes(value: str) -> str:
    try:
        key = base64.b64decode(value, validate=True)
    except ValueError as error:
        raise ValueError("must be 32 bytes in base64") from error
    if value and len(key) != 32:
        raise ValueError("must be 32 bytes in base64")
    return value


def _several_keys(values: tuple[str, ...]) -> tuple[str, ...]:
    for value in values:
        _key_bytes(value)
    return values


def _address(value: str) -> str:
    try:
        ipaddress.ip_address(value)
    except ValueError as error:
        raise ValueError("must be an IP address, such as 127.0.0.1 or 0.0.0.0") from error
    return value


def _one_word(value: str) -> str:
    if not all("!" <= character <= "~" for character in value):
        raise ValueError("must be printable ASCII without spaces")
    return value


def _kill_point(value: str) -> str:
    try:
        if value:
            Armed(value)
    except ValueError:
        raise ValueError(f"must be one of {', '.join(Place)}, with labels after colons") from None
    return value


def _served(value: str) -> str:
    if value not in (*SERVICES, "all"):
        raise ValueError(f"must be one of {', '.join(SERVICES)}, all")
    return value


def _in_a_folder(value: str) -> str:
    if value and not Path(value).parent.is_dir():
        raise ValueError("must lie in a folder that exists")
    return value


class Rate(NamedTuple):
    """At most so many in so many seconds."""

    most: int
    seconds: int


_SECONDS_OF = {"s": 1, "m": 60, "h": 3600}
# How much one sender may ask for in production. In development, where one user posts for a whole bench, nothing counts.
_IN_PRODUCTION = {"address": "3000/m", "user": "1200/m", "sign-in": "60/m", "orders": "120/m"}
_File = Annotated[str, AfterValidator(links.readable)]
_Throttle = Annotated[str, Field(pattern=r"^([1-9][0-9]{0,8}/[smh]|off)?$")]


class Environment(BaseSettings):
    """Every variable that the processes read; the names are those of `.env.example`."""

    model_config = SettingsConfigDict(env_file=ROOT / ".env", env_ignore_empty=True, extra="ignore", frozen=True)

    ENVIRONMENT: Literal["development", "production"]
    KAFKA_BROKERS: Annotated[str, AfterValidator(_brokers)]
    KAFKA_CLIENT_ID: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,100}$")]
    MONGO_URI: Annotated[str, _url("mongodb", "mongodb+srv"), AfterValidator(links.mongo_uri)]
    REDIS_URL: Annotated[str, _url("redis", "rediss"), AfterValidator(links.redis_url)]
    PORT: Annotated[int, Field(ge=1, le=65535)]
    JWT_SECRET: Annotated[str, Field(min_length=32)]
    SERVICE: Annotated[str, AfterValidator(_served)]

    KAFKA_SECURITY_PROTOCOL: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    KAFKA_SASL_MECHANISM: Literal["", "PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = ""
    KAFKA_SASL_USERNAME: str = ""
    KAFKA_SASL_PASSWORD: str = ""
    KAFKA_SSL_CA_FILE: _File = ""
    KAFKA_SSL_CERTIFICATE_FILE: _File = ""
    KAFKA_SSL_KEY_FILE: _File = ""
    MASTER_KEY: Annotated[str, AfterValidator(_key_bytes)] = ""
    MASTER_KEYS_OLD: Annotated[tuple[str, ...], NoDecode, AfterValidator(_several_keys)] = ()
    PAYMENT_GATEWAY: Literal["sandbox", "stripe"] = "sandbox"
    STRIPE_API_KEY: Annotated[str, AfterValidator(_one_word)] = ""
    STRIPE_WEBHOOK_SECRET: Annotated[str, AfterValidator(_one_word)] = ""
    STRIPE_API_BASE: Annotated[str, _url("https", "http")] = "https://api.stripe.com"
    CARRIER_WEBHOOK_SECRET: Annotated[str, Field(pattern=r"^(.{16,500})?$")] = ""
    GATEWAY_URL: Annotated[str, _url("http", "https")] = "http://127.0.0.1:4101"
    CARRIER_URL: Annotated[str, _url("http", "https")] = "http://127.0.0.1:4102"
    AUDIT_EVERY_SECONDS: Annotated[int, Field(ge=0, le=86_400)] = 300
    ORDER_DEADLINE_SECONDS: Annotated[int, Field(ge=1, le=86_400)] = 900
    DATABASE_PREFIX: Annotated[str, Field(pattern=r"^[a-z0-9_]{0,30}$")] = ""
    LOG_LEVEL: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    METRICS_HOST: Annotated[str, AfterValidator(_address)] = "127.0.0.1"
    METRICS_PORT: Annotated[int, Field(ge=0, le=65535)] = 0
    OTEL_EXPORTER_OTLP_ENDPOINT: Annotated[str, _url("http", "https", needed=False)] = ""
    OTEL_TRACES_FILE: Annotated[str, AfterValidator(_in_a_folder)] = ""
    OTEL_TRACES_RATIO: Annotated[float, Field(ge=0, le=1)] = 1.0
    SIGN_IN_FAILURES_PER_ADDRESS: Annotated[int, Field(ge=1, le=1_000_000)] = 100
    THROTTLE_ADDRESS: _Throttle = ""
    THROTTLE_USER: _Throttle = ""
    THROTTLE_SIGN_IN: _Throttle = ""
    THROTTLE_ORDERS: _Throttle = ""
    KILL_POINT: Annotated[str, AfterValidator(_kill_point)] = ""
    KILL_POINT_AFTER: Annotated[int, Field(ge=1)] = 1
    KILL_POINT_FILE: Annotated[str, AfterValidator(_in_a_folder)] = ""
    ALLOWED_HOSTS: Annotated[tuple[str, ...], NoDecode] = ()
    CSRF_TRUSTED_ORIGINS: Annotated[tuple[str, ...], NoDecode] = ()

    @model_validator(mode="before")
    @classmethod
    def _split_lists(cls, values: dict[str, object]) -> dict[str, object]:
        for name in ("ALLOWED_HOSTS", "CSRF_TRUSTED_ORIGINS", "MASTER_KEYS_OLD"):
            for key, value in list(values.items()):
                if key.upper() == name and isinstance(value, str):
                    values[key] = tuple(each.strip() for each in value.split(",") if each.strip())
        return values

    @model_validator(mode="after")
    def _production_is_explicit(self) -> "Environment":
        if self.ENVIRONMENT == "production":
            for name in ("MASTER_KEY", "CARRIER_WEBHOOK_SECRET", "ALLOWED_HOSTS"):
                # What the carrier signs is read by those that serve shipping alone.
                if not getattr(self, name) and (name != "CARRIER_WEBHOOK_SECRET" or "shipping" in self.served):
                    raise ValueError(f"{name} is required in production")
            if self.KILL_POINT:
                raise ValueError("KILL_POINT has the process kill itself: refused in production")
        return self

    @model_validator(mode="after")
    def _stripe_has_its_keys(self) -> "Environment":
        # Of those that serve payments: no other process needs to know them.
        if self.PAYMENT_GATEWAY == "stripe" and "payments" in self.served:
            for name in ("STRIPE_API_KEY", "STRIPE_WEBHOOK_SECRET"):
                if not getattr(self, name):
                    raise ValueError(f"{name} is required with PAYMENT_GATEWAY=stripe")
        return self

    @model_validator(mode="after")
    def _kafka_is_told_all(self) -> "Environment":
        links.kafka_options(self.model_dump())
        return self

    @property
    def kafka_options(self) -> dict[str, str]:
        """How Kafka's clients encrypt and sign in, in librdkafka's words."""
        return links.kafka_options(self.model_dump())

    @property
    def served(self) -> tuple[str, ...]:
        """The services that this process serves."""
        return SERVICES if self.SERVICE == "all" else (self.SERVICE,)

    @property
    def throttle_rates(self) -> dict[str, Rate]:
        """The rates that count, by their names."""
        found = {}
        for name, usual in _IN_PRODUCTION.items():
            said = getattr(self, f"THROTTLE_{name.upper().replace('-', '_')}")
            rate = said or (usual if self.ENVIRONMENT == "production" else "off")
            if rate != "off":
                most, _, unit = rate.partition("/")
                found[name] = Rate(int(most), _SECONDS_OF[unit])
        return found

    @cached_property
    def master_key(self) -> bytes:
        """The 32 bytes that wrap the data keys. Derived from JWT_SECRET where none is set (development only)."""
        if self.MASTER_KEY:
            return base64.b64decode(self.MASTER_KEY)
        return derived(self.JWT_SECRET, "master key")

    @property
    def master_keys_old(self) -> tuple[bytes, ...]:
        """The master keys that wrapped data keys before this one."""
        return tuple(base64.b64decode(key) for key in self.MASTER_KEYS_OLD)

    @property
    def carrier_webhook_secret(self) -> str:
        """What the carrier signs with. Derived from JWT_SECRET where none is set (development only)."""
        return self.CARRIER_WEBHOOK_SECRET or derived(self.JWT_SECRET, CARRIER_WEBHOOK).hex()


def derived(secret: str, purpose: str) -> bytes:
    """32 bytes that `secret` stands for with this purpose, and that do not give it away."""
    return HKDF(hashes.SHA256(), 32, salt=None, info=purpose.encode()).derive(secret.encode())


def read() -> Environment:
    """The environment, or the end of the process with a message that names what is wrong."""
    try:
        return Environment()  # type: ignore[call-arg]
    except ValidationError as error:
        print(explain(error), file=sys.stderr)
        raise SystemExit(1) from None


def explain(error: ValidationError) -> str:
    """One line for each variable at fault. Never prints a value: it may be a secret."""
    lines = []
    for each in error.errors(include_input=False, include_url=False):
        name = ".".join(str(part) for part in each["loc"][:1])
        problem = "is not set" if each["type"] == "missing" else each["msg"].removeprefix("Value error, ")
        lines.append(f"  {name}: {problem}" if name else f"  {problem}")
    return "The configuration is wrong:\n" + "\n".join(lines) + "\nSee .env.example for every variable and an example."
