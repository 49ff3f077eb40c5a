"""Users and keys in the back office."""

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin

from ecommerce.backoffice import ReadOnlyAdmin
from ecommerce.platform.models import DataKey, SpentToken, User

admin.site.register(User, UserAdmin)


@admin.register(DataKey)
class DataKeyAdmin(ReadOnlyAdmin):
    list_display = ("id", "customer_id", "created_at", "destroyed_at")
    exclude = ("wrapped",)
    search_fields = ("customer_id",)


@admin.register(SpentToken)
class SpentTokenAdmin(ReadOnlyAdmin):
    list_display = ("jti", "user_id", "expires_at")
