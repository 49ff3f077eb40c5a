"""The whole pipeline as processes of its own, on the tests' servers."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from django.core.management import call_command

from ecommerce.demo import Shop
from tests.pipeline import URL, pipeline_processes, start_empty
from tests.processes import running
from tests.servers import RunningServer, Servers, started


@dataclass(frozen=True)
class Pipeline:
    """The running processes by name, and the shop that customers see."""

    processes: dict[str, RunningServer]
    shop: Shop


@pytest.fixture(scope="module")  # not longer: other tests empty the databases
def pipeline(
    request: pytest.FixtureRequest, servers: Servers, schema: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Pipeline]:
    """Everything that `make up` runs, with the demo's users and products. The module may name the orders' deadline."""
    start_empty(servers)  # other tests leave messages on the topics
    folder = tmp_path_factory.mktemp("pipeline")
    with_metrics = getattr(request.module, "WITH_METRICS", False)
    seconds = getattr(request.module, "DEADLINE_SECONDS", 120)
    wanted = pipeline_processes(folder, deadline_seconds=seconds, with_metrics=with_metrics)
    processes = {process.name: running(process, folder) for process in wanted}
    with started(*processes.values()):
        call_command("seed", verbosity=0)
        yield Pipeline(processes, Shop(URL))
