"""The API as a process of its own, with a shop to try it on."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings

from ecommerce import identity
from ecommerce.platform.models import User
from ecommerce.registry import engine
from inventory.events import ProductUpserted
from inventory.messages import AdjustStock, PutProduct
from tests.api.hooks import PASSWORD, SKU
from tests.pipeline import URL, pipeline_processes
from tests.processes import running


@pytest.fixture(scope="module")
def api(module_databases: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Its URL, as the command line knows no better. There are a customer, a member of the staff and a product."""
    User.objects.create_user("customer", password=PASSWORD)
    User.objects.create_superuser("staff", password=PASSWORD)
    engine("inventory").execute(PutProduct(sku=SKU, name="Cup", price=1250, currency="USD"), id="put")
    engine("inventory").execute(AdjustStock(sku=SKU, delta=100, reason="came in", by="staff"), id="came-in")
    known = ProductUpserted(sku=SKU, name="Cup", price=1250, currency="USD", revision=1)
    engine("orders").execute(known, id=identity.derived_id("known"))
    folder = Path(tmp_path_factory.mktemp("web"))
    seconds = int(settings.ORDER_DEADLINE.total_seconds())
    web = next(each for each in pipeline_processes(folder, deadline_seconds=seconds) if each.name == "web")
    process = running(web, folder)
    try:
        process.launch()
        process.wait_ready()
        yield URL
    finally:
        process.stop()
