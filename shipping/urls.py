"""Shipping's URLs."""

from django.urls import path

from shipping import views

urlpatterns = [
    path("shipments/<str:order_id>", views.ShipmentView.as_view()),
    path("webhooks/carrier", views.CarrierWebhookView.as_view()),
]
