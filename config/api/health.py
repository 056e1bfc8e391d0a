"""Liveness and readiness probes for load balancers and orchestrators."""

import time
from collections.abc import Callable

from django.db import DatabaseError, InterfaceError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, JsonResponse

from participants.events import queue

BACKLOG_KEPT_FOR = 5.0  # seconds


class HealthMiddleware:
    """Middleware that answers /healthz and /readyz before the checks of Host and HTTPS, since probes use a bare address."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        self.is_migrated = False
        self._backlog: tuple[float, queue.Backlog] | None = None

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path_info == "/healthz":
            return JsonResponse({"status": "ok"})
        if request.path_info == "/readyz":
            return self._readiness()
        return self.get_response(request)

    def _readiness(self) -> HttpResponse:
        """Answer 200 if the database can be written to and has every migration, else 503 with the reason.

        A long queue is told, but is no reason for 503: an import must not take the API out of its balancer.
        """
        try:
            if not _is_writable():
                # Whether a session may write can be decided when it begins, so the next probe begins another one.
                connection.close()
                return _not_ready("The database cannot be written to.")
            waiting = self._waiting_migrations()
            if waiting:
                return _not_ready(f"{waiting} migrations are pending. Run manage.py migrate.")
            events, age = self._counted_backlog()
        except (DatabaseError, InterfaceError):
            connection.close()
            return _not_ready("The database does not answer.")
        return JsonResponse(
            {
                "status": "ok",
                "queue": {
                    "pending_events": events,
                    "is_complete": events < queue.MOST_COUNTED,
                    "oldest_seconds": int(age.total_seconds()),
                },
            }
        )

    def _waiting_migrations(self) -> int:
        if self.is_migrated:
            return 0  # or each probe would read every migration's file
        executor = MigrationExecutor(connection)
        waiting = len(executor.migration_plan(executor.loader.graph.leaf_nodes()))
        self.is_migrated = not waiting
        return waiting

    def _counted_backlog(self) -> queue.Backlog:
        if self._backlog is None or time.monotonic() - self._backlog[0] > BACKLOG_KEPT_FOR:
            self._backlog = (time.monotonic(), queue.backlog())
        return self._backlog[1]


def _is_writable() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('transaction_read_only') = 'off'")
        (is_writable,) = cursor.fetchone()
    return bool(is_writable)


def _not_ready(message: str) -> HttpResponse:
    answer = JsonResponse({"code": "unavailable", "message": message}, status=503)
    answer.headers["Retry-After"] = "5"
    return answer
