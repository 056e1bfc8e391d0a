"""Laurel's own addresses, and beside them what it is measured against: below /v1 too, where the middleware is the same."""

import os

from django.http import HttpRequest, HttpResponse
from django.urls import path

from config.urls import handler400, handler403, handler404, handler500, urlpatterns
from tests.benchmarks.floor import upsert
from tests.benchmarks.naive import NaiveParticipantViewSet

__all__ = ["handler400", "handler403", "handler404", "handler500", "urlpatterns"]


def worker(request: HttpRequest) -> HttpResponse:
    """Which of the server's processes has this connection."""
    return HttpResponse(str(os.getpid()))


urlpatterns = [
    path("v1/benchmarks/naive", NaiveParticipantViewSet.as_view({"post": "create"})),
    path("v1/benchmarks/floor", upsert),
    path("benchmarks/worker", worker),
    *urlpatterns,
]
