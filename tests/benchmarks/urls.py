"""Laurel's own addresses, and beside them what it is measured against.

The floor is below /v1, where browsers' middleware stands aside for a key; the naive way has Django's middleware as it comes.
"""

import os

from django.http import HttpRequest, HttpResponse
from django.urls import path

from config.urls import handler400, handler403, handler404, handler500, urlpatterns
from tests.benchmarks import floor
from tests.benchmarks.naive import NaiveParticipantViewSet
from tests.benchmarks.naive_events import NaiveEventBatchView, NaiveEventViewSet
from tests.benchmarks.naive_ledger import NaiveAdjustmentView

__all__ = ["handler400", "handler403", "handler404", "handler500", "urlpatterns"]


def worker(request: HttpRequest) -> HttpResponse:
    """Which of the server's processes has this connection."""
    return HttpResponse(str(os.getpid()))


urlpatterns = [
    path("benchmarks/naive", NaiveParticipantViewSet.as_view({"post": "create"})),
    path("benchmarks/naive/credit/<uuid:participant_id>", NaiveAdjustmentView.as_view()),
    path("benchmarks/naive/events", NaiveEventViewSet.as_view({"post": "create"})),
    path("benchmarks/naive/events/batch", NaiveEventBatchView.as_view()),
    path("v1/benchmarks/floor", floor.upsert),
    path("v1/benchmarks/floor/events", floor.event),
    path("benchmarks/worker", worker),
    *urlpatterns,
]
