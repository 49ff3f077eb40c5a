"""The tree keeps its promise: a service learnt is all four learnt."""

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ROOMS = {
    "__init__.py",
    "admin.py",
    "apps.py",
    "domain.py",
    "events.py",
    "messages.py",
    "models.py",
    "selectors.py",
    "serializers.py",
    "service.py",
    "tasks.py",
    "urls.py",
    "views.py",
}
# What only one service has, because only one has such a counterpart.
OWN = {
    "orders": {"sealing.py"},
    "inventory": set(),
    "payments": {"gateway.py"},
    "shipping": {"carrier.py", "webhook.py"},
}


@pytest.mark.parametrize("service", sorted(OWN))
def test_every_service_has_the_same_rooms(service: str) -> None:
    assert {path.name for path in (ROOT / service).glob("*.py")} - OWN[service] == ROOMS


def test_no_module_of_the_project_has_outgrown_one_reading() -> None:
    folders = ("ecommerce", "orders", "inventory", "payments", "shipping", "frontend", "deploy")
    modules = [path for folder in folders for path in (ROOT / folder).rglob("*.py")]
    assert [str(path.relative_to(ROOT)) for path in modules if path.read_text().count("\n") >= 300] == []
