#!/usr/bin/env python
"""Django's command line."""

import os
import signal
import sys

from django.core.management import execute_from_command_line

_LASTING = {"consume", "live", "relay"}
_MISUSED = 2
_INTERRUPTED = 128 + signal.SIGINT


def main() -> int:
    """Runs the command; its exit status where it does not exit by itself."""
    for given in sys.argv:
        if not _is_utf8(given):
            sys.stderr.write(f"not UTF-8: {os.fsencode(given)!r}\n")
            return _MISUSED
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ecommerce.settings")
    if not _LASTING.intersection(sys.argv[1:2]):  # what is for people to read says what goes wrong, and no more
        os.environ.setdefault("LOG_LEVEL", "WARNING")
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(line_buffering=True)  # who reads them through a pipe sees how far it is
    try:
        execute_from_command_line(sys.argv)
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # whoever insists need not wait for what ends now
        sys.unraisablehook = lambda _: None  # what was half made just then may fail when it is let go
        behind = "\n" if sys.stderr.isatty() else ""  # where the terminal shows ^C
        sys.stderr.write(f"{behind}interrupted; it may be run again\n")
        return _INTERRUPTED
    return 0


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


if __name__ == "__main__":
    sys.exit(main())
