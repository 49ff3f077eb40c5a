#!/usr/bin/env python
"""Django's command line."""

import os
import sys

from django.core.management import execute_from_command_line

_LASTING = {"consume", "live", "relay"}

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ecommerce.settings")
    if not _LASTING.intersection(sys.argv[1:2]):  # what is for people to read says what goes wrong, and no more
        os.environ.setdefault("LOG_LEVEL", "WARNING")
    execute_from_command_line(sys.argv)
