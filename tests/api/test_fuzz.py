"""The API against its own description: Schemathesis with all its checks, as a customer and as staff.

`make test:fuzz` makes many cases (FUZZ_EXAMPLES for each operation), a run of all tests a few.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.api.hooks import PASSWORD

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "5"))
ROOT = Path(__file__).parents[2]

CONFIG = """
[auth.dynamic.openapi.accessToken]
path = "/api/v1/auth/token"
payload = {{ username = "{who}", password = "{password}" }}
extract_selector = "/access"

[checks.positive_data_acceptance]
expected-statuses = ["2xx", "304", "401", "403", "404", "409", "422", "429"]

[[operations]]  # a name may be taken
include-operation-id = "register"
checks.positive_data_acceptance.expected-statuses = ["2xx", "400"]
"""


@pytest.mark.parametrize("who", ["customer", "staff"])
def test_it_does_what_it_says(api: str, who: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "schemathesis.toml"
    config.write_text(CONFIG.format(who=who, password=PASSWORD))
    run = subprocess.run(
        [
            *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(config)),
            *("run", f"{api}/api/schema", "--checks", "all", "--max-examples", str(EXAMPLES)),
        ],
        cwd=ROOT,
        env=os.environ | {"SCHEMATHESIS_HOOKS": "tests.api.hooks", "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        timeout=1800,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    found = re.search(r"(\d+) generated", run.stdout)
    assert found, run.stdout
    with capsys.disabled():
        print(f" {found[1]} cases as {who} ", end="", flush=True)
