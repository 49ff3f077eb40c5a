"""Orders' URLs."""

from django.urls import path

from orders import views

urlpatterns = [
    path("orders", views.OrdersView.as_view()),
    path("orders/<str:order_id>", views.OrderView.as_view()),
    path("orders/<str:order_id>/timeline", views.TimelineView.as_view()),
    path("orders/<str:order_id>/events/<str:event_id>", views.EventView.as_view()),
    path("orders/<str:order_id>/diagnosis", views.DiagnosisView.as_view()),
    path("orders/<str:order_id>/cancel", views.CancelView.as_view()),
]
