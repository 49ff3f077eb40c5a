"""What else the documents show: kinds of blocks, Python, and the tests that keep the promises."""

import ast
import re
import tomllib
from collections.abc import Iterator

import pytest
from django.core.management import get_commands

from deploy.local.places import ROOT
from tests.docs.documents import DOCUMENTS, Block, blocks

LANGUAGES = {"sh", "text", "mermaid", "python"}
BLOCKS = [block for page in DOCUMENTS for block in blocks(page)]
SUITES = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["pytest"]["ini_options"]["testpaths"]
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


def promised() -> list[tuple[str, str]]:
    """The rows of the README's table: a promise, and what proves it."""
    _, _, below = (ROOT / "README.md").read_text().partition("| promise | proved by |\n|---|---|\n")
    rows = [row.split("|") for row in below.partition("\n\n")[0].splitlines()]
    return [(promise.strip(), proof) for _, promise, proof, _ in rows]


@pytest.mark.parametrize(("promise", "proof"), promised(), ids=lambda each: each[:40])
def test_a_promise_has_commands_that_there_are(promise: str, proof: str) -> None:
    targets = re.findall(r"`make ([\w:-]+)`", proof)
    assert targets
    makefile = (ROOT / "Makefile").read_text().replace("\\:", ":")
    for target in targets:
        recipe = re.search(rf"^{target}:.*\n(\t.*\n)+", makefile, re.MULTILINE)
        assert recipe, f"make {target}"
        (suite,) = set(re.findall(r"\$\(PYTEST\) (tests/\S+)", recipe[0]))
        path = ROOT / suite
        modules = [path] if path.is_file() else [*path.rglob("test_*.py")]
        assert any(re.search(r"^def test_", module.read_text(), re.MULTILINE) for module in modules)
        assert any(suite.startswith(each) for each in SUITES)
    assert {*re.findall(r"`manage.py (\w+)`", proof)} <= {*get_commands()}


def test_every_promise_is_looked_at() -> None:
    assert len(promised()) >= 8, "the table is no longer where this reads it"
