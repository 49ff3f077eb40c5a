"""`make load-test` in small, on a pipeline of its own. Not a part of `make test`."""

import os
import subprocess
import sys
from pathlib import Path

from deploy.local import places
from tests.load.running_pipeline import running_pipeline
from tests.pipeline import URL
from tests.servers import Servers

LOCUST = [sys.executable, "-m", "locust", "-f", "tests/load/storefront.py", "--headless", "--stop-timeout", "10"]


def test_a_storefronts_mix_gets_only_promised_answers(schema: None, servers: Servers, tmp_path: Path) -> None:
    with running_pipeline(servers, tmp_path) as pipeline:
        command = [*LOCUST, "-u", "10", "-r", "10", "-t", "15s", "--host", URL]
        done = subprocess.run(
            command, cwd=places.ROOT, env=os.environ | {"RATE": "10"}, capture_output=True, text=True, timeout=120
        )
        assert done.returncode == 0, done.stderr[-3000:] + done.stdout[-3000:]
        kinds = ("GET      /api/v1/products", "POST     /api/v1/orders", "GET      /api/v1/orders/{id}")
        assert all(kind in done.stderr + done.stdout for kind in kinds)
        pipeline.prove()
