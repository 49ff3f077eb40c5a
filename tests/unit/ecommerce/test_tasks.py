"""Shared Celery tasks: what needs no server."""

from typing import Any

import pytest
from celery.platforms import EX_FAILURE, EX_OK
from celery.worker import state as worker

from ecommerce.tasks import is_stopping


@pytest.mark.parametrize(("told", "stopping"), [(None, False), (False, False), (EX_OK, True), (EX_FAILURE, True)])
def test_a_worker_told_to_exit_with_any_status_ends_its_shift(
    told: Any, stopping: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    # SIGTERM sets the exit status 0, which equals False.
    monkeypatch.setattr(worker, "should_stop", told)
    assert is_stopping() is stopping
