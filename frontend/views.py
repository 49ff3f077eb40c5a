"""The pages."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render


def landing(request: HttpRequest) -> HttpResponse:
    """Where everything is."""
    return render(request, "frontend/landing.html")
