"""What browsers are told, by production's settings and by development's."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from tests.integration.people import PASSWORD, Person, staff

ROOT = Path(__file__).resolve().parents[2]
PRODUCTION = {
    "DJANGO_SETTINGS_MODULE": "ecommerce.settings",
    "ENVIRONMENT": "production",
    "ALLOWED_HOSTS": "shop.example",
    "CSRF_TRUSTED_ORIGINS": "https://shop.example",
    "MASTER_KEY": "A" * 43 + "=",
    "CARRIER_WEBHOOK_SECRET": "a secret that only the tests know",
}
ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
NOTHING = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'"
ANSWERS: dict[str, tuple[str, int]] = {
    "/api/v1/products": (NOTHING, 200),
    "/api/v1/orders": (NOTHING, 401),
    "/api/v1/nothing": (NOTHING, 404),
    "/healthz": (NOTHING, 200),
    "/api/schema": (NOTHING, 200),
    "/": ("script-src 'self'; style-src 'self'; ", 200),
    "/api/docs": ("script-src 'self'; style-src 'self' 'unsafe-inline'; ", 200),
    "/admin/login/": ("script-src 'self' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; ", 200),
    "/static/unfold/js/app.js": (NOTHING, 200),
}


@pytest.mark.parametrize("path", ANSWERS)
def test_every_answer_tells_browsers_what_it_needs_and_no_more(alice: Person, path: str) -> None:
    policy, status = ANSWERS[path]
    answer = Client().get(path)
    assert answer.status_code == status
    expected = {name: value for name, value in ALWAYS.items() if name != "X-Frame-Options" or "/static/" not in path}
    assert {name: answer.get(name) for name in expected} == expected
    assert policy in answer["Content-Security-Policy"]
    assert answer["Content-Security-Policy"].startswith("default-src 'none'; frame-ancestors 'none'")
    assert "camera=()" in answer["Permissions-Policy"]
    assert "Server" not in answer
    assert "X-Powered-By" not in answer
    if path.startswith("/api/"):
        assert answer["Cache-Control"] == "no-store"


def test_what_says_how_long_it_may_be_kept_keeps_that(alice: Person, order: str) -> None:
    assert alice.get(f"/api/v1/orders/{order}")["Cache-Control"] == "private, no-cache"


def test_no_page_has_a_script_in_it(alice: Person) -> None:
    staff("root", is_superuser=True)
    client = Client()
    assert client.login(username="root", password=PASSWORD)
    for path in ("/", "/admin/", reverse("admin:orders_order_changelist"), reverse("admin:platform_user_add")):
        text = client.get(path).content.decode()
        scripts = re.findall(r"<script\b([^>]*)>", text)
        assert [each for each in scripts if "src=" not in each and "application/json" not in each] == []
        assert re.findall(r"\son(?:click|load|error|submit|change)=", text) == []


def in_production(code: str) -> Any:
    """What a script prints that has production's settings; as JSON."""
    ended = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=os.environ | PRODUCTION,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return json.loads(ended.stdout.splitlines()[-1])


def test_djangos_own_check_of_a_deployment_finds_nothing() -> None:
    ended = subprocess.run(
        [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"],
        cwd=ROOT,
        env=os.environ | PRODUCTION,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "no issues" in ended.stdout + ended.stderr


ASKED = """
import json, django; django.setup()
from django.test import Client
plain = Client(SERVER_NAME="shop.example")
safe = Client(SERVER_NAME="shop.example", headers={"x-forwarded-proto": "https"})
login, other = safe.get("/admin/login/"), Client(SERVER_NAME="evil.example").get("/")
print(json.dumps({
    "redirected": [plain.get("/admin/login/").status_code, plain.get("/admin/login/")["Location"]],
    "probed": plain.get("/healthz").status_code,
    "hsts": login["Strict-Transport-Security"],
    "cookies": {name: [each["secure"], each["path"], each["domain"], each["samesite"]]
                for name, each in login.cookies.items()},
    "other host": other.status_code,
    "session": [django.conf.settings.SESSION_COOKIE_NAME, django.conf.settings.SESSION_COOKIE_SECURE,
                django.conf.settings.SESSION_COOKIE_HTTPONLY, django.conf.settings.DEBUG],
}))
"""


def test_in_production_nothing_goes_over_plain_http_and_cookies_are_this_hosts_own(schema: None) -> None:
    assert in_production(ASKED) == {
        "redirected": [301, "https://shop.example/admin/login/"],
        "probed": 200,
        "hsts": "max-age=31536000; includeSubDomains; preload",
        "cookies": {"__Host-csrf": [True, "/", "", "Lax"]},
        "other host": 400,
        "session": ["__Host-session", True, True, False],
    }
