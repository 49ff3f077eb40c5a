"""A page that shows what is sealed of a row: to those with the permission, with a reason, and on record before it does.

What is shown goes into that one answer and nowhere else: into no message, session, log or cache.
"""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.contrib.admin.utils import quote, unquote
from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from unfold.widgets import UnfoldAdminTextInputWidget

from ecommerce import identity
from ecommerce.backoffice.readonly import ReadOnlyAdmin
from ecommerce.masterkeys import Locked
from ecommerce.platform.models import Reveal
from ecommerce.vault import Erased

PERMISSION = "platform.reveal_personal_data"


class ReasonForm(forms.Form):
    """Why somebody has to see it."""

    reason = forms.CharField(max_length=500, label="Reason, for the record", widget=UnfoldAdminTextInputWidget)


class RevealingAdmin(ReadOnlyAdmin):
    """A page of an order with a way to its personal data, which `opened` gives."""

    def opened(self, row: Any) -> Mapping[str, str]:
        """What is sealed of the row, by what people call it. Raises `Erased`, `Locked`."""
        raise NotImplementedError

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self._reveal)
        return [path("<path:object_id>/personal-data/", view, name=self._name), *super().get_urls()]

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> Any:
        fields = super().get_readonly_fields(request, obj)
        return [*fields, "personal_data"] if request.user.has_perm(PERMISSION) else fields  # type: ignore[union-attr]

    def personal_data(self, row: Model) -> str:
        """The way there."""
        return format_html(
            '<a href="{}">Reveal, with a reason</a>', reverse(f"admin:{self._name}", args=[quote(row.pk)])
        )

    @property
    def _name(self) -> str:
        return f"{self.opts.app_label}_{self.opts.model_name}_personal_data"

    def _reveal(self, request: HttpRequest, object_id: str) -> HttpResponse:
        if request.method not in ("GET", "POST"):
            return HttpResponseNotAllowed(["GET", "POST"])
        row: Any = self.get_object(request, unquote(object_id))
        if not request.user.has_perm(PERMISSION) or not self.has_view_permission(request, row):  # type: ignore[union-attr]
            raise PermissionDenied
        if row is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
        form = ReasonForm(request.POST if request.method == "POST" else None)
        context = self.admin_site.each_context(request) | {"title": f"Personal data of {row}", "opts": self.opts}
        context |= {"form": form, "row": row}
        if form.is_valid():
            Reveal.objects.create(
                by=request.user.get_username(),
                order_id=row.pk,
                customer_id=row.customer_id,
                reason=form.cleaned_data["reason"],
                at=identity.now(),
            )
            context |= self._shown(row)
        return TemplateResponse(request, "ecommerce/personal_data.html", context)  # as all of the admin's, not cached

    def _shown(self, row: Any) -> dict[str, Any]:
        try:
            return {"shown": self.opened(row)}
        except Erased:
            return {"instead": "Erased: the customer's key is destroyed, and nobody can read this any more."}
        except Locked as locked:
            return {"instead": str(locked)}
