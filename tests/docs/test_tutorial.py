"""The tutorial is built from its text, in a copy of the tree, and what it says is run there."""

import os
import subprocess
from pathlib import Path

from deploy.local.places import ROOT
from tests.copies import change, copy_tree
from tests.docs.documents import blocks
from tests.servers import Servers

PAGE = ROOT / "docs" / "tutorial.md"
MOST_LINES = 150  # of somebody's own code, with its tests, blank ones left out


def run(tree: Path, commands: str) -> None:
    # Of what this run is told, the servers count, for `manage.py`; a test in the copy has servers of its own.
    env = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "DJANGO_"))}
    env["PYTHONPATH"] = str(tree)
    done = subprocess.run(
        ["bash", "-euc", commands], cwd=tree, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert done.returncode == 0, f"{commands}\n{done.stdout[-8000:]}"


def test_a_fifth_service_takes_few_lines() -> None:
    code = [
        line for each in blocks(PAGE) if each.language == "python" for line in each.text.splitlines() if line.strip()
    ]
    assert len(code) < MOST_LINES


def test_the_tutorial_works_as_it_stands(tmp_path: Path, servers: Servers) -> None:
    copy = copy_tree(tmp_path / "tree")
    for block in blocks(PAGE):
        match block.language:
            case "python":
                (copy / block.file).parent.mkdir(parents=True, exist_ok=True)
                (copy / block.file).write_text(f"{block.text}\n")
            case "diff":
                change(copy, block.text)
            case "sh":
                run(copy, block.text)
    assert (copy / "docs/contracts/events/PointsEarned/1.0.json").exists()
    assert "loyalty" in (copy / "docs/pipeline.md").read_text()
