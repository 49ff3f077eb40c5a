"""The platform's app, and Django's own with the primary keys that MongoDB needs."""

from django.apps import AppConfig
from django.contrib.admin.apps import SimpleAdminConfig
from django.contrib.auth.apps import AuthConfig
from django.contrib.contenttypes.apps import ContentTypesConfig

_OBJECT_ID = "django_mongodb_backend.fields.ObjectIdAutoField"


class PlatformConfig(AppConfig):
    name = "ecommerce.platform"
    label = "platform"
    default_auto_field = _OBJECT_ID


class MongoAdminConfig(SimpleAdminConfig):
    """The admin, whose pages are found by the URLs: a process that serves none is smaller by a sixth without them."""

    default_site = "unfold.sites.UnfoldAdminSite"
    default_auto_field = _OBJECT_ID


class MongoAuthConfig(AuthConfig):
    default_auto_field = _OBJECT_ID


class MongoContentTypesConfig(ContentTypesConfig):
    default_auto_field = _OBJECT_ID
