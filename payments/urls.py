"""Payments' URLs."""

from django.urls import path

from payments import views

urlpatterns = [
    path("payments/<str:order_id>", views.PaymentView.as_view()),
    path("payments/<str:order_id>/refund", views.RefundView.as_view()),
    path("webhooks/stripe", views.StripeWebhookView.as_view()),
]
