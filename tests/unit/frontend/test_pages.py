"""One document for all pages of the dashboard, or a plain one where it is not built."""

import json
import os
from pathlib import Path

import pytest
from django.test import RequestFactory

from frontend import pages


@pytest.fixture
def built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder where the build would be."""
    monkeypatch.setattr(pages, "BUILT", tmp_path)
    return tmp_path


def build(folder: Path, name: str, second: int) -> None:
    chunk = {"file": f"assets/{name}.js", "css": [f"assets/{name}.css"], "isEntry": True, "src": pages.ENTRY}
    manifest = folder / "manifest.json"
    manifest.write_text(json.dumps({pages.ENTRY: chunk}))
    os.utime(manifest, (second, second))


def page() -> tuple[str, str]:
    response = pages.dashboard(RequestFactory().get("/orders"))
    return response.content.decode(), response.get("Cache-Control", "")


def test_a_page_has_the_script_and_the_styles_of_the_build(built: Path) -> None:
    build(built, "main-abc", 1)
    html, cached = page()
    assert '<script type="module" src="/static/frontend/assets/main-abc.js"></script>' in html
    assert '<link rel="stylesheet" href="/static/frontend/assets/main-abc.css">' in html
    assert cached == "no-cache"


def test_a_new_build_is_seen_without_a_restart(built: Path) -> None:
    build(built, "main-old", 1)
    page()
    build(built, "main-new", 2)
    assert "main-new.js" in page()[0]
    assert "main-old" not in page()[0]


def test_without_a_build_the_page_says_how_to_make_it_and_what_there_is_besides(built: Path) -> None:
    html, _ = page()
    assert "<code>make install</code>" in html
    for url in ("/admin/", "/api/docs", "/api/v1/products", "/readyz", "/metrics"):
        assert f'href="{url}"' in html
