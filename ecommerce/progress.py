"""How far a command is, told on standard error: a bar on a terminal, elsewhere a line at once and then now and then."""

import sys
from collections.abc import Iterable, Iterator
from io import TextIOBase
from typing import Protocol, TextIO, TypeVar

from tqdm import tqdm

T = TypeVar("T")

_EVERY = 10.0  # seconds between two lines

# Around what is printed meanwhile: the bar makes room for it.
beside = tqdm.external_write_mode


class Watch(Protocol):
    """Passes `items` on, and may tell how many there were so far, of how many, and of what."""

    def __call__(self, items: Iterable[T], what: str, *, of: int | None = None) -> Iterable[T]: ...


def unwatched(items: Iterable[T], what: str, *, of: int | None = None) -> Iterable[T]:
    """A `Watch` for where nobody looks."""
    return items


def watched(items: Iterable[T], what: str, *, of: int | None = None) -> Iterator[T]:
    """A `Watch` for people at a command."""
    if sys.stderr.isatty():
        bar = tqdm(total=of, desc=what, leave=False)
    else:
        shape = "{desc}: {n_fmt} of {total_fmt}, {elapsed}" if of is not None else "{desc}: {n_fmt}, {elapsed}"
        bar = tqdm(total=of, desc=what, leave=False, bar_format=shape, mininterval=_EVERY, file=_Lines(sys.stderr))
    with bar:
        for item in items:
            yield item
            bar.update()


class _Lines(TextIOBase):
    """A line for each state of a bar, which is drawn over the one before on a terminal."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        if drawn := text.strip():
            self._stream.write(f"{drawn}\n")
            self._stream.flush()
        return len(text)
