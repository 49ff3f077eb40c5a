"""What else the documents show: kinds of blocks, Python, and the tests that keep the promises."""

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local.places import ROOT
from tests.docs.documents import DOCUMENTS, Block, blocks

LANGUAGES = {"sh", "text", "mermaid", "python"}
BLOCKS = [block for page in DOCUMENTS for block in blocks(page)]
PYTHON = [block for block in BLOCKS if block.language == "python"]


def test_every_block_says_what_it_is() -> None:
    assert [f"{block.document}:{block.line}" for block in BLOCKS if block.language not in LANGUAGES] == []
    assert PYTHON


@pytest.mark.parametrize("block", PYTHON, ids=lambda block: f"{block.document}:{block.line}")
def test_python_is_python_and_what_it_shows_of_the_code_is_the_code(block: Block) -> None:
    compile(block.text, block.document, "exec")
    code = {name: shown for path in ROOT.glob("*/events.py") for name, shown in defined(path.read_text())}
    for name, shown in defined(block.text):
        assert shown == code.get(name, shown), f"{name} is another in the code"


def defined(text: str) -> Iterator[tuple[str, str]]:
    """The classes and functions at the top of a module, without their docstrings."""
    for node in ast.parse(text).body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            if ast.get_docstring(node) is not None:
                node.body = node.body[1:]
            yield node.name, ast.unparse(node)


def promised() -> list[str]:
    """The tests that the README names beside the promises; a bare name is beside the one before it."""
    _, _, table = (ROOT / "README.md").read_text().partition("| promise | shown by |")
    folder, found = Path(), []
    for name in re.findall(r"`([\w/]+(?:\.py|/))`", table):
        path = Path(name) if "/" in name else folder / name
        folder = path if name.endswith("/") else path.parent
        found.append(str(path))
    return found


@pytest.mark.parametrize("name", promised())
def test_a_promise_has_a_test_that_make_test_runs(name: str) -> None:
    path = ROOT / name
    modules = [path] if path.is_file() else [*path.rglob("test_*.py")]
    assert any(re.search(r"^def test_", module.read_text(), re.MULTILINE) for module in modules)
    suites = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["pytest"]["ini_options"]["testpaths"]
    assert any(name.startswith(suite) for suite in suites)


def test_every_promise_names_a_test() -> None:
    _, _, table = (ROOT / "README.md").read_text().partition("| promise | shown by |")
    rows = re.findall(r"^\| (?!---)(.+) \| (.+) \|$", table, re.MULTILINE)
    assert len(rows) >= 7
    assert [promise for promise, shown in rows if not re.search(r"`tests/|`make test:", shown)] == []
