"""The pages: one document for all of them, in which the dashboard runs."""

from functools import lru_cache
from pathlib import Path

import msgspec
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from ecommerce import typed

BUILT = Path(__file__).resolve().parent / "static" / "frontend"
ENTRY = "src/app/main.tsx"


class Chunk(msgspec.Struct):
    """A script of the build with its style sheets, as paths below `BUILT`."""

    file: str
    css: list[str] = []


def dashboard(request: HttpRequest, **_: str) -> HttpResponse:
    """The same for every path: which page it is, the dashboard sees itself. Without a build, what there is besides."""
    built = entry()
    if built is None:
        return render(request, "frontend/not_built.html")
    response = render(request, "frontend/dashboard.html", {"script": built.file, "styles": built.css})
    response["Cache-Control"] = "no-cache"  # the files that it names have other names after the next build
    return response


def entry() -> Chunk | None:
    """Where the dashboard begins, or None where it has not been built."""
    manifest = BUILT / "manifest.json"
    try:
        return _read(manifest, manifest.stat().st_mtime_ns)
    except FileNotFoundError:
        return None


@lru_cache(maxsize=1)
def _read(manifest: Path, at: int) -> Chunk:  # `at` makes a new build known
    return typed.decode(manifest.read_bytes(), dict[str, Chunk])[ENTRY]
