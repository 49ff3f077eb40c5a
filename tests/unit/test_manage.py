"""The command line itself, whatever the command."""

import subprocess
import sys

from deploy.local import places

# Interrupted while it made something that cannot be let go half made: PyMongo's transactions are so.
HALF_MADE = """
import manage

class Half:
    def __init__(self):
        raise KeyboardInterrupt

    def __del__(self):
        self.missing

manage.execute_from_command_line = lambda argv: Half()
raise SystemExit(manage.main())
"""


def test_ctrl_c_ends_with_one_line_whatever_was_half_made() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", HALF_MADE], cwd=places.ROOT, capture_output=True, text=True, check=False, timeout=60
    )
    assert ended.returncode == 130
    assert ended.stderr == "interrupted; it may be run again\n"


def test_what_no_database_could_hold_is_refused_before_anything_is_done() -> None:
    command = [sys.executable, "manage.py", "dlq", "list", "--error", b"caf\xe9"]
    ended = subprocess.run(command, cwd=places.ROOT, capture_output=True, text=True, check=False, timeout=60)
    assert (ended.returncode, ended.stderr) == (2, "not UTF-8: b'caf\\xe9'\n")
