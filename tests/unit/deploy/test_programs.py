"""What runs beside what: a party that hangs must not hold up anybody else's work."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from deploy.local.programs import METRICS_PORTS, pipeline
from tests.pipeline import pipeline_processes


def queues(commands: Iterable[Sequence[str]]) -> list[str]:
    """What each Celery worker among the processes takes from."""
    return sorted(command[command.index("-Q") + 1] for command in commands if "-Q" in command)


def test_no_worker_takes_the_tasks_of_two_parties_or_those_and_the_deadlines() -> None:
    expected = ["default", "payments", "relay", "shipping"]
    assert queues(program.command for program in pipeline({})) == expected
    assert queues(process.arguments for process in pipeline_processes(Path(), deadline_seconds=1)) == expected


def test_every_process_of_ours_without_a_port_tells_its_metrics_on_one_of_its_own() -> None:
    programs = [each for each in pipeline({}) if each.env and not each.ports]
    assert {program.name: program.env["METRICS_PORT"] for program in programs} == {
        name: str(port) for name, port in METRICS_PORTS.items()
    }
    taken = [
        port for each in pipeline({}) for port in (*each.ports, *map(int, [each.env.get("METRICS_PORT", 0)])) if port
    ]
    assert len(taken) == len(set(taken))


def test_another_port_moves_those_of_all_our_processes() -> None:
    def ports(**env: str) -> list[int]:
        web = [port for program in pipeline(env) if program.ready_url for port in program.ports]
        return web + [int(program.env["METRICS_PORT"]) for program in pipeline(env) if "METRICS_PORT" in program.env]

    assert sorted(ports()) == [3000, *range(4001, 4005), *range(9401, 9411)]
    assert ports(PORT="3100") == [port + 100 for port in ports()]


def test_with_stripe_no_sandbox_gateway_is_started() -> None:
    def names(**env: str) -> list[str]:
        return [program.name for program in pipeline(env) if "gateway" in program.name]

    assert names() == names(PAYMENT_GATEWAY="sandbox") == ["gateway"]
    assert names(PAYMENT_GATEWAY="stripe") == []


def test_a_server_is_started_where_a_link_to_this_machine_is_in_the_clear() -> None:
    def servers(**env: str) -> list[str]:
        return [program.name for program in pipeline(env) if program.server]

    kafka = {"KAFKA_BROKERS": "127.0.0.1:9092"}
    assert servers(MONGO_URI="mongodb://127.0.0.1:27017/", REDIS_URL="redis://localhost:6379/0", **kafka) == [
        *("mongo", "kafka", "redis")
    ]
    assert servers(MONGO_URI="mongodb://127.0.0.1:27017/?tls=true") == []
    assert servers(MONGO_URI="mongodb://shop:secret@127.0.0.1:27017/") == []
    assert servers(REDIS_URL="rediss://127.0.0.1:6379/0") == servers(REDIS_URL="redis://:secret@127.0.0.1:6379/0") == []
    assert servers(KAFKA_SECURITY_PROTOCOL="SASL_SSL", **kafka) == []
