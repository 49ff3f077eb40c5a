"""The URLs that this process serves: those of its services, and the platform's where it serves all."""

from importlib import import_module

from django.conf import settings
from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path
from drf_spectacular.views import SpectacularSwaggerSplitView

from ecommerce import health
from ecommerce.http import openapi

admin.autodiscover()

# What is asked for most comes first: Django notes each pattern that it tries in vain.
urlpatterns: list[URLPattern | URLResolver] = [
    path("api/v1/", include(import_module(f"{name}.urls"))) for name in settings.SERVED
]
urlpatterns += [
    path("healthz", health.healthz),
    path("readyz", health.readyz),
    path("metrics", health.metrics),
    path("admin/", admin.site.urls),
    path("api/schema", openapi.schema, name="schema"),
    path("api/docs", SpectacularSwaggerSplitView.as_view(url_name="schema", schema=None)),
]
urlpatterns += [path("api/v1/", include("ecommerce.deadletters.urls"))]
if settings.ENV.SERVICE == "all":
    urlpatterns += [path("api/v1/auth/", include("ecommerce.platform.urls")), path("", include("frontend.urls"))]

handler404 = "ecommerce.http.problems.not_found"
handler500 = "ecommerce.http.problems.server_error"
