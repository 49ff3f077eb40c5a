"""Dead letters' URLs."""

from django.urls import path

from ecommerce.deadletters import views

urlpatterns = [
    path("dead-letters", views.DeadLettersView.as_view()),
    path("dead-letters/<str:id>", views.DeadLetterView.as_view()),
    path("dead-letters/<str:id>/dry-run", views.DryRunView.as_view()),
    path("dead-letters/<str:id>/replay", views.ReplayView.as_view()),
    path("dead-letters/<str:id>/discard", views.DiscardView.as_view()),
]
