"""`python keeper.py FOLDER`: when its standard input ends, ends all that was started for FOLDER and removes it.

So nothing is left of a run that was killed itself. What belongs to it has DOCUMENTS=FOLDER in its environment.
"""

import os
import shutil
import signal
import sys
from contextlib import suppress
from pathlib import Path

MARK = "DOCUMENTS"


def end_all(folder: str) -> None:
    """SIGKILL for each: data and processes are only those of a test."""
    mark = f"{MARK}={folder}".encode()
    for process in Path("/proc").iterdir():
        with suppress(OSError):
            if process.name.isdigit() and mark in (process / "environ").read_bytes().split(b"\0"):
                os.kill(int(process.name), signal.SIGKILL)


if __name__ == "__main__":
    sys.stdin.read()
    end_all(sys.argv[1])
    end_all(sys.argv[1])  # what the supervisor started meanwhile
    shutil.rmtree(sys.argv[1], ignore_errors=True)
