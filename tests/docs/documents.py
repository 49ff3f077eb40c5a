"""The commands that the documents give: fenced `sh` blocks, and in tables what begins like a command."""

import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from deploy.local.places import ROOT

# In the order in which they are run: the first one starts the pipeline.
DOCUMENTS = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "TROUBLESHOOTING.md")]
DOCUMENTS += sorted({*(ROOT / "docs").glob("*.md")} - {ROOT / "docs" / "tutorial.md"})  # which test_tutorial builds

PLACEHOLDER = re.compile(r"<([a-z]+)>")
_FENCE = re.compile(r"^ *```(\w*)(?: (\S+))?$")
_IN_A_TABLE = re.compile(r"`((?:[A-Z]+=\S+ )?(?:make|manage\.py|python -m deploy\.local|kubectl|docker) [^`]+)`")


@dataclass(frozen=True)
class Command:
    """A command as a document gives it, in a block or in a table."""

    document: str
    line: int
    text: str
    fenced: bool = True

    @property
    def bare(self) -> str:
        """Without a comment behind it."""
        return re.sub(r"\s+#.*$", "", self.text)

    def __str__(self) -> str:
        return f"{self.document}:{self.line}: {self.text}"


@dataclass(frozen=True)
class Block:
    """A fenced block; `line` is that of its first line, `file` what it is the whole of."""

    document: str
    line: int
    language: str
    file: str
    text: str


def blocks(page: Path) -> Iterator[Block]:
    """The fenced blocks of a page, without their indentation."""
    language, file, begun, lines = "", "", 0, list[str]()
    for number, line in enumerate(page.read_text().splitlines(), start=1):
        fence = _FENCE.match(line)
        if not fence:
            lines.append(line)
        elif begun:
            indentation = len(line) - len(line.lstrip())
            text = "\n".join(each[indentation:] for each in lines)
            yield Block(str(page.relative_to(ROOT)), begun, language, file, text)
            begun = 0
        else:
            language, file, begun, lines = fence[1], fence[2] or "", number + 1, []


def commands(page: Path) -> Iterator[Command]:
    """Those of a page in their order."""
    found = [*_of_blocks(page), *_of_tables(page)]
    yield from sorted(found, key=lambda command: command.line)


def _of_blocks(page: Path) -> Iterator[Command]:
    for block in blocks(page):
        if block.language == "sh":
            for line, text in _parted(block.text):
                yield Command(block.document, block.line + line, text)


def _of_tables(page: Path) -> Iterator[Command]:
    for number, line in enumerate(page.read_text().splitlines(), start=1):
        if line.startswith("|"):
            for text in _IN_A_TABLE.findall(line):
                yield Command(str(page.relative_to(ROOT)), number, text, fenced=False)


def _parted(text: str) -> Iterator[tuple[int, str]]:
    """The commands of a block, each with the number of its first line from 0: a command ends where bash can read it."""
    begun, lines = 0, list[str]()
    for number, line in enumerate(text.splitlines()):
        lines.append(line)
        if not line.endswith("\\") and _is_whole("\n".join(lines)):
            yield begun, "\n".join(lines)
            begun, lines = number + 1, []
    assert not lines, f"bash cannot read {lines}"


def _is_whole(text: str) -> bool:
    return subprocess.run(["bash", "-n", "-c", PLACEHOLDER.sub("x", text)], capture_output=True).returncode == 0
