"""What staff may do from a page: a button with a reason, which ends in a command to the engine, on record.

A deed is done in one transaction, by whoever may change the model, and written into the admin's own history after it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.utils import quote, unquote
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from unfold.widgets import UnfoldAdminTextInputWidget

from ecommerce import identity
from ecommerce.backoffice.readonly import ReadOnlyAdmin
from ecommerce.messages import Refused

_LONGEST_REASON = 500


class DeedForm(forms.Form):
    """Every deed asks why. Others ask for more. A form that is sent twice is one deed: it has a `key`."""

    key = forms.CharField(max_length=36, widget=forms.HiddenInput, initial=identity.new_id)

    reason = forms.CharField(
        max_length=_LONGEST_REASON, label="Reason, for the record", widget=UnfoldAdminTextInputWidget
    )


class OptionalReason(DeedForm):
    """For what harms nobody."""

    reason = forms.CharField(
        max_length=_LONGEST_REASON, label="Reason, for the record", required=False, widget=UnfoldAdminTextInputWidget
    )


@dataclass(frozen=True, kw_only=True)
class Doer:
    """Who does it, and what the form said."""

    by: str
    said: dict[str, Any]

    def command_id(self, deed: str, row: str) -> str:
        """The id of the command to the engine that this form stands for, for one row."""
        return identity.derived_id("command", self.by, f"backoffice/{deed}/{row}", self.said["key"])

    @property
    def reason(self) -> str:
        return str(self.said["reason"])


@dataclass(frozen=True, kw_only=True)
class Deed:
    """Something to be done with one row: `do` says what came of it, or raises `Refused`.

    `offered` tells for which rows. With `bulk` it is offered for many, each by itself. One without an effect that
    anybody has to account for is not `recorded`.
    """

    name: str
    label: str
    do: Callable[[str, Doer], str]
    form: type[DeedForm] = DeedForm
    offered: Callable[[Any], bool] = lambda _: True
    bulk: bool = False
    dangerous: bool = False
    recorded: bool = True


class DeedsAdmin(ReadOnlyAdmin):
    """A page with `deeds` for those who have the right to change the model."""

    deeds: Sequence[Deed] = ()
    change_form_outer_before_template = "ecommerce/deeds.html"

    def may_do(self, request: HttpRequest) -> bool:
        """Not `has_change_permission`: with that, Django would offer to set fields by a form."""
        return bool(request.user.has_perm(f"{self.opts.app_label}.change_{self.opts.model_name}"))  # type: ignore[union-attr]

    def get_urls(self) -> list[URLPattern]:
        views = [
            path(
                f"<path:object_id>/{deed.name}/",
                self.admin_site.admin_view(self._view(deed)),
                name=f"{self.opts.app_label}_{self.opts.model_name}_{deed.name}",
            )
            for deed in self.deeds
        ]
        return [*views, *super().get_urls()]

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        row: Model = kwargs["obj"]
        context["deeds"] = [
            (deed, deed.form(auto_id=f"{deed.name}-%s"), self._url(deed.name, row.pk))
            for deed in self.deeds
            if self.may_do(request) and deed.offered(row)
        ]
        return super().render_change_form(request, context, *args, **kwargs)  # type: ignore[no-any-return]

    def _url(self, name: str, id: str) -> str:
        return reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_{name}", args=[quote(id)])

    def _view(self, deed: Deed) -> Callable[..., HttpResponse]:
        def view(request: HttpRequest, object_id: str) -> HttpResponse:
            if request.method != "POST":
                return HttpResponseNotAllowed(["POST"])
            if not self.may_do(request):
                raise PermissionDenied
            row = self.get_object(request, unquote(object_id))
            if row is None:
                return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
            form = deed.form(request.POST)
            if form.is_valid():
                self._do(request, deed, row, form.cleaned_data)
            else:
                wrong = (f"{form[name].label}: {said[0]}" for name, said in form.errors.items())
                messages.error(request, "; ".join(wrong))
            return HttpResponseRedirect(self._url("change", row.pk))

        return view

    def _do(self, request: HttpRequest, deed: Deed, row: Model, said: dict[str, Any]) -> None:
        try:
            outcome = deed.do(str(row.pk), Doer(by=request.user.get_username(), said=said))
        except Refused as refused:
            messages.error(request, f"{row}: {refused.detail}")
            return
        messages.success(request, f"{row}: {outcome}")
        if deed.recorded:
            self.log_change(request, row, f"{deed.label}: {outcome} ({said['reason'] or 'no reason given'})")

    # Many at once

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        if not self.may_do(request):
            return {}
        return {
            deed.name: (self._for_many(deed), deed.name, f"{deed.label}: the selected ones")
            for deed in self.deeds
            if deed.bulk
        }

    def _for_many(self, deed: Deed) -> Callable[..., HttpResponse | None]:
        def action(_: Any, request: HttpRequest, rows: QuerySet[Any]) -> HttpResponse | None:
            form = deed.form(request.POST if "confirmed" in request.POST else None)
            if form.is_valid():
                for id in list(rows.values_list("pk", flat=True)):
                    row = self.get_object(request, id)  # anew: one before it may have changed it
                    if row is None:
                        messages.warning(request, f"{id} is not there any more")
                    elif deed.offered(row):
                        self._do(request, deed, row, form.cleaned_data)
                    else:
                        messages.warning(request, f"{row}: left as it is, this cannot be done with it")
                return None
            context = self.admin_site.each_context(request) | {"title": deed.label, "opts": self.opts}
            context |= {"deed": deed, "form": form, "rows": rows, "checkbox": admin.helpers.ACTION_CHECKBOX_NAME}
            return TemplateResponse(request, "ecommerce/deed_for_many.html", context)

        return action
