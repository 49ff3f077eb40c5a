"""Users and keys in the back office."""

from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.http import HttpRequest

from ecommerce.platform.models import DataKey, User

admin.site.register(User, UserAdmin)


@admin.register(DataKey)
class DataKeyAdmin(admin.ModelAdmin):
    list_display = ("id", "customer_id", "created_at", "destroyed_at")
    exclude = ("wrapped",)
    search_fields = ("customer_id",)
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
