"""The URLs of the pages, and of what only they ask for."""

from django.urls import path

from frontend import pages, views

PAGES = ("", "orders", "orders/<str:id>", "dead-letters", "dead-letters/<str:id>", "shop")  # as the dashboard's routes

urlpatterns = [
    *(path(page, pages.dashboard) for page in PAGES),
    path("api/v1/pipeline", views.PipelineView.as_view()),
]
