"""The URLs of the pages, and of what only they ask for."""

from django.urls import path

from frontend import views

urlpatterns = [path("", views.landing), path("api/v1/pipeline", views.PipelineView.as_view())]
