"""Authentication's URLs."""

from django.urls import path

from ecommerce.platform import views

urlpatterns = [
    path("register", views.RegisterView.as_view()),
    path("token", views.TokenView.as_view()),
    path("token/refresh", views.RefreshView.as_view()),
    path("logout", views.LogoutView.as_view()),
    path("ws-ticket", views.TicketView.as_view()),
]
