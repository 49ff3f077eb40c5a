"""MongoDB, Kafka and Redis that take encrypted and signed-in connections alone, with certificates made for them."""

import contextlib
import datetime
import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from confluent_kafka.admin import AdminClient, ScramCredentialInfo, ScramMechanism, UserScramCredentialUpsertion
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from pymongo import MongoClient
from redis import SSLConnection

from deploy.local.servers import KafkaServer, MongoServer, RedisServer
from tests.servers import RunningKafka, RunningMongo, RunningRedis, free_ports, started

USER = "shop"
# With what a URL has to encode, and what a shell or a supervisor might take for its own.
PASSWORD = "hunter2/hunter:2@50%"
_ADMIN, _ADMIN_PASSWORD = "admin", "only-to-make-the-user"
_DAY = datetime.timedelta(days=1)


class Authority:
    """A certificate authority of the tests' own, with its files in `folder`."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self._certificate = self._signed(self._name, self._key, x509.BasicConstraints(ca=True, path_length=0))
        self.file = folder / f"{name}.pem"
        self.file.write_bytes(self._certificate.public_bytes(serialization.Encoding.PEM))

    def issue(self, name: str) -> "Issued":
        """A certificate for 127.0.0.1 and no other name, for servers and clients."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
        uses = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH])
        certificate = self._signed(subject, key, x509.BasicConstraints(ca=False, path_length=None), names, uses)
        issued = Issued(self._folder / f"{name}.crt", self._folder / f"{name}.key", self._folder / f"{name}.both.pem")
        written = certificate.public_bytes(serialization.Encoding.PEM)
        secret = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        for file, content in ((issued.certificate, written), (issued.key, secret), (issued.both, secret + written)):
            file.write_bytes(content)
        return issued

    def _signed(
        self, subject: x509.Name, key: ec.EllipticCurvePrivateKey, *extensions: x509.ExtensionType
    ) -> x509.Certificate:
        now = datetime.datetime.now(datetime.UTC)
        builder = x509.CertificateBuilder(self._name, subject, key.public_key(), x509.random_serial_number())
        builder = builder.not_valid_before(now - _DAY).not_valid_after(now + _DAY)
        for each in extensions:
            builder = builder.add_extension(each, critical=isinstance(each, x509.BasicConstraints))
        return builder.sign(self._key, hashes.SHA256())


@dataclass(frozen=True)
class Issued:
    """The files of a certificate: alone, its key, and both in one."""

    certificate: Path
    key: Path
    both: Path


@dataclass(frozen=True, kw_only=True)
class Encrypted:
    """The running servers, and the environments of processes that use them."""

    authority: Path
    certificate: Issued  # of a client
    mongo_port: int
    kafka_port: int
    kafka_certificate_port: int  # where a client signs in with a certificate
    redis_port: int

    def variables(
        self, *, authority: Path | None = None, password: str = PASSWORD, host: str = "127.0.0.1"
    ) -> dict[str, str]:
        """What a process is told: all of it right, but for what is asked to be wrong."""
        file = str(authority or self.authority)
        user, trusted = f"{USER}:{quote(password, safe='')}", quote(file)
        return {
            "MONGO_URI": f"mongodb://{user}@{host}:{self.mongo_port}/?replicaSet=rs0&tls=true&tlsCAFile={trusted}",
            "REDIS_URL": f"rediss://{user}@{host}:{self.redis_port}/0?ssl_cert_reqs=required&ssl_ca_certs={trusted}",
            "KAFKA_BROKERS": f"{host}:{self.kafka_port}",
            "KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
            "KAFKA_SASL_MECHANISM": "SCRAM-SHA-512",
            "KAFKA_SASL_USERNAME": USER,
            "KAFKA_SASL_PASSWORD": password,
            "KAFKA_SSL_CA_FILE": file,
        }


@contextlib.contextmanager
def encrypted_servers(folder: Path) -> Iterator[Encrypted]:
    """All three, with a user each; Kafka's signs in with SCRAM or PLAIN, or elsewhere with a certificate."""
    authority = Authority(folder, "authority")
    server, ports = authority.issue("server"), free_ports(5)
    mongo = _mongo(folder, ports[0], authority, server)
    kafka = _kafka(folder, ports[1], ports[2], ports[3], authority, server)
    redis = _redis(folder, ports[4], authority, server)
    running = [
        RunningMongo(mongo, folder / "mongo.log"),
        RunningKafka(kafka, folder / "kafka.log"),
        RunningRedis(redis, folder / "redis.log"),
    ]
    with started(*running):
        _make_user_of_mongo(mongo)
        _make_user_of_kafka(kafka)
        yield Encrypted(
            authority=authority.file,
            certificate=authority.issue("client"),
            mongo_port=mongo.port,
            kafka_port=kafka.port,
            kafka_certificate_port=ports[2],
            redis_port=redis.port,
        )


def _mongo(folder: Path, port: int, authority: Authority, server: Issued) -> MongoServer:
    key = folder / "mongo.keyfile"  # by which the members of a set know each other; with it, clients have to sign in
    key.write_text("onlyTheMembersKnowThis")
    key.chmod(0o600)
    options = ["--tlsMode", "requireTLS", "--tlsCertificateKeyFile", str(server.both), "--tlsCAFile"]
    options += [str(authority.file), "--tlsAllowConnectionsWithoutCertificates", "--keyFile", str(key)]
    return MongoServer(
        port=port,
        data=folder / "mongo",
        cache_gb=0.25,
        oplog_mb=256,
        options=tuple(options),
        client={"tls": True, "tlsCAFile": str(authority.file)},
    )


def _make_user_of_mongo(mongo: MongoServer) -> None:
    """The first one is made without signing in, from the same machine."""
    with MongoClient[dict[str, object]]("127.0.0.1", mongo.port, directConnection=True, **mongo.client) as client:
        client.admin.command("createUser", USER, pwd=PASSWORD, roles=["readWriteAnyDatabase", "dbAdminAnyDatabase"])


def _kafka(
    folder: Path, port: int, certificate_port: int, controller_port: int, authority: Authority, server: Issued
) -> KafkaServer:
    login = "org.apache.kafka.common.security.{}.{}LoginModule required"
    users = (
        f'username="{_ADMIN}" password="{_ADMIN_PASSWORD}" user_{_ADMIN}="{_ADMIN_PASSWORD}" user_{USER}="{PASSWORD}"'
    )
    here = "127.0.0.1"
    properties: dict[str, object] = {
        "listeners": f"SASL_SSL://{here}:{port},SSL://{here}:{certificate_port},CONTROLLER://{here}:{controller_port}",
        "listener.security.protocol.map": "SASL_SSL:SASL_SSL,SSL:SSL,CONTROLLER:PLAINTEXT",
        "inter.broker.listener.name": "SASL_SSL",
        "sasl.mechanism.inter.broker.protocol": "PLAIN",
        "sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-512",
        "listener.name.sasl_ssl.plain.sasl.jaas.config": f"{login.format('plain', 'Plain')} {users};",
        "listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config": f"{login.format('scram', 'Scram')};",
        "listener.name.ssl.ssl.client.auth": "required",
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": server.both,
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": authority.file,
    }
    client = {
        "security.protocol": "SASL_SSL",
        "ssl.ca.location": str(authority.file),
        "sasl.mechanism": "PLAIN",
        "sasl.username": _ADMIN,
        "sasl.password": _ADMIN_PASSWORD,
    }
    return KafkaServer(
        port=port,
        controller_port=controller_port,
        data=folder / "kafka",
        heap_mb=384,
        quick_start=True,
        properties=properties,
        client=client,
    )


def _make_user_of_kafka(kafka: KafkaServer) -> None:
    admin = AdminClient({"bootstrap.servers": kafka.address, **kafka.client})
    secret = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, 4096)
    wish = UserScramCredentialUpsertion(USER, secret, PASSWORD.encode())
    for made in admin.alter_user_scram_credentials([wish]).values():
        made.result(timeout=60)


def _redis(folder: Path, port: int, authority: Authority, server: Issued) -> RedisServer:
    options = ["--port", "0", "--tls-port", str(port), "--tls-auth-clients", "no"]
    options += ["--tls-cert-file", str(server.certificate), "--tls-key-file", str(server.key)]
    options += ["--tls-ca-cert-file", str(authority.file)]
    options += ["--user", "default", "off", "--user", USER, "on", f">{PASSWORD}", "~*", "&*", "+@all"]
    client = {"connection_class": SSLConnection, "ssl_ca_certs": str(authority.file)}
    client |= {"username": USER, "password": PASSWORD}
    return RedisServer(port=port, data=folder / "redis", durable=False, options=tuple(options), client=client)
