"""Documents and pictures name what is there: files, headings, commands, targets, variables, topics."""

import re
import subprocess
from io import StringIO
from pathlib import Path
from urllib.parse import unquote

import pytest
from django.core.management import call_command, get_commands

from ecommerce.environment import Environment
from ecommerce.registry import services

ROOT = Path(__file__).resolve().parents[3]
_LISTED = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True)
FILES = _LISTED.stdout.splitlines()
PAGES = [ROOT / path for path in FILES if path.endswith(".md")]
MAKEFILE = (ROOT / "Makefile").read_text()
TARGETS = {each.replace("\\", "") for each in re.findall(r"^([a-z][a-z:\\-]*):(?= |$)", MAKEFILE, re.MULTILINE)}


def named(page: Path) -> str:
    return str(page.relative_to(ROOT))


def without_code(text: str) -> str:
    return re.sub(r"```.*?```", "", text, flags=re.DOTALL)


def anchors(page: Path) -> set[str]:
    """As GitHub makes them of headings."""
    headings = re.findall(r"^#+ (.+)$", without_code(page.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_there_are_documents() -> None:
    assert {"README.md", "CONTRIBUTING.md", "docs/architecture.md", "docs/adr/README.md"} <= set(map(named, PAGES))


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_a_link_leads_to_something(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", without_code(page.read_text())):
        if re.match(r"[a-z]+:", target):
            continue  # elsewhere: tests ask nobody outside
        path, _, anchor = unquote(target).partition("#")
        found = (page.parent / path).resolve() if path else page
        assert found.exists(), f"{target} is not there"
        assert found.is_relative_to(ROOT)
        if anchor and found.suffix == ".md":
            assert anchor in anchors(found), f"{target}: no such heading"


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_a_command_that_a_page_names_exists(page: Path) -> None:
    text = page.read_text()
    assert set(re.findall(r"manage\.py ([a-z][a-z_]+)", text)) - {"test"} <= set(get_commands())
    assert {each.rstrip(":") for each in re.findall(r"`make ([a-z][a-z:-]*)", text)} <= TARGETS


def test_every_variable_is_in_the_example_and_nothing_else() -> None:
    example = re.findall(r"^(?:# )?([A-Z][A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE)
    assert len(example) == len(set(example))
    assert set(example) == set(Environment.model_fields)


def test_every_target_is_named_to_be_run_whatever_files_there_are() -> None:
    phony = set(re.findall(r"^\.PHONY: (.*)$", MAKEFILE, re.MULTILINE)[0].replace("\\", "").split())
    assert phony == TARGETS


def test_the_picture_of_the_pipeline_is_that_of_the_code() -> None:
    drawn = StringIO()
    call_command("show_pipeline", stdout=drawn)
    assert drawn.getvalue().strip() in (ROOT / "docs" / "pipeline.md").read_text()


def test_the_dashboard_draws_what_the_services_take() -> None:
    layout = (ROOT / "frontend" / "ui" / "src" / "features" / "pipeline" / "layout.ts").read_text()
    drawn = {
        name: set(re.findall(r'"(\w+)"', taken))
        for name, taken in re.findall(r"^  (\w+): \[([^\]]*)\],$", layout, re.MULTILINE)
    }
    events = {
        service.name: {topic.removesuffix(".events") for topic in service.topics if topic.endswith(".events")}
        for service in services()
    }
    assert drawn == {name: taken - {name} for name, taken in events.items()}
