"""Copies of this working copy, in which a test may change the code and run it."""

import shutil
import subprocess
from pathlib import Path

from deploy.local.places import ROOT

_INSTALLED = (".venv", "var/lib", "frontend/ui/node_modules", "frontend/static/frontend")


def copy_tree(to: Path) -> Path:
    """The files of the project, and links to what `make install` fetches. Gives the copy's root."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    for name in listed.stdout.splitlines():
        if (ROOT / name).is_file():  # not what is deleted and not committed yet
            (to / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, to / name)
    for name in _INSTALLED:
        if (ROOT / name).exists():
            (to / name).parent.mkdir(parents=True, exist_ok=True)
            (to / name).symlink_to(ROOT / name)
    return to


def change(tree: Path, differences: str) -> None:
    """Applies them: `-` names a line that is there once, each `+` after it a line that takes its place."""
    file, old, new = tree, "", []

    def apply() -> None:
        if not old:
            return
        text = file.read_text()
        assert text.count(f"{old}\n") == 1, f"{file.name} has no such line, or several: {old}"
        file.write_text(text.replace(f"{old}\n", "".join(f"{line}\n" for line in new)))

    for line in differences.splitlines():
        if line.startswith("+++ "):
            apply()
            file, old, new = tree / line.removeprefix("+++ b/"), "", []
        elif line.startswith("+"):
            new.append(line[1:])
        elif line.startswith("-") and not line.startswith("--- "):
            apply()
            old, new = line[1:], []
    apply()
