"""A wrong configuration stops the start: each variable by its name, none by its value."""

import base64
import json
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

from ecommerce.environment import ROOT

GOOD = {
    "ENVIRONMENT": "development",
    "SERVICE": "all",
    "PORT": "3000",
    "KAFKA_BROKERS": "127.0.0.1:9092",
    "KAFKA_CLIENT_ID": "ecommerce",
    "MONGO_URI": "mongodb://127.0.0.1:27017/?replicaSet=rs0",
    "REDIS_URL": "redis://127.0.0.1:6379/0",
    "JWT_SECRET": "a secret that is long enough to sign",
}
KEY = base64.b64encode(bytes(range(32))).decode()
PRODUCTION = GOOD | {"ENVIRONMENT": "production", "MASTER_KEY": KEY, "ALLOWED_HOSTS": "shop.example, www.shop.example"}
PRODUCTION |= {"CARRIER_WEBHOOK_SECRET": "what the carrier signs with"}

# A developer's own .env must not answer for a variable that is missing here. Each start is a fork: importing is slow,
# as is the tidying up of an interpreter that has imported.
READ = """
import json, os, sys
from ecommerce import environment
environment.Environment.model_config["env_file"] = sys.argv[1] or None
ended = []
for variables in json.load(sys.stdin):
    reading, writing = os.pipe()
    if not os.fork():
        os.dup2(writing, 1), os.dup2(writing, 2), os.close(writing)
        os.environ.clear(), os.environ.update(variables)
        status = 0
        try:
            print(environment.read().ALLOWED_HOSTS)
        except SystemExit as refusal:
            status = refusal.code
        sys.stdout.flush(), sys.stderr.flush(), os._exit(status)
    os.close(writing)
    said = open(reading).read()
    ended.append((os.waitstatus_to_exitcode(os.wait()[1]), said))
print(json.dumps(ended))
"""


def starts(*environments: dict[str, str], env_file: str = "") -> list[tuple[int, str]]:
    """Exit status and output of processes that each read their variables and no others."""
    process = subprocess.run(
        [sys.executable, "-c", READ, env_file],
        input=json.dumps(environments),
        env={},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return [(status, said) for status, said in json.loads(process.stdout)]


def refused(*environments: dict[str, str]) -> list[list[str]]:
    """The lines between the first and the last of what each refused start says."""
    return [_faults(*each) for each in starts(*environments)]


def _faults(status: int, said: str) -> list[str]:
    first, *lines, last = said.splitlines()
    assert status == 1
    assert first == "The configuration is wrong:"
    assert last == "See .env.example for every variable and an example."
    return lines


def test_a_good_configuration_starts() -> None:
    assert starts(GOOD) == [(0, "()\n")]


def test_every_variable_that_is_missing_is_named() -> None:
    (lines,) = refused({})
    assert sorted(lines) == sorted(f"  {name}: is not set" for name in GOOD)


def test_a_variable_that_is_missing_or_empty_is_named_alone() -> None:
    missing = [{each: value for each, value in GOOD.items() if each != name} for name in GOOD]
    empty = [GOOD | {name: ""} for name in GOOD]
    assert refused(*missing, *empty) == [[f"  {name}: is not set"] for name in GOOD] * 2


WRONG = {
    "ENVIRONMENT": ["staging-value"],
    "SERVICE": ["billing-value"],
    "PORT": ["0", "65536", "-1", "30o0", "3000.5"],
    "KAFKA_BROKERS": ["broker-value", "broker:port", ":9092", "a:9092,", "a:٩٠٩٢", "a:0", "a:65536"],
    "KAFKA_CLIENT_ID": ["client value", "x" * 101],
    "MONGO_URI": [
        *("127.0.0.1:27017", "mysql://127.0.0.1", "mongodb:/127.0.0.1"),
        *(
            "mongodb://u:hunter2/x@h/",
            "mongodb://u:hunter2@x@h/",
            "mongodb://u:hunter2:x@h/",
        ),
        *("mongodb://h/?tls=ture-value", "mongodb://h/?tlss=true", "mongodb+srv://h/?tls=ture-value"),
        *("mongodb://h/?tls=true&tlsCAFile=/no-folder/ca", "mongodb://h/?tlscertificatekeyfile=/no-folder/key"),
    ],
    "REDIS_URL": [
        *(
            "127.0.0.1:6379",
            "http://127.0.0.1",
            "unix:///run/redis",
            "redis://:hunter2/x@h:1/0",
            "redis://:hunter2#@h:1/0",
        ),
        *("redis://h/0?ssl_cert_reqs=none", "rediss://h/0?socket_timeout=1", "rediss://h/0?db=1"),
        *(
            "rediss://h/0?ssl_cert_reqs=CERT_NONE",
            "rediss://h/0?ssl_ca_certs=/no-folder/ca",
            "rediss://h/0?ssl_ca_certs",
        ),
    ],
    "KAFKA_SECURITY_PROTOCOL": ["TLS-value", "ssl-value"],
    "KAFKA_SASL_MECHANISM": ["GSSAPI-value"],
    "KAFKA_SSL_CA_FILE": ["/no-folder/ca"],
    "KAFKA_SSL_CERTIFICATE_FILE": ["/no-folder/certificate"],
    "KAFKA_SSL_KEY_FILE": ["/no-folder/key"],
    "GATEWAY_URL": ["gateway-value", "ftp://127.0.0.1"],
    "PAYMENT_GATEWAY": ["bank-value"],
    "STRIPE_API_KEY": ["sk two words", "sk_é"],
    "STRIPE_WEBHOOK_SECRET": ["whsec two words"],
    "STRIPE_API_BASE": ["api-value", "ftp://127.0.0.1"],
    "CARRIER_URL": ["carrier-value", "ftp://127.0.0.1"],
    "JWT_SECRET": ["a-secret-that-is-31-bytes-long!"],
    "MASTER_KEY": ["not base64!", "é" * 44, base64.b64encode(b"x" * 31).decode(), base64.b64encode(b"x" * 33).decode()],
    "MASTER_KEYS_OLD": ["not base64!", f"{KEY},{base64.b64encode(b'x' * 31).decode()}"],
    "CARRIER_WEBHOOK_SECRET": ["fifteen-letters"],
    "ORDER_DEADLINE_SECONDS": ["0", "86401", "a-while"],
    "DATABASE_PREFIX": ["Upper-", "x" * 31, "a.b"],
    "LOG_LEVEL": ["verbose-value"],
    "METRICS_HOST": ["everywhere", "127.0.0.1:9400"],
    "METRICS_PORT": ["65536", "a-port"],
    "OTEL_EXPORTER_OTLP_ENDPOINT": ["collector-value", "ftp://127.0.0.1"],
    "OTEL_TRACES_FILE": ["/no-folder/spans"],
    "OTEL_TRACES_RATIO": ["1.5", "-1", "half-value"],
    "KILL_POINT": ["nowhere-value", ":payments", "engine.after_commit"],
    "KILL_POINT_FILE": ["/no-folder/fired"],
    "KILL_POINT_AFTER": ["0", "now-value"],
}


def test_a_variable_that_is_wrong_is_named_and_its_value_kept() -> None:
    wrong = [(name, value) for name, values in WRONG.items() for value in values]
    said = refused(*(GOOD | {name: value} for name, value in wrong))
    for (name, value), (line,) in zip(wrong, said, strict=True):
        assert line.startswith(f"  {name}: ")
        assert value not in line.removeprefix(f"  {name}: ") or len(value) < 3  # "0" is no secret


def test_a_url_needs_more_than_its_scheme() -> None:
    schemes = {"MONGO_URI": "mongodb", "REDIS_URL": "redis", "GATEWAY_URL": "http", "CARRIER_URL": "http"}
    said = refused(*(GOOD | {name: f"{scheme}://"} for name, scheme in schemes.items()))
    form = "  {}: must be a URL of the form {}://host:port"
    assert said == [[form.format(name, scheme)] for name, scheme in schemes.items()]


def test_what_is_wrong_is_named_all_at_once() -> None:
    (lines,) = refused(GOOD | {"PORT": "0", "JWT_SECRET": "short", "SERVICE": ""})
    assert [line.split(":")[0].strip() for line in lines] == ["PORT", "JWT_SECRET", "SERVICE"]


def test_production_starts_with_its_secrets_and_the_names_of_its_hosts() -> None:
    assert starts(PRODUCTION) == [(0, "('shop.example', 'www.shop.example')\n")]


def test_production_does_not_start_without_what_development_derives() -> None:
    lacking = [("MASTER_KEY", ""), ("CARRIER_WEBHOOK_SECRET", ""), ("ALLOWED_HOSTS", ""), ("ALLOWED_HOSTS", " , ")]
    said = refused(*(PRODUCTION | {name: value} for name, value in lacking))
    assert said == [[f"  {name} is required in production"] for name, _ in lacking]


def test_production_does_not_start_with_a_kill_point() -> None:
    armed = {"KILL_POINT": "engine.after-commit:payments"}
    refusal = "  KILL_POINT has the process kill itself: refused in production"
    assert starts(GOOD | armed) == [(0, "()\n")]
    assert refused(PRODUCTION | armed) == [[refusal]]


def test_a_link_may_be_encrypted_and_signed_in(tmp_path: Path) -> None:
    file = tmp_path / "a certificate.pem"
    file.touch()
    user, path = f"shop:{quote('hunter2/hunter:2@50%', safe='')}", quote(str(file))
    urls = [
        {"MONGO_URI": f"mongodb://{user}@a:1,b:2/?replicaSet=rs0&authSource=admin&tls=true&tlsCAFile={path}"},
        {"MONGO_URI": f"mongodb+srv://{user}@cluster.example.com/?tlsCertificateKeyFile={path}"},
        {"REDIS_URL": f"rediss://{user}@h:1/0?ssl_cert_reqs=required&ssl_ca_certs={path}&ssl_check_hostname=true"},
        {"REDIS_URL": f"rediss://h/0?ssl_certfile={path}&ssl_keyfile={path}"},
        {"REDIS_URL": "redis://:hunter2@h/1"},
    ]
    assert starts(*(GOOD | each for each in urls)) == [(0, "()\n")] * len(urls)


SIGNED_IN = {"KAFKA_SASL_MECHANISM": "SCRAM-SHA-512", "KAFKA_SASL_USERNAME": "shop", "KAFKA_SASL_PASSWORD": "hunter2"}
FILES = {f"KAFKA_SSL_{each}_FILE": __file__ for each in ("CA", "CERTIFICATE", "KEY")}


def speaking(protocol: str, *others: dict[str, str]) -> dict[str, str]:
    """A configuration with this protocol of Kafka's, and others of its variables."""
    variables = GOOD | {"KAFKA_SECURITY_PROTOCOL": protocol}
    for each in others:
        variables |= each
    return variables


def test_kafka_may_be_signed_in_to_and_encrypted_either_or_both() -> None:
    good = [speaking("PLAINTEXT"), speaking("SSL"), speaking("SSL", FILES), speaking("SASL_PLAINTEXT", SIGNED_IN)]
    good += [speaking("SASL_SSL", SIGNED_IN), speaking("SASL_SSL", SIGNED_IN, FILES)]
    assert starts(*good) == [(0, "()\n")] * len(good)


def test_kafka_is_told_all_that_its_protocol_needs() -> None:
    lacking = [speaking("SASL_SSL", SIGNED_IN, {name: ""}) for name in SIGNED_IN]
    assert refused(*lacking) == [[f"  {name} is required with KAFKA_SECURITY_PROTOCOL=SASL_SSL"] for name in SIGNED_IN]
    halves = [speaking("SSL", FILES, {f"KAFKA_SSL_{each}_FILE": ""}) for each in ("CERTIFICATE", "KEY")]
    together = "  KAFKA_SSL_CERTIFICATE_FILE and KAFKA_SSL_KEY_FILE are required together"
    assert refused(*halves) == [[together], [together]]


def test_what_kafka_would_not_use_is_refused_whoever_sets_it_means_to_be_safe() -> None:
    unused = [("PLAINTEXT", {}, SIGNED_IN | FILES), ("SSL", {}, SIGNED_IN), ("SASL_PLAINTEXT", SIGNED_IN, FILES)]
    for protocol, used, others in unused:
        given = [speaking(protocol, used, {name: value}) for name, value in others.items()]
        said = "  {} is set, but not used with KAFKA_SECURITY_PROTOCOL={}"
        assert refused(*given) == [[said.format(name, protocol)] for name in others]


STRIPE = GOOD | {"PAYMENT_GATEWAY": "stripe", "STRIPE_API_KEY": "sk_test_1", "STRIPE_WEBHOOK_SECRET": "whsec_1"}


def test_stripe_is_not_chosen_without_its_secrets_by_a_process_that_serves_payments() -> None:
    names = ("STRIPE_API_KEY", "STRIPE_WEBHOOK_SECRET")
    assert starts(STRIPE) == [(0, "()\n")]
    assert refused(*(STRIPE | {name: "", "SERVICE": service} for name in names for service in ("all", "payments"))) == [
        [f"  {name} is required with PAYMENT_GATEWAY=stripe"] for name in names for _ in range(2)
    ]
    assert starts(STRIPE | {"SERVICE": "orders"} | dict.fromkeys(names, "")) == [(0, "()\n")]


def test_only_what_serves_shipping_needs_to_know_what_the_carrier_signs_with() -> None:
    production = {name: value for name, value in PRODUCTION.items() if name != "CARRIER_WEBHOOK_SECRET"}
    assert [
        status for status, _ in starts(production | {"SERVICE": "orders"}, production | {"SERVICE": "shipping"})
    ] == [0, 1]


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("\n".join(f"{name}='{value}'" for name, value in GOOD.items()) + "\nALLOWED_HOSTS=from-file\n")
    said = starts({}, {"ALLOWED_HOSTS": "from-shell"}, env_file=str(file))
    assert said == [(0, "('from-file',)\n"), (0, "('from-shell',)\n")]
