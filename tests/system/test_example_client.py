"""The client in docs/api.md works as it stands there."""

import re
import subprocess
import sys
from pathlib import Path

from tests.pipeline import URL
from tests.system.conftest import Pipeline

DEADLINE_SECONDS = 600
DOCUMENT = Path(__file__).parents[2] / "docs" / "api.md"


def test_the_example_places_an_order_and_sees_it_end(pipeline: Pipeline, tmp_path: Path) -> None:
    found = re.search("```python\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
    assert found
    code = found[1].replace("http://127.0.0.1:3000", URL)
    assert URL in code
    script = tmp_path / "shop.py"
    script.write_text(code)
    run = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stderr
    assert re.fullmatch(r"COMPLETED [\d.]+ USD \S+\n", run.stdout), run.stdout
