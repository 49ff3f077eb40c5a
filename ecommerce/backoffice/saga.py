"""The saga on an order's page: the logs of all services side by side, and where the order waits now.

What a service did is shown to those who may see that service's own page of the order.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.apps import apps
from django.contrib.admin.utils import quote
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from ecommerce import diagnosis, saga
from ecommerce.backoffice.readonly import ReadOnlyAdmin
from ecommerce.registry import services
from ecommerce.service import Service

_HEADERS = ["Time (UTC)", "Service", "What", "Caused by", "Said", "Taken by"]


class SagaAdmin(ReadOnlyAdmin):
    """A page of an order, whose key is that of the row."""

    change_form_outer_before_template = "ecommerce/saga.html"  # below the deeds, if there are any

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        row: Model = kwargs["obj"]
        context["saga"] = _shown(request, str(row.pk))
        return super().render_change_form(request, context, *args, **kwargs)  # type: ignore[no-any-return]


def _shown(request: HttpRequest, order_id: str) -> dict[str, Any]:
    visible = [each for each in services() if _may_view(request, _page_of(each))]
    names = {each.name for each in visible}
    known = diagnosis.known(order_id, visible)
    happened = [step for step in saga.steps(services(), known.logs) if step.service in names]
    return {
        "table": {"headers": _HEADERS, "rows": [_cells(step) for step in happened]},
        "waits": [_told(request, finding) for finding in diagnosis.findings(order_id, visible, known)],
        "pages": [*_pages(request, visible, known.states)],
        "hidden": [each.name for each in services() if each.name not in names],
    }


def _cells(step: saga.Step) -> list[Any]:
    mark = SafeString(' <span class="font-semibold text-orange-600">↩ compensation</span>') if step.compensates else ""
    taken = format_html_join(", ", "{} {}", ((name, _after(step.at, at)) for name, at in step.taken.items()))
    return [
        f"{step.at:%Y-%m-%d %H:%M:%S}.{step.at.microsecond // 1000:03}",
        step.service,
        format_html("{}{}", step.type, mark),
        step.cause or "-",
        step.said or "-",
        taken or "-",
    ]


def _after(made: datetime, taken: datetime) -> str:
    return f"+{(taken - made).total_seconds():.3f} s"


def _told(request: HttpRequest, finding: diagnosis.Finding) -> SafeString:
    said = format_html("{}{}", str(finding)[:700], f" → {finding.action}" if finding.action else "")
    if finding.letter and request.user.has_perm(f"{finding.service}.view_deadletter"):  # type: ignore[union-attr]
        link = reverse(f"admin:{finding.service}_deadletter_change", args=[quote(finding.letter)])
        return format_html('{} <a class="text-primary-600 underline" href="{}">Open the dead letter</a>', said, link)
    return said


def _pages(request: HttpRequest, visible: list[Service], states: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """The order's pages of the services that know it."""
    for service in visible:
        if states[service.name]:
            model = _page_of(service)
            name = f"admin:{model._meta.app_label}_{model._meta.model_name}_change"
            yield str(model._meta.verbose_name), reverse(name, args=[quote(states[service.name]["_id"])])


def _page_of(service: Service) -> type[Model]:
    collection = service.aggregates[0].collection
    return next(model for model in apps.get_app_config(service.name).get_models() if model._meta.db_table == collection)


def _may_view(request: HttpRequest, model: type[Model]) -> bool:
    return bool(request.user.has_perm(f"{model._meta.app_label}.view_{model._meta.model_name}"))  # type: ignore[union-attr]
