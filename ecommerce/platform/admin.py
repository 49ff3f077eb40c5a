"""Users and keys in the back office."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from unfold.admin import ModelAdmin
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from ecommerce.backoffice import ReadOnlyAdmin
from ecommerce.platform.models import DataKey, Erasure, Reveal, SpentToken, User
from ecommerce.transaction import in_transaction

admin.site.index_title = "Today"
admin.site.unregister(Group)


class Whole(admin.ModelAdmin):  # type: ignore[type-arg]
    """What a form stores, it stores whole: the row, what belongs to it, and the record of who did it.

    Django's admin relies on `atomic`, which does nothing on MongoDB. The view may run again on a write conflict.
    """

    def add_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return _whole(request, lambda: super(Whole, self).add_view(request, *args, **kwargs))

    def change_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return _whole(request, lambda: super(Whole, self).change_view(request, *args, **kwargs))

    def delete_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return _whole(request, lambda: super(Whole, self).delete_view(request, *args, **kwargs))


def _whole(request: HttpRequest, view: Callable[[], HttpResponse]) -> HttpResponse:
    return in_transaction("default", lambda _: view()) if request.method == "POST" else view()


@admin.register(User)
class PeopleAdmin(Whole, UserAdmin, ModelAdmin):  # type: ignore[type-arg,misc]
    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        fields = super().get_readonly_fields(request, obj)
        return fields if _is_superuser(request) else (*fields, "is_superuser", "user_permissions")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Who may change users may not make themselves more than a role gives, by way of a superuser's password."""
        if obj is not None and obj.is_superuser and not _is_superuser(request):
            return False
        return super().has_change_permission(request, obj)


def _is_superuser(request: HttpRequest) -> bool:
    return bool(getattr(request.user, "is_superuser", False))


@admin.register(Group)
class RolesAdmin(Whole, GroupAdmin, ModelAdmin):  # type: ignore[misc]
    pass


@admin.register(DataKey)
class DataKeyAdmin(ReadOnlyAdmin):
    list_display = ("id", "customer_id", "created_at", "destroyed_at")
    exclude = ("wrapped",)
    search_fields = ("customer_id__exact",)


@admin.register(Erasure)
class ErasureAdmin(ReadOnlyAdmin):
    list_display = ("customer_id", "by", "reason", "started_at", "finished_at", "is_clean")
    search_fields = ("customer_id__exact",)


@admin.register(Reveal)
class RevealAdmin(ReadOnlyAdmin):
    list_display = ("at", "by", "order_id", "customer_id", "reason")
    search_fields = ("order_id__exact", "customer_id__exact", "by__exact")


@admin.register(SpentToken)
class SpentTokenAdmin(ReadOnlyAdmin):
    list_display = ("jti", "user_id", "expires_at")


@admin.register(LogEntry)
class RecordAdmin(ReadOnlyAdmin):
    """Who did what in the back office."""

    list_display = ("action_time", "who", "object_repr", "what")
    list_select_related = False  # a join comes before the sorting, which no index serves then
    ordering = ("-pk",)
    search_help_text = "A user name"
    search_fields = ("user_id__exact",)
    exclude = ("user", "content_type", "action_flag", "change_message")
    readonly_fields = ("who", "what")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[LogEntry], search_term: str
    ) -> tuple[QuerySet[LogEntry], bool]:
        if name := search_term.strip():
            people = User.objects.filter(username=name).values_list("pk", flat=True)
            queryset = queryset.filter(user_id__in=list(people))
        return queryset, False

    @admin.display(description="who")
    def who(self, entry: LogEntry) -> str:
        return str(entry.user)

    @admin.display(description="what")
    def what(self, entry: LogEntry) -> str:
        return entry.get_change_message() or ("Added.", "Changed.", "Deleted.")[entry.action_flag - 1]
