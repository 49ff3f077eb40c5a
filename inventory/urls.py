"""Inventory's URLs."""

from django.urls import path

from inventory import views

urlpatterns = [
    path("products", views.ProductsView.as_view()),
    path("stock/<str:sku>", views.StockView.as_view()),
    path("stock/<str:sku>/adjustments", views.AdjustmentsView.as_view()),
    path("reservations/<str:order_id>", views.ReservationView.as_view()),
]
