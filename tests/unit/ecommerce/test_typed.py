"""Types that several threads read for the first time at once."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
_PAST_IT = re.compile(r"msgspec\.(convert\(|json\.Decoder\(|json\.decode\([^\n]*type=)")
FOLDERS = ("ecommerce", "orders", "inventory", "payments", "shipping", "frontend")

# In a process of its own, which without the protection dies of SIGSEGV. Each round has types that nobody has read yet.
FIRST_READERS = """
import sys, threading
import msgspec
from ecommerce import typed

sys.setswitchinterval(1e-6)
text = '{"id": "o1", "items": [{"sku": "s1", "counts": [1, 2]}]}'
for _ in range(300):
    Item = msgspec.defstruct("Item", [("sku", str), ("counts", list[int])])
    Order = msgspec.defstruct("Order", [("id", str), ("items", tuple[Item, ...])])
    together = threading.Barrier(8)

    def read():
        together.wait()
        assert typed.decode(text, Order) == typed.convert(msgspec.json.decode(text), Order)

    readers = [threading.Thread(target=read) for _ in range(8)]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join()
"""


def test_threads_that_read_a_type_for_the_first_time_together_live() -> None:
    done = subprocess.run([sys.executable, "-c", FIRST_READERS], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("folder", FOLDERS)
def test_nobody_reads_a_type_past_it(folder: str) -> None:
    modules = [path for path in (ROOT / folder).rglob("*.py") if path.name != "typed.py"]
    assert [str(path) for path in modules if _PAST_IT.search(path.read_text())] == []
