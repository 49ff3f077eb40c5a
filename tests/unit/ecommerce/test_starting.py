"""What a process loads, and asks of the machine, before it does anything."""

import subprocess
import sys

import msgspec
import pytest
from django.contrib import admin
from django.core.checks import run_checks

from deploy.local import places

_SETS_UP = """
import ctypes.util, json, sys
asked = []
ctypes.util.find_library = asked.append
import django
django.setup()
from ecommerce.management.commands import consume
print(json.dumps([asked, sorted(sys.modules)]))
"""


class Started(msgspec.Struct, array_like=True):
    libraries: list[str]
    modules: list[str]


@pytest.fixture(scope="module")
def started() -> Started:
    said = subprocess.run([sys.executable, "-c", _SETS_UP], cwd=places.ROOT, capture_output=True, check=True)
    return msgspec.json.decode(said.stdout, type=Started)


def test_no_library_is_looked_for(started: Started) -> None:
    assert [name for name in started.libraries if "gdal" in name.lower()] == []


@pytest.mark.parametrize("module", ["unfold.admin", "orders.admin", "orders.views", "ecommerce.urls"])
def test_a_consumer_loads_no_pages(started: Started, module: str) -> None:
    assert module not in started.modules


def test_django_finds_nothing_wrong_with_the_code() -> None:
    """The processes do not ask: `ProjectCommand`."""
    assert admin.site._registry, "its pages are looked at too"
    assert [each for each in run_checks() if not each.is_silenced()] == []
